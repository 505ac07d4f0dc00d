"""Read `application/x-parquet`: columns by name, numbers as they are, everything else by the schema's grammar for text.

Knows the types of Parquet columns, as DuckDB names them, and the schema. Never knows Flask, the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from fraud_detect.codecs.parquet_engine import REMEDY, Engine, engine
from fraud_detect.codecs.parquet_footer import Footer, Leaf, damaged, read_footer
from fraud_detect.codecs.records import CELLS_PER_BLOCK, no_rows
from fraud_detect.errors import BadRequest, PayloadTooLarge
from fraud_detect.schema import Column, ColumnKind, Float32Matrix, Schema

MOST_CELLS = 12_500_000
"""Of a body up to 25 MB: what CSV could spell in it, with a digit and a comma a cell. Larger bodies may have more."""
LEAST_BYTES_PER_CELL = 2
CELLS_PER_QUERY = 1 << 20
SHORTEST_CUT = 61
"""Texts are cut one character beyond the longest category, and beyond what messages show."""
NUMBER_TYPES = ("INT", "DOUBLE", "FLOAT", "DECIMAL")
TEXT_TYPES = ("VARCHAR", "ENUM")
_WRITTEN_AS: Mapping[ColumnKind, str] = {
    ColumnKind.NUMBER: "numbers",
    ColumnKind.FLAG: "booleans",
    ColumnKind.CATEGORY: "text",
}


def decode(body: bytes, schema: Schema, _: Mapping[str, str]) -> Float32Matrix:
    """Return the rows of a Parquet body as the model's matrix, float32, shape (n, schema.width).

    Raises
    ------
    BadRequest
        If the body is not Parquet, is damaged or encrypted, has no rows, or does not fit the schema.
    PayloadTooLarge
        If it unpacks to more than can be read at once.
    """
    footer = read_footer(body)
    leaves = _leaves(footer, schema)
    if footer.rows == 0:
        raise no_rows()
    _check_cells(footer.rows, schema.width, most=max(MOST_CELLS, len(body) // LEAST_BYTES_PER_CELL))
    reader = engine()
    with reader.holding(memoryview(body)[: footer.start], footer.only(leaves)):
        return _matrix(reader, footer.rows, schema)


def _leaves(footer: Footer, schema: Schema) -> list[Leaf]:
    """Return the columns of the features, in the schema's order."""
    leaves = []
    for column, position in zip(schema.columns, schema.positions(footer.names), strict=True):
        leaf = footer.leaves[position]
        if leaf is None:
            raise _wrong_type(column, "lists or structs")
        leaves.append(leaf)
    return leaves


def _check_cells(rows: int, width: int, *, most: int) -> None:
    if rows * width > most:
        raise PayloadTooLarge(
            f"The Parquet body has {rows} rows of {width} features",
            expected=f"at most {most // width} rows, {most} values",
            remedy=REMEDY,
        )


def _matrix(reader: Engine, rows: int, schema: Schema) -> Float32Matrix:
    matrix = np.empty((rows, schema.width), dtype=np.float32)
    numbers, texts = _by_reading(schema, reader.types())
    for places in _in_turns(numbers, max(1, CELLS_PER_QUERY // rows)):
        part = Schema(columns=tuple(schema.columns[place] for place in places))
        values = reader.numbers(places, rows)
        with np.errstate(invalid="ignore"):  # a signalling NaN is as missing as another
            matrix[:, places] = part.accept_numbers(values)
    if texts:
        _read_texts(reader, matrix, texts, schema)
    return matrix


def _in_turns(places: Sequence[int], count: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(places), count):
        yield places[start : start + count]


def _by_reading(schema: Schema, types: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return the places of the features that are read as numbers, and of those that are read as text.

    Training reads the same types in the same way. A flag may be text, and a category a number such as 5411; a number
    that has become text is no longer the same number for everyone, and is refused.
    """
    numbers: list[int] = []
    texts: list[int] = []
    for place, (column, name) in enumerate(zip(schema.columns, types, strict=True)):
        kind = kind_of(name)
        if kind is None or (column.kind is ColumnKind.NUMBER and kind is not ColumnKind.NUMBER):
            raise _wrong_type(column, name)
        is_number = column.kind is kind and kind is not ColumnKind.CATEGORY
        (numbers if is_number else texts).append(place)
    return numbers, texts


def kind_of(name: str) -> ColumnKind | None:
    """Return what the cells of a column of DuckDB's type `name` can be, None for dates, nested types and the like."""
    if name == "BOOLEAN":
        return ColumnKind.FLAG
    if name.endswith("]"):
        return None
    if name.startswith(TEXT_TYPES):
        return ColumnKind.CATEGORY
    is_number = any(number in name.partition("(")[0] for number in NUMBER_TYPES) and not name.startswith("INTERVAL")
    return ColumnKind.NUMBER if is_number else None


def _wrong_type(column: Column, name: str) -> BadRequest:
    return BadRequest(
        f"Column '{column.name}' has the Parquet type {name}",
        expected=column.expectation(),
        remedy=f"Convert the column to {_WRITTEN_AS[column.kind]} before writing the file.",
    )


def _read_texts(reader: Engine, matrix: Float32Matrix, places: Sequence[int], schema: Schema) -> None:
    """Fill the columns of `matrix` at `places` from text."""
    part = Schema(columns=tuple(schema.columns[place] for place in places))
    cuts = [max(SHORTEST_CUT, *(len(text) + 1 for text in column.categories), 0) for column in part.columns]
    row = 0
    for block in reader.texts(places, cuts, rows_per_block=max(1, CELLS_PER_BLOCK // part.width)):
        if row + len(block) > len(matrix):
            raise damaged("its row groups and columns differ in length")
        matrix[row : row + len(block), places] = part.encode(block, range(part.width), first_row=row + 1)
        row += len(block)
    if row < len(matrix):
        raise damaged("its row groups and columns differ in length")
