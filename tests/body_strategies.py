"""Generated bodies: rows that fit a schema, every way to write them, and ways to spoil what was written."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
from hypothesis import strategies as st

from factories import a_category, a_flag, a_number, a_schema
from fraud_detect.codecs.media_types import CSV, JSON, JSON_LINES, PARQUET
from fraud_detect.codecs.table import READERS
from fraud_detect.schema import FLOAT32_LIMIT, MISSING, Column, ColumnKind, Schema
from fraud_detect.serving.openapi_components import EXAMPLE_COLUMNS

Row = list[Any]
CATEGORIES = sorted(["food", "fuel, gas", 'the "best"', "two\nlines", "é", "5411", " padded ", "=1+1", "true", "c:d"])
SCHEMAS: Mapping[str, Schema] = {
    "numbers": a_schema(*map(a_number, EXAMPLE_COLUMNS)),
    "missing allowed": a_schema(a_number("amount", missing_allowed=True), a_number("hour", missing_allowed=True)),
    "mixed": a_schema(
        a_number("amount"),
        a_category("merchant", CATEGORIES, missing_allowed=True),
        a_flag("abroad", missing_allowed=True),
        a_category("code", ["5411", "5812"], unseen_as_missing=True),
    ),
    "one column": a_schema(a_number("amount")),
    "one column, missing allowed": a_schema(a_number("amount", missing_allowed=True)),
    "one category": a_schema(a_category("merchant", CATEGORIES, missing_allowed=True)),
}

finite = st.floats(
    min_value=-FLOAT32_LIMIT, max_value=FLOAT32_LIMIT, exclude_min=True, exclude_max=True, allow_nan=False
)
numbers = st.one_of(finite, st.integers(-(10**6), 10**6), st.sampled_from([0.0, -0.0, 1e-45, 1e-46, 16777217, 1e22]))


def cells_of(column: Column) -> st.SearchStrategy[Any]:
    """Return a strategy for the cells of `column` as JSON has them; None is a missing one."""
    fitting: Mapping[ColumnKind, st.SearchStrategy[Any]] = {
        ColumnKind.NUMBER: numbers,
        ColumnKind.FLAG: st.booleans(),
        ColumnKind.CATEGORY: st.sampled_from(column.categories or ("?",)),
    }
    return st.none() | fitting[column.kind] if column.missing_allowed else fitting[column.kind]


@cache
def rows_of(name: str) -> st.SearchStrategy[list[Row]]:
    """Return a strategy for rows that fit the schema `name`, their cells in its order."""
    return st.lists(st.tuples(*map(cells_of, SCHEMAS[name].columns)).map(list), min_size=1, max_size=6)


def matrix_of(rows: Sequence[Row], schema: Schema) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return what `rows` mean, said without the code under test."""
    return np.array([list(map(_value, row, schema.columns)) for row in rows], dtype=np.float64).astype(np.float32)


def _value(cell: Any, column: Column) -> float:
    if cell is None:
        return float("nan")
    return float(column.categories.index(cell)) if column.kind is ColumnKind.CATEGORY else float(cell)


@dataclass(frozen=True)
class Style:
    """How a table is written: which columns in which order, with a header or not, and what surrounds the cells."""

    order: tuple[int, ...]
    header: bool
    quoting: Any
    line_end: str
    mark: str
    key: str
    spaced: bool
    missing: str


@cache
def styles_of(width: int) -> st.SearchStrategy[Style]:
    return st.builds(
        Style,
        order=st.permutations(range(width)).map(tuple),
        header=st.booleans(),
        quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        line_end=st.sampled_from(["\n", "\r\n"]),
        mark=st.sampled_from(["", "\ufeff"]),
        key=st.sampled_from(["instances", "inputs"]),
        spaced=st.booleans(),
        missing=st.sampled_from(MISSING),
    )


def as_csv(rows: Sequence[Row], schema: Schema, style: Style) -> tuple[bytes, str]:
    """Return a body and its Content-Type; columns are reordered only where a header names them."""
    order = style.order if style.header else range(schema.width)
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=style.quoting, lineterminator=style.line_end)
    if style.header:
        writer.writerow([schema.names[place] for place in order])
    writer.writerows([_text(row[place], style) for place in order] for row in rows)
    return f"{style.mark}{file.getvalue()}".encode(), f"{CSV}; header={'present' if style.header else 'absent'}"


def _text(cell: Any, style: Style) -> str:
    if cell is None:
        return style.missing
    if isinstance(cell, bool):
        return str(cell).lower()
    return cell if isinstance(cell, str) else repr(cell)


def _json_row(row: Row, schema: Schema, style: Style) -> Any:
    return {schema.names[place]: row[place] for place in style.order} if style.header else row


def as_json(rows: Sequence[Row], schema: Schema, style: Style) -> tuple[bytes, str]:
    document = {style.key: [_json_row(row, schema, style) for row in rows]}
    separators = None if style.spaced else (",", ":")
    return json.dumps(document, separators=separators, ensure_ascii=style.mark == "").encode(), JSON


def as_lines(rows: Sequence[Row], schema: Schema, style: Style) -> tuple[bytes, str]:
    lines = [json.dumps(_json_row(row, schema, style), ensure_ascii=style.mark == "") for row in rows]
    return "".join(line + style.line_end * (1 + style.spaced) for line in lines).encode(), JSON_LINES


