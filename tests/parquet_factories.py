"""Parquet bodies: written by DuckDB, and forged field by field."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from fraud_detect.codecs import thrift
from fraud_detect.codecs.thrift import BINARY, I32, I64, LIST, STRUCT, Field, Struct

ROOT: Struct = {4: Field(BINARY, b"root")}
DATA_PAGE, DICTIONARY_PAGE = 0, 2
PLAIN, DICTIONARY_ENCODED = 0, 8
DOUBLE, TEXT = 5, 6
GZIP = 2


def a_parquet(query: str, options: str = "") -> bytes:
    """Return the rows of an SQL query as a Parquet file; `options` are those of COPY, such as `row_group_size 2048`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.parquet")
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet{options and ', '}{options})")
        return path.read_bytes()


def a_page(data: bytes, values: int, *, encoding: int = PLAIN, size: int | None = None) -> bytes:
    """Return a data page that says that it holds `values`, and unpacks to `size` bytes."""
    counts = {1: Field(I32, values), 2: Field(I32, encoding), 3: Field(I32, 3), 4: Field(I32, 3)}
    return thrift.write(_page(DATA_PAGE, len(data), size, 5, counts)) + data


def a_dictionary_page(data: bytes, values: int) -> bytes:
    """Return a dictionary page that says that it holds `values`."""
    counts = {1: Field(I32, values), 2: Field(I32, PLAIN)}
    return thrift.write(_page(DICTIONARY_PAGE, len(data), None, 7, counts)) + data


def _page(kind: int, length: int, size: int | None, header: int, counts: Struct) -> Struct:
    sizes = {2: Field(I32, length if size is None else size), 3: Field(I32, length)}
    return {1: Field(I32, kind), **sizes, header: Field(STRUCT, counts)}


def a_forged_parquet(
    pages: bytes,
    rows: int,
    *,
    names: Sequence[str] = ("amount",),
    kind: int = DOUBLE,
    groups: int = 1,
    metadata: Mapping[int, Field] | None = None,
    chunk: Mapping[int, Field] | None = None,
    elements: int | None = None,
) -> bytes:
    """Return a file whose columns, of physical type `kind`, all lie in the same `pages`, as does every row group.

    `metadata` overrides fields of the columns' metadata, `chunk` those around it, `elements` the number of columns
    that the footer announces.
    """
    described = {
        1: Field(I32, kind),
        2: Field(LIST, []),
        3: Field(LIST, []),
        4: Field(I32, 0),
        5: Field(I64, rows),
        6: Field(I64, len(pages)),
        7: Field(I64, len(pages)),
        9: Field(I64, 4),
        **(metadata or {}),
    }
    chunks = [{2: Field(I64, 4), 3: Field(STRUCT, described), **(chunk or {})}] * len(names)
    group = {1: Field(LIST, chunks), 2: Field(I64, len(pages)), 3: Field(I64, rows)}
    text = {6: Field(I32, 0)} if kind == TEXT else {}
    leaves = [{1: Field(I32, kind), 3: Field(I32, 0), 4: Field(BINARY, name.encode()), **text} for name in names]
    root = {**ROOT, 5: Field(I32, len(names) if elements is None else elements)}
    footer: Struct = {
        1: Field(I32, 1),
        2: Field(LIST, [root, *leaves]),
        3: Field(I64, rows * groups),
        4: Field(LIST, [group] * groups),
    }
    return with_footer(b"PAR1" + pages, thrift.write(footer))


def with_footer(data: bytes, footer: bytes) -> bytes:
    """Return `data` with a footer and the frame that says where that is."""
    return data + footer + len(footer).to_bytes(4, "little") + b"PAR1"
