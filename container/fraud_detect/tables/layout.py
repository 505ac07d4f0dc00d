"""What the columns of a CSV file are, from its first rows.

Knows CSV text and the schema's cell grammar. Never knows DuckDB, labels' meaning.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fraud_detect.errors import TableError
from fraud_detect.schema import MISSING, is_text
from fraud_detect.tables.files import Source, head

SAMPLE_ROWS = 5_000
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True)
class Layout:
    """Columns of a file in their order, whether each holds numbers or text, and whether the first row is a header.

    `blank_lines` stand before that row.
    """

    names: tuple[str, ...]
    numeric: Mapping[str, bool]
    has_header: bool
    bytes_per_row: float
    blank_lines: int = 0


def infer(source: Source, sample: tuple[bytes, bool] | None = None) -> Layout:
    """Return the layout of a CSV `source`, judged by its first rows.

    `sample` is the head of a source that can be read only once, and whether that is all of it.
    A column holds numbers if at least half of its sampled values do, so that a stray text is a fault and not
    a category.

    Raises
    ------
    TableError
        If the sample is empty, not UTF-8, ragged, badly quoted, or has a header and nothing else.
    """
    content, complete = head(source) if sample is None else sample
    rows = _sample(source, content, complete=complete)
    has_header = _is_header(rows)
    body = rows[1:] if has_header else rows
    if not body:
        raise TableError(
            f"{source} has a header and no rows", expected="at least one row after the header", remedy="Add the rows."
        )
    names = tuple(name.strip() for name in rows[0]) if has_header else _default_names(len(rows[0]))
    numeric = {name: _is_numeric([row[place] for row in body]) for place, name in enumerate(names)}
    bytes_per_row = len(content) / max(len(rows), content.count(b"\n"))
    return Layout(names, numeric, has_header, bytes_per_row, _blank_lines(content))


def _blank_lines(content: bytes) -> int:
    text = content.removeprefix(codecs.BOM_UTF8)
    return len(text[: len(text) - len(text.lstrip(b"\r\n"))].splitlines())


def _default_names(width: int) -> tuple[str, ...]:
    """Return names for a file without a header: the label first, as SageMaker has it, then f0, f1, ..."""
    return ("label", *(f"f{place}" for place in range(width - 1)))


def _sample(source: Source, content: bytes, *, complete: bool) -> list[list[str]]:
    if not complete:
        content = content[: content.rfind(b"\n") + 1] or content
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(str(source), content.count(b"\n", 0, error.start) + 1) from None
    _check_separator(source, text)
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row:
                _check_row(f"{source}, line {reader.line_num}", row, len(rows[0] if rows else row))
                rows.append(row)
            if len(rows) > SAMPLE_ROWS:
                break
    except csv.Error as error:
        if complete or not rows or next(lines, None) is not None:  # else the sample ends inside a quoted text
            raise bad_quoting(str(source), reader.line_num, error) from None
    _check_size(source, rows)
    return rows


def _check_separator(source: Source, head: str) -> None:
    """Raise if the first line has no comma and several of another separator, before its rows look ragged."""
    first = head.partition("\n")[0]
    other = next((mark for mark in (";", "\t", "|") if mark in first), None)
    if other is not None and "," not in first:
        raise TableError(
            f"{source} seems to be separated by {SEPARATORS[other]} ({first[:60]!r})",
            expected="commas between values, and decimal points",
            remedy="Write the file with commas (in pandas: to_csv(sep=',', decimal='.')).",
        )


def _check_row(where: str, row: Sequence[str], width: int) -> None:
    for cell in row:
        if cell.startswith(" ") and cell.lstrip(" ").startswith('"'):
            raise _blank_before_quotes(where, cell)
    if len(row) != width:
        raise ragged(where, len(row), width)


def _check_size(source: Source, rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        raise TableError(f"{source} is empty", expected="at least one row", remedy="Put the training data there.")
    if len(rows[0]) == 1:
        raise TableError(
            f"{source} has one column ({rows[0][0][:60]!r})",
            expected="a label and at least one feature, separated by commas",
            remedy="Write the file with commas as separators.",
        )


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row is a header: text without a number, over columns that hold numbers.

    A table of nothing but categories has no number in any row; its first row is a header if none of its cells
    stands again below.
    """
    first, below = rows[0], rows[1:]
    if any(cell not in MISSING and not is_text(cell) for cell in first) or all(cell in MISSING for cell in first):
        return False
    if any(_is_numeric([row[place] for row in below]) for place in range(len(first)) if below):
        return True
    return not any(first[place] == row[place] for row in below for place in range(len(first)))


def _is_numeric(cells: Sequence[str]) -> bool:
    present = [cell for cell in cells if cell not in MISSING]
    return 2 * sum(not is_text(cell) for cell in present) >= len(present)


def ragged(where: str, got: int, expected: int) -> TableError:
    """Return the error for a row of another width than the first."""
    return TableError(
        f"{where} has {got} values",
        expected=f"{expected} as in the first row",
        remedy="Give every row the same number of values; leave a missing one empty.",
    )


def _blank_before_quotes(where: str, cell: str) -> TableError:
    """Return the error for quotes after a blank: RFC 4180 has them as a part of the text, some readers as quotes."""
    return TableError(
        f"{where} has a blank before quotes ({cell[:60]!r})",
        expected="quotes right after the comma",
        remedy="Take out the blanks after the commas.",
    )


def not_utf8(where: str, line: int) -> TableError:
    """Return the error for text that is not UTF-8."""
    return TableError(
        f"{where}, line {line} is not UTF-8", expected="text in UTF-8", remedy="Convert the file (iconv -t UTF-8)."
    )


def bad_quoting(where: str, line: int, error: csv.Error) -> TableError:
    """Return the error for text that breaks the rules of CSV."""
    return TableError(
        f"{where}, line {line} is not valid CSV ({error})",
        expected='double quotes around text that holds commas, and "" for a quote in it',
        remedy="Write the file with a CSV library.",
    )
