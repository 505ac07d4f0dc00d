"""The reader of training and the codec of the endpoint give the same float32 for the same Parquet file, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_detect.codecs import parquet
from fraud_detect.errors import BadRequest, TableError
from fraud_detect.schema import FLOAT32_LIMIT, MISSING, ColumnKind, Float32Matrix, Schema
from fraud_detect.tables.read import read_more, read_training
from fraud_detect.tables.request import ColumnRequest
from fraud_detect.tables.table import Table

CATEGORIES = ColumnRequest(categories=("c",))
WRITERS = [
    "compression zstd, parquet_version V2",
    "compression snappy, parquet_version V1",
    "compression uncompressed, string_dictionary_page_size_limit 1",
]
Columns = Mapping[str, tuple[str, Sequence[Any]]]
"""The cells of each column and their type in SQL."""

doubles = st.floats(allow_infinity=False).filter(lambda value: not abs(value) >= FLOAT32_LIMIT)
NUMBERS: Mapping[str, st.SearchStrategy[Any]] = {
    "TINYINT": st.integers(-(2**7), 2**7 - 1),
    "UTINYINT": st.integers(0, 2**8 - 1),
    "SMALLINT": st.integers(-(2**15), 2**15 - 1),
    "USMALLINT": st.integers(0, 2**16 - 1),
    "INTEGER": st.integers(-(2**31), 2**31 - 1),
    "UINTEGER": st.integers(0, 2**32 - 1),
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "UBIGINT": st.integers(0, 2**64 - 1),
    "HUGEINT": st.integers(-(2**90), 2**90),
    "FLOAT": st.floats(width=32, allow_infinity=False),
    "DOUBLE": doubles,
    "DECIMAL(4,2)": st.decimals(-99, 99, places=2),
    "DECIMAL(9,0)": st.integers(-(10**9) + 1, 10**9 - 1).map(Decimal),
    "DECIMAL(18,4)": st.decimals(-(10**13), 10**13, places=4),
    "DECIMAL(38,10)": st.decimals(-(10**27), 10**27, places=10),
}
texts = st.text(st.characters(codec="utf-8"), max_size=8)
odd_texts = st.sampled_from(
    ["a,b", 'say "hi"', "two\nlines", " padded ", "007", "1e3", "é", "e\u0301", "\ufeff", "\x00", "a\x00b", "true"]
)
vocabularies = st.lists(st.one_of(texts, odd_texts, st.sampled_from(MISSING)), min_size=1, max_size=5)


def write(folder: Path, columns: Columns, options: str = WRITERS[0]) -> Path:
    """Write a channel of one Parquet file with a label beside `columns`."""
    folder.mkdir(exist_ok=True)
    count = len(next(iter(columns.values()))[1])
    labelled = {"Class": ("INTEGER", [number % 2 for number in range(count)]), **columns}
    selected = ", ".join(f'unnest(?::{kind}[]) AS "{name}"' for name, (kind, _) in labelled.items())
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS SELECT {selected}", [list(cells) for _, cells in labelled.values()])
        connection.execute(f"COPY t TO '{folder}/a.parquet' (FORMAT parquet, {options})")
    return folder


def served(channel: Path, schema: Schema) -> Float32Matrix:
    return parquet.decode((channel / "a.parquet").read_bytes(), schema, {})


def assert_same_bits(got: Float32Matrix, expected: Float32Matrix) -> None:
    assert got.dtype == expected.dtype == np.float32
    np.testing.assert_array_equal(got, expected)  # one NaN is as good as another
    np.testing.assert_array_equal(np.signbit(got) & (got == 0), np.signbit(expected) & (expected == 0))


def assert_read_alike(channel: Path, request: ColumnRequest) -> Table:
    table = read_training(channel, request)
    assert_same_bits(served(channel, table.schema), table.rows.features)
    return table


def with_gaps(cells: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.one_of(cells, st.none()), min_size=2, max_size=15)


@settings(max_examples=100)
@given(data=st.data(), writer=st.sampled_from(WRITERS))
def test_numbers_of_every_type_are_read_alike(data: st.DataObject, writer: str, tmp_path: Path) -> None:
    kind = data.draw(st.sampled_from(sorted(NUMBERS)))
    cells = data.draw(with_gaps(NUMBERS[kind]))

    table = assert_read_alike(write(tmp_path / "train", {"n": (kind, cells)}, writer), ColumnRequest())

    assert table.schema.columns[0].kind is ColumnKind.NUMBER


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        ("DOUBLE", [-0.0, 0.0, math.nan, None, 1e-45, 7e-46, 3.4028235e38, 1 + 2**-24, 1 + 2**-24 + 2**-53]),
        ("FLOAT", [-0.0, 1e-45, 3.4028235e38, 0.1, math.nan]),
        ("BIGINT", [2**53 + 1, 2**60 + 2**36 + 1, 1152921573326323713, -(2**63)]),
        ("UBIGINT", [2**64 - 1, 2**64 - 2**39]),
        ("DECIMAL(38,10)", [Decimal("0.1"), Decimal("1.0000000596"), Decimal("-0.0000000001"), None]),
    ],
)
def test_numbers_at_the_edges_are_read_alike(kind: str, cells: Sequence[Any], tmp_path: Path) -> None:
    assert_read_alike(write(tmp_path / "train", {"n": (kind, cells)}), ColumnRequest())


@settings(max_examples=100)
@given(vocabulary=vocabularies, data=st.data(), writer=st.sampled_from(WRITERS))
def test_texts_are_read_alike(vocabulary: Sequence[str], data: st.DataObject, writer: str, tmp_path: Path) -> None:
    cells = data.draw(with_gaps(st.sampled_from(vocabulary)))

    assert_read_alike(
        write(tmp_path / "train", {"n": ("INTEGER", range(len(cells))), "c": ("VARCHAR", cells)}, writer), CATEGORIES
    )


@settings(max_examples=100)
@given(data=st.data())
def test_categories_of_other_types_are_read_alike(data: st.DataObject, tmp_path: Path) -> None:
    """A code such as 5411 in a column of integers is the category '5411', in one of floats '5411.0', to both."""
    kind = data.draw(st.sampled_from([*sorted(NUMBERS), "BOOLEAN"]))
    cells = data.draw(with_gaps(st.booleans() if kind == "BOOLEAN" else NUMBERS[kind]))

    table = assert_read_alike(write(tmp_path / "train", {"c": (kind, cells)}), CATEGORIES)

    assert table.schema.columns[0].kind is ColumnKind.CATEGORY


@settings(max_examples=40)
@given(
    cells=with_gaps(st.booleans()),
    spellings=st.lists(st.sampled_from(["true", "FALSE", "True", "1", "0", "", "NA", None]), min_size=15, max_size=15),
)
def test_flags_are_read_alike(cells: Sequence[bool | None], spellings: Sequence[str | None], tmp_path: Path) -> None:
    columns = {"f": ("BOOLEAN", cells), "g": ("VARCHAR", ["false", *spellings[1 : len(cells)]])}

    table = assert_read_alike(write(tmp_path / "train", columns), ColumnRequest())

    assert [column.kind for column in table.schema.columns] in (
        [ColumnKind.FLAG, ColumnKind.FLAG],
        [ColumnKind.CATEGORY, ColumnKind.FLAG],  # of nothing but missing values nobody can tell
    )


def test_enumerations_are_read_as_the_text_that_they_stand_for(tmp_path: Path) -> None:
    assert_read_alike(write(tmp_path / "train", {"c": ("ENUM('b', 'NA', 'a')", ["a", "NA", "b", None])}), CATEGORIES)


def test_a_table_of_many_row_groups_and_kinds_is_read_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "CELLS_PER_QUERY", 10_000)
    count = 9_000
    columns = {
        "n": ("DOUBLE", [None if row % 7 == 0 else math.sin(row) for row in range(count)]),
        "c": ("VARCHAR", [f"merchant {row % 13}" for row in range(count)]),
        "m": ("DECIMAL(9,2)", [Decimal(row) / 100 for row in range(count)]),
        "f": ("BOOLEAN", [row % 3 == 0 for row in range(count)]),
    }

    table = assert_read_alike(write(tmp_path / "train", columns, "row_group_size 2048"), ColumnRequest())

    assert len(table.rows) == count


def test_unseen_categories_count_as_missing_alike_where_asked_for(tmp_path: Path) -> None:
    request = ColumnRequest(categories=("c",), unseen_as_missing=True)
    table = read_training(write(tmp_path / "train", {"c": ("INTEGER", [5411, 742])}), request)
    channel = write(tmp_path / "validation", {"c": ("BIGINT", [742, 1, None, 5411])})

    validation = read_more(channel, request, table).rows.features

    np.testing.assert_array_equal(validation[:, 0], [1, np.nan, np.nan, 0])
    assert_same_bits(served(channel, table.schema), validation)


@settings(max_examples=30)
@given(
    value=st.one_of(st.sampled_from([math.inf, -math.inf, FLOAT32_LIMIT, -1e39]), st.floats(min_value=FLOAT32_LIMIT))
)
def test_numbers_that_float32_cannot_hold_are_refused_alike(value: float, tmp_path: Path) -> None:
    channel = write(tmp_path / "train", {"n": ("DOUBLE", [1.0, value])})
    table = read_training(write(tmp_path / "fitting", {"n": ("DOUBLE", [1.0, 2.0])}), ColumnRequest())

    with pytest.raises(TableError):
        read_training(channel, ColumnRequest())
    with pytest.raises(BadRequest, match="Row 2, column 'n'"):
        served(channel, table.schema)


@pytest.mark.parametrize(
    ("kind", "cell"),
    [("DATE", "2026-01-01"), ("TIMESTAMP", "2026-01-01"), ("TIME", "12:00"), ("BLOB", "a"), ("UUID", "0" * 32)],
)
@pytest.mark.parametrize("asked", [ColumnRequest(), CATEGORIES])
def test_types_that_are_no_features_are_refused_alike(
    kind: str, cell: str, asked: ColumnRequest, tmp_path: Path
) -> None:
    channel = write(tmp_path / "train", {"c": (kind, [cell, cell])})
    table = read_training(write(tmp_path / "fitting", {"c": ("VARCHAR", ["a", "b"])}), CATEGORIES)

    with pytest.raises(TableError, match="Column 'c' is neither a number, a flag nor text"):
        read_training(channel, asked)
    with pytest.raises(BadRequest, match=f"Column 'c' has the Parquet type {kind}"):
        served(channel, table.schema)
