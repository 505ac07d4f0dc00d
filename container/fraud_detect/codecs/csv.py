"""Read and write `text/csv`.

Two ways lead from bytes to rows. The fast one takes lines of nothing but plain numbers: split, `float`,
done. Everything else (quotes, names, categories, missing values, faults) takes the `csv` module.

Knows bytes and the schema's grammar. Never knows Flask, the model.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import numpy as np

from fraud_detect.codecs.records import Cells, Numbers, Records
from fraud_detect.errors import BadRequest
from fraud_detect.schema import ColumnKind, Schema, is_text

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
HEADER = "header"  # the parameter of text/csv in RFC 7111 and RFC 4180: present or absent


def decode(body: bytes, schema: Schema, parameters: Mapping[str, str]) -> Records:
    """Return the rows of a CSV body; its first line is a header if it names columns, or if `header=present` says so.

    Raises
    ------
    BadRequest
        If the body is empty, not UTF-8, ragged or badly quoted.
    """
    if schema.only_numbers and HEADER not in parameters:
        numbers = _plain_numbers(body)
        if numbers is not None:
            return numbers
    rows = _rows(body)
    declared = parameters.get(HEADER, "").lower()
    if declared == "present" or (declared != "absent" and _names_columns(rows[0], schema)):
        return _named(rows)
    return Cells(rows)


def _plain_numbers(body: bytes) -> Numbers | None:
    """Return the rows of a body in which every cell is a plain number, or None: the slow way says what is wrong."""
    lines = body.removesuffix(b"\n").split(b"\n")
    commas = lines[0].count(b",")
    if len(lines) > 1 and any(line.count(b",") != commas for line in lines):
        return None
    try:
        values = np.array([float(cell) for cell in b",".join(lines).split(b",")])
    except ValueError:
        return None
    return Numbers(values.reshape(len(lines), commas + 1))


def _rows(body: bytes) -> list[list[str]]:
    try:
        text = body.removeprefix(BYTE_ORDER_MARK).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"The body is not UTF-8 at byte {error.start}",
            expected="CSV text in UTF-8",
            remedy="Encode the text as UTF-8 before sending it.",
        ) from None
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
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
    """Return whether `row` is a header: every cell is text, and one is a known name or should have been a number."""
    if not all(is_text(cell) for cell in row):
        return False
    has_numbers = any(column.kind is ColumnKind.NUMBER for column in schema.columns)
    return has_numbers or any(cell.strip() in schema.known_names for cell in row)


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
