"""Read and write `text/csv`.

Two ways lead from bytes to rows. The fast one takes lines of nothing but plain numbers, under a plain header or none:
split, `float`, done. Everything else (quotes, categories, missing values, faults) takes the `csv` module.

Knows bytes and the schema's grammar. Never knows Flask, the model.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import numpy as np

from fraud_detect.codecs.records import Cells, Numbers, Records
from fraud_detect.errors import BadRequest
from fraud_detect.schema import ColumnKind, Float64Matrix, Schema, is_text

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
HEADER, PRESENT, ABSENT = "header", "present", "absent"  # the parameter of text/csv in RFC 4180


def decode(body: bytes, schema: Schema, parameters: Mapping[str, str]) -> Records:
    """Return the rows of a CSV body; its first line is a header if it names columns, or if `header=present` says so.

    Raises
    ------
    BadRequest
        If the body is empty, not UTF-8, ragged or badly quoted.
    """
    declared = parameters.get(HEADER, "").lower()
    plain = _plain(body, schema, declared) if schema.only_numbers else None
    if plain is not None:
        return plain
    rows = _rows(body, schema.width)
    if declared == PRESENT or (declared != ABSENT and _names_columns(rows[0], schema)):
        return _named(rows)
    return Cells(rows)


def _plain(body: bytes, schema: Schema, declared: str) -> Numbers | None:
    """Return the rows of a body that the fast way can read, or None: the slow way says what is wrong, if anything."""
    if declared != PRESENT:
        values = _plain_numbers(body)
        if values is not None or declared == ABSENT:
            return None if values is None else Numbers(values)
    header, _, lines = body.removeprefix(BYTE_ORDER_MARK).partition(b"\n")
    header = header.removesuffix(b"\r")
    if b'"' in header or b"\r" in header or not header.isascii():
        return None
    names = header.decode("ascii").split(",")
    if declared != PRESENT and not _names_columns(names, schema):
        return None
    values = _plain_numbers(lines)
    if values is None or values.shape[1] != len(names):
        return None
    return Numbers(values, tuple(name.strip() for name in names))


def _plain_numbers(lines: bytes) -> Float64Matrix | None:
    """Return the matrix, float64, shape (n, width), that `lines` spell, or None if a cell is not a plain number."""
    rows = lines.removesuffix(b"\n").split(b"\n")
    if b"\r" in lines:
        rows = [row.removesuffix(b"\r") for row in rows]
        if any(b"\r" in row for row in rows):
            return None  # the slow way takes it for a line end, which `float` passes over as a blank
    commas = rows[0].count(b",")
    if len(rows) > 1 and any(row.count(b",") != commas for row in rows):
        return None
    try:
        values = np.array([float(cell) for cell in b",".join(rows).split(b",")])
    except ValueError:
        return None
    return values.reshape(len(rows), commas + 1)


def _rows(body: bytes, width: int) -> list[list[str]]:
    """Return the cells of each line; a blank line is a missing value where rows have one, and nothing elsewhere."""
    blank = [""] if width == 1 else []
    try:
        text = body.removeprefix(BYTE_ORDER_MARK).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"The body is not UTF-8 at byte {error.start}",
            expected="CSV text in UTF-8",
            remedy="Encode the text as UTF-8 before sending it.",
        ) from None
    try:
        rows = [row or blank for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row or blank]
    except csv.Error as error:
        raise BadRequest(
            f"The body is not valid CSV ({error})",
            expected='fields separated by commas, with double quotes around text that holds commas, and "" for a quote',
            remedy="Write it with a CSV library.",
        ) from None
    _check_shape(rows)
    return rows


def _check_shape(rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        raise BadRequest("The body has no rows", expected="at least one row", remedy="Send one line per transaction.")
    width = len(rows[0])
    for number, row in enumerate(rows, start=1):
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


def _named(rows: Sequence[Sequence[str]]) -> Cells:
    names = tuple(name.strip() for name in rows[0])
    if len(rows) == 1:
        raise BadRequest(
            "The body has a header and no rows",
            expected="at least one row after it",
            remedy="Send one line per transaction.",
        )
    return Cells(rows[1:], names)


def encode(columns: Mapping[str, Sequence[object]]) -> bytes:
    """Return one line per row, without a header; numbers in their shortest exact form."""
    if len(columns) == 0:
        return b""
    lines = (",".join(map(_text, row)) for row in zip(*columns.values(), strict=True))
    return ("\n".join(lines) + "\n").encode()


def _text(value: object) -> str:
    if isinstance(value, str):
        return f'"{value.replace(chr(34), chr(34) * 2)}"' if any(mark in value for mark in ',"\r\n') else value
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)