def as_parquet(rows: Sequence[Row], schema: Schema, style: Style) -> tuple[bytes, str]:
    """Return a file that DuckDB wrote; Parquet has no columns without names."""
    types = {ColumnKind.NUMBER: "DOUBLE", ColumnKind.FLAG: "BOOLEAN", ColumnKind.CATEGORY: "VARCHAR"}
    columns = ", ".join(f'"{schema.names[place]}" {types[schema.columns[place].kind]}' for place in style.order)
    places = ", ".join("?" * schema.width)
    with TemporaryDirectory() as folder, duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute(f"CREATE TABLE cells ({columns})")
        connection.executemany(
            f"INSERT INTO cells VALUES ({places})", [[row[place] for place in style.order] for row in rows]
        )
        connection.execute(f"COPY cells TO '{folder}/rows.parquet' (FORMAT parquet)")
        return (Path(folder) / "rows.parquet").read_bytes(), PARQUET


WRITTEN: Mapping[str, Callable[[Sequence[Row], Schema, Style], tuple[bytes, str]]] = {
    name: write
    for name, write in {CSV: as_csv, JSON: as_json, JSON_LINES: as_lines, PARQUET: as_parquet}.items()
    if name in READERS
}

# Spoiled bodies.

TOKENS = (
    *(
        b"\x00",
        b"\xff",
        b'"',
        b'""',
        b"'",
        b",",
        b";",
        b"\t",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\xef\xbb\xbf",
        b"\xe2\x82",
    ),
    *(b"NaN", b"-NaN", b"Infinity", b"1e999", b"-0", b"01", b"1_0", b"0x1", b".5", b" 1 ", b"null", b"true", b"NA"),
    *(b"{}", b"[]", b"[" * 200, b'{"a":' * 200, b":", b'"amount"', b'"amount":1,', b"amount", b"is_fraud", b"\\u0061"),
    *(b"\x1c", b"\xc2\x85", b"\xe2\x80\xa8", b"9" * 400, b"PAR1", b"\\", b"1" + b"0" * 39),
)
SPOILED = 6
DELIMITERS = b",;\t\n\r\"[]{}:|'"


def flip(body: bytes, place: int, other: int) -> bytes:
    return body[:place] + bytes([body[place] ^ (1 << other % 8)]) + body[place + 1 :]


def cut(body: bytes, place: int, other: int) -> bytes:
    return body[:place] if other % 2 else body[place:]


def drop(body: bytes, place: int, other: int) -> bytes:
    return body[:place] + body[place + 1 + other % 8 :]


def repeat(body: bytes, place: int, other: int) -> bytes:
    return body[: place + other % 64] + body[place:]


def insert(body: bytes, place: int, other: int) -> bytes:
    return body[:place] + TOKENS[other % len(TOKENS)] + body[place:]


def swap(body: bytes, place: int, other: int) -> bytes:
    """Return `body` with every one of one delimiter replaced by another."""
    count = len(DELIMITERS)
    return body.replace(DELIMITERS[place % count :][:1], DELIMITERS[other % count :][:1])


def spoiled(body: bytes, chance: Random) -> Iterator[bytes]:
    """Yield `body` after each of `SPOILED` changes, each on top of those before, until nothing is left to change."""
    for _ in range(SPOILED):
        change = chance.choice((flip, cut, drop, repeat, insert, insert, swap))
        body = change(body, chance.randrange(len(body)), chance.randrange(2**16))
        yield body
        if not body:
            return


# Bodies that almost fit.

KNOWN_NAMES = sorted({name for schema in SCHEMAS.values() for name in schema.known_names})
names = st.sampled_from([*KNOWN_NAMES, "instances", "inputs", ""])
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.sampled_from(MISSING), numbers
)
json_values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)
near_json = st.one_of(
    json_values, st.lists(json_values, max_size=3), st.builds(lambda key, value: {key: value}, names, json_values)
)
csv_cells = st.one_of(
    st.sampled_from(["1", "-2.5", " 3 ", ".5", "1e400", "NAN", "inf", '"1"', '"', "true", "food", "é", "\x00", "1_0"]),
    st.sampled_from(MISSING),
    names,
    st.text(max_size=3),
)
near_csv = st.builds(
    lambda rows, separator, end, encoding: end.join(separator.join(row) for row in rows).encode(encoding, "replace"),
    st.lists(st.lists(csv_cells, max_size=4), min_size=1, max_size=5),
    st.sampled_from([",", ",", ",", ";", "\t", ", "]),
    st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\x85"]),
    st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "latin-1", "utf-16"]),
)


def near_lines(values: Sequence[Any]) -> bytes:
    return b"\n".join(as_text(value) for value in values)


def as_text(value: Any) -> bytes:
    """Return `value` in JSON, or what Python takes for it: NaN, Infinity, half a character."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


NEAR: Mapping[str, st.SearchStrategy[bytes]] = {
    CSV: near_csv,
    JSON: near_json.map(as_text),
    JSON_LINES: st.lists(json_values, min_size=1, max_size=4).map(near_lines),
}
"""By media type; Parquet has no grammar that could nearly be met, but for its bytes."""
