"""From parsed rows to the model's matrix, a block of rows at a time.

A body of 25 MB would need many times its size as Python objects; in blocks only its matrix grows with it.

Knows the schema. Never knows bytes, media types, the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from fraud_detect.errors import BadRequest, PayloadTooLarge
from fraud_detect.schema import Cell, Float32Matrix, Schema

CELLS_PER_BLOCK = 1 << 17
MOST_ROWS = 1 << 21
"""Of a request. Rows of one or two columns take little in a body, and as much as others in an answer."""
BYTES_PER_BLOCK = 1 << 20
"""A body up to this size is read in one piece."""


def in_blocks(rows: Iterable[Any], width: int) -> Iterator[list[Any]]:
    """Yield `rows` in lists of some `CELLS_PER_BLOCK` cells, given rows of `width` cells."""
    left, rows_per_block = iter(rows), max(1, CELLS_PER_BLOCK // max(1, width))
    while block := list(islice(left, rows_per_block)):
        yield block


def line_blocks(lines: bytes) -> Iterator[bytes]:
    """Yield `lines` in blocks of whole lines, each but the last of `BYTES_PER_BLOCK` or a little more."""
    start = 0
    while start < len(lines):
        end = lines.find(b"\n", start + BYTES_PER_BLOCK) + 1 or len(lines)
        yield lines[start:end]
        start = end


def joined(blocks: Iterable[Float32Matrix], body: bytes) -> Float32Matrix:
    """Return the rows of all `blocks`, float32, shape (n, width), as one matrix; `body` is what they were read from.

    Raises
    ------
    BadRequest
        If there are none.
    PayloadTooLarge
        If there are more than `MOST_ROWS`.
    """
    whole, filled = None, 0
    for block in blocks:
        if whole is None:  # as large as it can become: a cell takes a byte at least, and memory is used when written
            whole = np.empty((len(body) // block.shape[1] + 1, block.shape[1]), np.float32)
        if filled + len(block) > MOST_ROWS:
            raise too_many_rows()
        whole[filled : filled + len(block)] = block
        filled += len(block)
    if whole is None:
        raise no_rows()
    return whole[:filled]


def matrix_of_cells(
    rows: Sequence[Sequence[Cell]], schema: Schema, names: tuple[str, ...] | None, *, first_row: int = 1
) -> Float32Matrix:
    """Return `rows`, all of one width, as the model's matrix, float32, shape (n, schema.width).

    `names` says what the cells are, or is None when they stand in the schema's order.
    """
    if names is None:
        schema.check_width(len(rows[0]))
        return schema.encode(rows, range(schema.width), first_row=first_row)
    return schema.encode(rows, schema.positions(names), first_row=first_row)


def too_many_rows() -> PayloadTooLarge:
    """Return the error for a body of so many rows that their answer would take too much memory."""
    return PayloadTooLarge(
        f"The body has more than {MOST_ROWS} rows", expected=f"at most {MOST_ROWS}", remedy="Send several requests."
    )


def no_rows() -> BadRequest:
    """Return the error for a body without rows."""
    return BadRequest("The body has no rows", expected="at least one row", remedy="Send one row per transaction.")
