"""Score the rows that can be scored, and say `ERROR` for each of the others: one row out for every row in.

Knows codecs and the schema. Never knows HTTP, models.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping, Sequence

import numpy as np

from fraud_detect.codecs.csv import ABSENT, BYTE_ORDER_MARK, HEADER, PRESENT
from fraud_detect.codecs.media_types import CSV, JSON_LINES, MediaType
from fraud_detect.codecs.table import READERS
from fraud_detect.errors import BadRequest
from fraud_detect.schema import Float32Matrix, Schema

logger = logging.getLogger(__name__)
ERROR = "ERROR"


def readable_rows(body: bytes, media_type: MediaType, schema: Schema) -> tuple[Float32Matrix, Sequence[bool] | None]:
    """Return the matrix of the rows of `body` that fit `schema`, and for each row whether it does; None if all do.

    Rows are told apart by their lines, so only bodies of lines (CSV, JSON Lines) have unreadable rows.

    Raises
    ------
    BadRequest
        If the body has no lines of rows, or is of another type and a row does not fit.
    """
    try:
        matrix = READERS[media_type.name](body, schema, media_type.parameters)
    except (BadRequest, RecursionError):
        texts = _texts(body, media_type, schema)
        if not texts:
            raise
    else:
        return matrix, None
    rows = [_row(text, media_type, schema) for text in texts]
    readable = [row is not None for row in rows]
    logger.warning("%d of %d rows cannot be scored", readable.count(False), len(readable))
    matrices = [row for row in rows if row is not None]
    return np.concatenate(matrices) if matrices else np.empty((0, schema.width), np.float32), readable


def _row(text: bytes, media_type: MediaType, schema: Schema) -> Float32Matrix | None:
    """Return the one row that `text` spells, or None if it spells none that fits."""
    try:
        matrix = READERS[media_type.name](text, schema, media_type.parameters)
    except (BadRequest, RecursionError):
        return None
    return matrix if len(matrix) == 1 else None


def _texts(body: bytes, media_type: MediaType, schema: Schema) -> Sequence[bytes]:
    """Return the text of each row, under the header if there is one; nothing where lines need not be rows."""
    if media_type.name not in (CSV, JSON_LINES):
        return []
    blank_is_a_row = media_type.name == CSV and schema.width == 1
    lines = body.removeprefix(BYTE_ORDER_MARK).removesuffix(b"\n").split(b"\n")
    lines = [line for line in lines if blank_is_a_row or line.strip()]
    if media_type.name == CSV and any(line.count(b'"') % 2 for line in lines):
        return []  # a row may go on in the next line, or a quote was forgotten: which of them are rows is a guess
    if lines and media_type.name == CSV and _has_header(lines[0], media_type, schema):
        return [lines[0] + b"\n" + line for line in lines[1:]]
    return lines


def _has_header(first: bytes, media_type: MediaType, schema: Schema) -> bool:
    declared = media_type.parameters.get(HEADER, "").lower()
    return declared == PRESENT or (declared != ABSENT and _names_all(first, schema))


def _names_all(line: bytes, schema: Schema) -> bool:
    try:
        cells = next(csv.reader([line.decode("utf-8")]), [])
    except (UnicodeDecodeError, csv.Error):
        return False
    return {cell.strip() for cell in cells} >= set(schema.names)


def with_error_rows(columns: Mapping[str, Sequence[object]], readable: Sequence[bool]) -> dict[str, Sequence[object]]:
    """Return `columns`, which have a value for each readable row, with `ERROR` in the first one for each other row."""
    return {
        name: _spread(values, readable, ERROR if place == 0 else None)
        for place, (name, values) in enumerate(columns.items())
    }


def _spread(values: Sequence[object], readable: Sequence[bool], stand_in: object) -> Sequence[object]:
    left = iter(values)
    return [next(left) if fits else stand_in for fits in readable]
