"""Parquet bodies become the model's matrix: columns by name, types as training reads them."""

from __future__ import annotations

import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from factories import a_category, a_flag, a_number, a_schema
from fraud_detect.codecs import parquet, parquet_engine
from fraud_detect.codecs.parquet import decode
from fraud_detect.errors import BadRequest, PayloadTooLarge
from fraud_detect.schema import Schema
from parquet_factories import a_forged_parquet, a_page, a_parquet

MIXED = a_schema(
    a_number("amount", missing_allowed=True),
    a_flag("abroad", missing_allowed=True),
    a_category("merchant", ["5411", "food"], missing_allowed=True),
)


def matrix(query: str, schema: Schema = MIXED, options: str = "") -> list[list[float]]:
    values: list[list[float]] = decode(a_parquet(query, options), schema, {}).tolist()
    return values


def refusal(query: str, schema: Schema = MIXED) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        matrix(query, schema)
    return caught.value


def test_columns_are_matched_by_name() -> None:
    query = "SELECT 'food' AS merchant, 1.5 AS amount, true AS abroad"

    assert matrix(query) == [[1.5, 1, 1]]


def test_the_label_and_ignored_columns_may_stand_in_the_body_whatever_their_type() -> None:
    schema = a_schema(ignored=["when", "where"])
    query = "SELECT 1 AS hour, DATE '2026-01-01' AS when, {'x': [1, 2]} AS where, [0] AS is_fraud, 2 AS amount"

    assert matrix(query, schema) == [[2, 1]]


@pytest.mark.parametrize(
    "kind", ["TINYINT", "USMALLINT", "INTEGER", "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL(5,2)", "DECIMAL(38,2)"]
)
def test_numbers_may_be_of_any_numeric_type(kind: str) -> None:
    schema = a_schema(a_number("x", missing_allowed=True))

    np.testing.assert_array_equal(matrix(f"SELECT unnest([7, NULL, 100])::{kind} AS x", schema), [[7], [np.nan], [100]])


def test_nan_is_a_missing_number() -> None:
    schema = a_schema(a_number("x", missing_allowed=True))

    np.testing.assert_array_equal(matrix("SELECT 'nan'::DOUBLE AS x", schema), [[np.nan]])


@pytest.mark.parametrize("cells", ["[true, false, NULL]", "['TRUE', '0', '']", "[1::TINYINT, 0, NULL]"])
def test_flags_may_be_booleans_text_or_integers(cells: str) -> None:
    schema = a_schema(a_flag("x", missing_allowed=True))

    np.testing.assert_array_equal(matrix(f"SELECT unnest({cells}) AS x", schema), [[1], [0], [np.nan]])


@pytest.mark.parametrize(
    "cells", ["['5411', 'NA', NULL]", "[5411, NULL, NULL]", "['5411', NULL, 'nan']::ENUM('5411','nan')[]"]
)
def test_categories_may_be_text_or_integers(cells: str) -> None:
    schema = a_schema(a_category("x", ["742", "5411"], missing_allowed=True))

    np.testing.assert_array_equal(matrix(f"SELECT unnest({cells}) AS x", schema), [[1], [np.nan], [np.nan]])


@pytest.mark.parametrize("schema", [MIXED, a_schema(a_number("amount"))])
def test_a_cell_that_does_not_fit_is_named_with_its_row_and_column(schema: Schema) -> None:
    columns = ["amount", "true AS abroad", "'food' AS merchant"][: schema.width]
    query = f"SELECT {', '.join(columns)} FROM (SELECT if(i = 2, 1e39, i) AS amount FROM range(4) t(i))"

    error = refusal(query, schema)

    assert error.got == "Row 3, column 'amount': got 1e+39"
    assert error.expected.startswith("a finite number within float32")


def test_rows_are_counted_through_blocks_of_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "CELLS_PER_BLOCK", 10)
    schema = a_schema(a_category("merchant"))

    error = refusal("SELECT if(i = 77, 'wine', 'food') AS merchant FROM range(90) t(i)", schema)

    assert error.got == "Row 78, column 'merchant': got 'wine'"


def test_a_long_text_is_shown_cut_and_is_not_taken_for_the_category_that_it_begins_with() -> None:
    schema = a_schema(a_category("merchant", ["a" * 100]))

    error = refusal("SELECT repeat('a', 101) AS merchant", schema)

    assert error.got == f"Row 1, column 'merchant': got '{'a' * 59}..."


