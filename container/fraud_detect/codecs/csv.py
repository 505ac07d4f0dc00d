"""Read and write `text/csv`.

Three ways lead from bytes to rows, each for what the one before does not take. Lines of nothing but JSON's numbers go
through orjson; other plain numbers, such as `.5` and ` 1`, through `float`; everything else (quotes, categories,
missing values, faults) through the `csv` module. The first two allow for a plain header.

Knows bytes and the schema's grammar. Never knows Flask, the model.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import numpy as np
import orjson

from fraud_detect.codecs.records import BYTES_PER_BLOCK, in_blocks, joined, line_blocks, matrix_of_cells, no_rows
from fraud_detect.errors import BadRequest
from fraud_detect.schema import ColumnKind, Float32Matrix, Float64Matrix, Schema, is_text

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
HEADER, PRESENT, ABSENT = "header", "present", "absent"  # the parameter of text/csv in RFC 4180
NUMERIC = b"0123456789.eE+-"


def decode(body: bytes, schema: Schema, parameters: Mapping[str, str]) -> Float32Matrix:
    """Return the rows of a CSV body as the model's matrix, float32, shape (n, schema.width).

    Its first line is a header if it names columns, or if `header=present` says so.

    Raises
    ------
    BadRequest
        If the body is empty, not UTF-8, ragged, badly quoted, or does not fit the schema.
    PayloadTooLarge
        If it has more than `records.MOST_ROWS` rows, and is read in blocks.
    """
    declared = parameters.get(HEADER, "").lower()
    plain = _plain(body, schema, declared) if schema.only_numbers else None
    if plain is not None:
        return plain
    return joined(_slow_blocks(body, schema, declared), body)


def _plain(body: bytes, schema: Schema, declared: str) -> Float32Matrix | None:
    """Return the matrix of a body that a fast way can read, or None: the slow way says what is wrong, if anything."""
    if declared != PRESENT:
        matrix = _plain_matrix(body, None, schema)
        if matrix is not None or declared == ABSENT:
            return matrix
    header, _, lines = body.removeprefix(BYTE_ORDER_MARK).partition(b"\n")
    header = header.removesuffix(b"\r")
    if b'"' in header or b"\r" in header or not header.isascii():
        return None
    names = header.decode("ascii").split(",")
    if declared != PRESENT and not _names_columns(names, schema):
        return None
    return _plain_matrix(lines, tuple(name.strip() for name in names), schema)


def _plain_matrix(lines: bytes, names: tuple[str, ...] | None, schema: Schema) -> Float32Matrix | None:
    """Return the matrix of lines of plain numbers, or None if a line is something else or has another width."""
    if len(lines) <= BYTES_PER_BLOCK:
        if names is None and lines.find(b"\n") in (-1, len(lines) - 1) and (numbers := _json_row(lines)) is not None:
            return schema.accept_row(numbers)
        values = _plain_numbers(lines)
        return None if values is None else _accepted(values, names, schema, first_row=1)
    try:
        return joined(_plain_blocks(lines, names, schema), lines)
    except _NotPlainError:
        return None


class _NotPlainError(Exception):
    """A block holds something else than plain numbers, or rows of another width."""


def _plain_blocks(lines: bytes, names: tuple[str, ...] | None, schema: Schema) -> Iterator[Float32Matrix]:
    width, row = None, 1
    for block in line_blocks(lines):
        values = _plain_numbers(block)
        if values is None or values.shape[1] != (width or values.shape[1]):
            raise _NotPlainError
        width = values.shape[1]
        accepted = _accepted(values, names, schema, first_row=row)
        if accepted is None:
            raise _NotPlainError
        yield accepted
        row += len(values)


def _accepted(
    values: Float64Matrix, names: tuple[str, ...] | None, schema: Schema, *, first_row: int
) -> Float32Matrix | None:
    if names is None:
        schema.check_width(values.shape[1])
        return schema.accept_numbers(values, first_row=first_row)
    if values.shape[1] != len(names):
        return None
    return schema.accept_numbers(values[:, schema.positions(names)], first_row=first_row)


def _plain_numbers(lines: bytes) -> Float64Matrix | None:
    """Return the matrix, float64, shape (n, width), that `lines` spell, or None if a cell is not a plain number."""
    if b"\r" in lines:
        lines = lines.replace(b"\r\n", b"\n").removesuffix(b"\r")
        if b"\r" in lines:
            return None  # the slow way takes it for a line end, which `float` passes over as a blank
    lines = lines.removesuffix(b"\n")
    commas = lines.partition(b"\n")[0].count(b",")
    separators = lines.translate(None, NUMERIC)
    rows = separators.count(b"\n") + 1
    if separators == (b"," * commas + b"\n") * (rows - 1) + b"," * commas:
        numbers = _json_numbers(lines.replace(b"\n", b","))
        if numbers is not None:
            return np.fromiter(numbers, np.float64, len(numbers)).reshape(rows, commas + 1)
    return _floats(lines.split(b"\n"), commas)


def _json_row(line: bytes) -> list[float] | None:
    """Return the numbers of one line, or None as `_json_numbers` does, and if it holds anything else than numbers."""
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    return None if line.translate(None, NUMERIC + b",") else _json_numbers(line)


def _json_numbers(cells: bytes) -> list[float] | None:
    """Return `cells` of numbers, or None if JSON writes one otherwise, or drops the sign of an integer -0."""
    if b"-0," in cells or cells.endswith(b"-0"):
        return None
    try:
        numbers: list[float] = orjson.loads(b"[%b]" % cells)
    except orjson.JSONDecodeError:
        return None
    return numbers or None


def _floats(rows: Sequence[bytes], commas: int) -> Float64Matrix | None:
    """Return the matrix of rows of `commas` commas, by `float`, which takes more forms than JSON has."""
    if any(row.count(b",") != commas for row in rows):
        return None
    try:
        values = np.array([float(cell) for cell in b",".join(rows).split(b",")])
    except ValueError:
        return None
    return values.reshape(len(rows), commas + 1)


def _slow_blocks(body: bytes, schema: Schema, declared: str) -> Iterator[Float32Matrix]:
    """Yield the matrices of blocks of rows, of whatever the `csv` module can read."""
    rows = _rows(body, schema.width)
    first = next(rows, None)
    if first is None:
        raise no_rows()
    names = None
    if declared == PRESENT or (declared != ABSENT and _names_columns(first, schema)):
        names, rows = tuple(name.strip() for name in first), _after_header(rows)
    else:
        rows = chain([first], rows)
    number = 1
    for block in in_blocks(rows, len(first)):
        _check_shape(block, len(first), number)
        yield matrix_of_cells(block, schema, names, first_row=number)
        number += len(block)


def _rows(body: bytes, width: int) -> Iterator[list[str]]:
    """Yield the cells of each line; a blank line is a missing value where rows have one, and nothing elsewhere."""
    blank = [""] if width == 1 else []
    text = body.removeprefix(BYTE_ORDER_MARK)
    _check_utf_8(text)
    lines = csv.reader(io.TextIOWrapper(io.BytesIO(text), encoding="utf-8", newline=""), strict=True)
    try:
        for row in lines:
            if row or blank:
                yield row or blank
    except csv.Error as error:
        raise BadRequest(
            f"The body is not valid CSV ({error})",
            expected='fields separated by commas, with double quotes around text that holds commas, and "" for a quote',
            remedy="Write it with a CSV library.",
        ) from None


def _check_utf_8(text: bytes) -> None:
    if text.isascii():
        return
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"The body is not UTF-8 at byte {error.start}",
            expected="CSV text in UTF-8",
            remedy="Encode the text as UTF-8 before sending it.",
        ) from None


def _after_header(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    first = next(rows, None)
    if first is None:
        raise BadRequest(
            "The body has a header and no rows",
            expected="at least one row after it",
            remedy="Send one line per transaction.",
        )
    return chain([first], rows)


def _check_shape(rows: Sequence[Sequence[str]], width: int, first_row: int) -> None:
    for number, row in enumerate(rows, start=first_row):
        if len(row) != width:
            raise BadRequest(
                f"Row {number} has {len(row)} values",
                expected=f"{width} as in the first row",
                remedy="Give every row the same number of values; leave a missing one empty.",
            )


def _names_columns(row: Sequence[str], schema: Schema) -> bool:
    """Return whether `row` is a header: nothing but known names, or text where one should have been a number."""
    names = {cell.strip() for cell in row}
    if len(names) == len(row) and names >= set(schema.names):
        return True  # also if a column is called NA, or like a category
    has_numbers = any(column.kind is ColumnKind.NUMBER for column in schema.columns)
    return has_numbers and all(is_text(cell) for cell in row)


def encode(columns: Mapping[str, Sequence[object]]) -> bytes:
    """Return one line per row, without a header; numbers in their shortest exact form, lists as JSON."""
    rows = list(zip(*columns.values(), strict=True))
    if rows and all(_PLAIN_IN_JSON.issuperset(map(type, values)) for values in columns.values()):
        return orjson.dumps(rows)[2:-2].replace(b"],[", b"\n") + b"\n"
    return "".join(",".join(map(_text, row)) + "\n" for row in rows).encode()


_PLAIN_IN_JSON = frozenset((int, float, bool))
"""What JSON writes as CSV would."""


def _text(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if any(mark in text for mark in ',"\r\n') else text