@pytest.mark.parametrize("width", [1, 7, 30])
def test_columns_read_in_turns_are_the_same_matrix(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    body = a_parquet(f"SELECT {', '.join(f'i * {place} AS v{place}' for place in range(width))} FROM range(100) t(i)")
    schema = a_schema(*(a_number(f"v{place}") for place in range(width)))
    at_once = decode(body, schema, {})

    monkeypatch.setattr(parquet, "CELLS_PER_QUERY", 400)

    np.testing.assert_array_equal(decode(body, schema, {}), at_once)
    np.testing.assert_array_equal(at_once, np.outer(np.arange(100), np.arange(width)))


@pytest.mark.parametrize("compression", ["uncompressed", "snappy", "gzip", "zstd", "lz4_raw", "brotli"])
@pytest.mark.parametrize("version", ["V1", "V2"])
def test_compressions_encodings_and_row_groups_are_all_read(compression: str, version: str) -> None:
    schema = a_schema(a_number("i"), a_category("c", ["0", "1", "2"]), a_number("x"))
    options = f"compression {compression}, parquet_version {version}, row_group_size 2048"

    values = matrix("SELECT i, (i % 3)::VARCHAR AS c, i / 8 AS x FROM range(5000) t(i)", schema, options)

    np.testing.assert_array_equal(values, [[i, i % 3, i / 8] for i in range(5000)])


@pytest.mark.parametrize(
    ("select", "kind"),
    [
        ("DATE '2026-01-01'", "DATE"),
        ("TIMESTAMP '2026-01-01 00:00:00'", "TIMESTAMP"),
        ("TIME '12:00:00'", "TIME"),
        ("INTERVAL 1 DAY", "INTERVAL"),
        ("'a'::BLOB", "BLOB"),
        ("uuid()", "UUID"),
        ("[1, 2]", "lists or structs"),
        ("{'a': 1}", "lists or structs"),
        ("MAP {'a': 1}", "lists or structs"),
    ],
)
@pytest.mark.parametrize("column", [a_number("x"), a_flag("x"), a_category("x")])
def test_types_that_are_no_features_are_refused(column: object, select: str, kind: str) -> None:
    error = refusal(f"SELECT {select} AS x", Schema.model_validate({"columns": [column]}))

    assert error.got == f"Column 'x' has the Parquet type {kind}"


@pytest.mark.parametrize(("select", "kind"), [("'1.5'", "VARCHAR"), ("true", "BOOLEAN")])
def test_text_and_booleans_are_no_numbers(select: str, kind: str) -> None:
    error = refusal(f"SELECT {select} AS x", a_schema(a_number("x")))

    assert error.got == f"Column 'x' has the Parquet type {kind}"
    assert error.remedy == "Convert the column to numbers before writing the file."


def test_an_infinite_number_is_refused() -> None:
    assert "got -inf" in refusal("SELECT '-inf'::DOUBLE AS x", a_schema(a_number("x"))).got


def test_missing_and_unknown_columns_are_named() -> None:
    error = refusal("SELECT 1 AS amount, 2 AS minute", a_schema())

    assert error.got == "The request lacks columns: hour; has unknown columns: minute"


def test_names_are_told_apart_by_case() -> None:
    body = a_forged_parquet(a_page(struct.pack("<d", 1.5), 1), 1, names=["v", "V"])

    assert decode(body, a_schema(a_number("V"), a_number("v")), {}).tolist() == [[1.5, 1.5]]
    with pytest.raises(BadRequest, match="lacks columns: w; has unknown columns: V"):
        decode(body, a_schema(a_number("v"), a_number("w")), {})


def test_a_name_that_stands_twice_is_refused() -> None:
    body = a_forged_parquet(a_page(struct.pack("<d", 1.5), 1), 1, names=["v", "v"])

    with pytest.raises(BadRequest, match="has columns twice: v"):
        decode(body, a_schema(a_number("v")), {})


@pytest.mark.parametrize("name", ['a"b', "a'b", "c1", "", " padded ", "a,b", "é", "a\nb", "); DROP TABLE t; --"])
def test_names_may_be_anything(name: str) -> None:
    body = a_forged_parquet(a_page(struct.pack("<d", 1.5), 1), 1, names=[name])

    assert decode(body, a_schema(a_number(name)), {}).tolist() == [[1.5]]


def test_no_rows_are_refused() -> None:
    assert refusal("SELECT 1 AS amount, 2 AS hour WHERE false", a_schema()).got == "The body has no rows"


def test_more_cells_than_fit_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "MOST_CELLS", 1000)
    body = a_parquet("SELECT 0 AS amount, 0 AS hour FROM range(501)")
    assert len(body) < 1000

    with pytest.raises(PayloadTooLarge, match="has 501 rows of 2 features; expected at most 500 rows"):
        decode(body, a_schema(), {})


def test_a_body_of_many_bytes_may_hold_many_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "MOST_CELLS", 1)
    query = "SELECT random() AS amount, random() AS hour FROM range(1000)"

    assert len(matrix(query, a_schema(), "compression uncompressed")) == 1000


def test_nothing_of_one_body_is_left_for_the_next() -> None:
    long, short = (f"SELECT i AS amount, i AS hour FROM range({rows}) t(i)" for rows in (5000, 2))

    assert len(matrix(long, a_schema())) == 5000
    assert matrix(short, a_schema()) == [[0, 0], [1, 1]]


def test_without_files_in_memory_a_temporary_file_serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Linux has such files; other systems need the disk, and are left with nothing on it."""
    monkeypatch.setattr(parquet_engine, "_in_memory", lambda: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    engine = parquet_engine.Engine()
    monkeypatch.setattr(parquet, "engine", lambda: engine)

    assert matrix("SELECT 1 AS amount, 2 AS hour", a_schema()) == [[1, 2]]
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [0]


def test_the_codec_loads_duckdb_with_the_first_body_and_pandas_never() -> None:
    program = (
        "import sys; from fraud_detect.codecs import parquet; from fraud_detect.schema import Column, Schema;"
        "assert 'duckdb' not in sys.modules;"
        "parquet.decode(sys.stdin.buffer.read(), Schema(columns=(Column(name='x'),)), {});"
        "assert 'duckdb' in sys.modules and 'pandas' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", program], input=a_parquet("SELECT 1 AS x"), check=True)
