"""Files of any kind, compressed or not, and pipes become the same table."""

from __future__ import annotations

import gzip
import os
import struct
import threading
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from fraud_detect.errors import TableError
from fraud_detect.schema import ColumnKind
from fraud_detect.tables import readers
from fraud_detect.tables.read import read_training
from fraud_detect.tables.request import ColumnRequest
from fraud_detect.tables.table import Table
from parquet_factories import a_forged_parquet, a_page
from training_factories import Content, a_channel, a_mixed_table, a_table, as_bytes

MIXED = ColumnRequest(label="kind", positive_label="bad", time="when", categories=("code",))


def table_of(folder: Path, *contents: Content, request: ColumnRequest | None = None) -> Table:
    return read_training(a_channel(folder / "train", *contents), request or ColumnRequest())


def values(table: Table) -> list[list[float]]:
    rows: list[list[float]] = table.rows.features.tolist()
    return rows


def write_parquet(path: Path, frame: pd.DataFrame) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.from_df(frame).write_parquet(str(path))
    return path.parent


def through_a_pipe(folder: Path, content: bytes, request: ColumnRequest | None = None) -> Table:
    """Return the table that a thread writes into a named pipe."""
    pipe = folder / "train_0"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True)
    writer.start()
    table = read_training(pipe, request or ColumnRequest())
    writer.join(timeout=10)
    return table


def test_files_with_their_columns_in_another_order_are_one_table(tmp_path: Path) -> None:
    table = table_of(tmp_path, "Class,x,y\n0,1,2\n1,3,4\n", "y,Class,x\n6,0,5\n")

    assert values(table) == [[1, 2], [3, 4], [5, 6]]
    assert table.rows.labels.tolist() == [0, 1, 0]


def test_a_table_of_many_files_has_the_rows_of_all(tmp_path: Path) -> None:
    whole = a_table(1_000)
    parts = [whole.iloc[start : start + 100] for start in range(0, 1_000, 100)]

    table = table_of(tmp_path, *parts)

    np.testing.assert_array_equal(table.rows.features, whole[["amount", "hour"]].to_numpy(dtype=np.float32))


@pytest.mark.parametrize("name", ["a*.csv", "a?.csv", "[ab]c.csv", "it's.csv", "{a}.csv", "a b.csv", "\u00fc.csv"])
def test_a_file_stands_for_itself_whatever_its_name(name: str, tmp_path: Path) -> None:
    """Not for the files that its name would match as a pattern."""
    folder = a_channel(tmp_path / "train", "Class,x\n0,1\n1,2\n")
    for other in (name, "ab.csv", "bc.csv"):
        (folder / other).write_text("Class,x\n0,3\n")

    assert len(read_training(folder, ColumnRequest()).rows) == 2 + 3


def test_folders_are_no_columns_of_parquet(tmp_path: Path) -> None:
    write_parquet(tmp_path / "train" / "day=1" / "a.parquet", a_table())

    assert read_training(tmp_path / "train", ColumnRequest()).schema.names == ("amount", "hour")


@pytest.mark.parametrize("fault", [",2\n", "1,inf\n"])
def test_a_fault_in_a_later_file_has_the_row_within_it(fault: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"train/part-1.csv, row 2"):
        table_of(tmp_path, "Class,x\n0,1\n1,2\n1,3\n", f"Class,x\n0,1\n{fault}0,2\n")


def test_compressed_files_are_read_alike(tmp_path: Path) -> None:
    content = as_bytes(a_mixed_table())

    plain = table_of(tmp_path / "plain", content, request=MIXED)
    a_channel(tmp_path / "packed" / "train", gzip.compress(content), suffix=".csv.gz")
    packed = read_training(tmp_path / "packed" / "train", MIXED)

    np.testing.assert_array_equal(packed.rows.features, plain.rows.features)
    assert packed.schema == plain.schema


def test_parquet_is_read_as_the_same_table_in_csv(tmp_path: Path) -> None:
    frame = a_mixed_table()
    typed = frame.assign(online=frame["online"] == "true", when=pd.to_datetime(frame["when"]))

    plain = table_of(tmp_path / "plain", frame, request=MIXED)
    table = read_training(write_parquet(tmp_path / "parquet" / "data.parquet", typed), MIXED)

    assert table.schema == plain.schema
    np.testing.assert_array_equal(table.rows.features, plain.rows.features)
    np.testing.assert_array_equal(table.rows.times, plain.rows.times)


@pytest.mark.parametrize(
    ("select", "kind"),
    [
        ("1::TINYINT", ColumnKind.NUMBER),
        ("1::UBIGINT", ColumnKind.NUMBER),
        ("1.5::FLOAT", ColumnKind.NUMBER),
        ("1.5::DECIMAL(10,2)", ColumnKind.NUMBER),
        ("'a'", ColumnKind.CATEGORY),
        ("'a'::ENUM('a', 'b')", ColumnKind.CATEGORY),
        ("true", ColumnKind.FLAG),
    ],
)
def test_types_of_parquet_are_kinds(select: str, kind: ColumnKind, tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    query = f"SELECT i % 2 AS Class, {select} AS x FROM range(4) t(i)"
    duckdb.sql(query).write_parquet(str(tmp_path / "train" / "a.parquet"))

    assert read_training(tmp_path / "train", ColumnRequest()).schema.columns[0].kind is kind


@pytest.mark.parametrize("select", ["DATE '2026-01-01'", "[1, 2]", "{'a': 1}", "INTERVAL 1 DAY", "'a'::BLOB"])
def test_types_of_parquet_that_are_no_features_are_refused(select: str, tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    query = f"SELECT i % 2 AS Class, 1 AS n, {select} AS x FROM range(4) t(i)"
    duckdb.sql(query).write_parquet(str(tmp_path / "train" / "a.parquet"))

    with pytest.raises(TableError, match="Column 'x' is neither a number, a flag nor text"):
        read_training(tmp_path / "train", ColumnRequest())


@pytest.mark.parametrize("kind", ["TIMESTAMP", "VARCHAR"])
def test_another_time_beside_the_time_column_can_only_be_left_out(kind: str, tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    later = f"(TIMESTAMP '2026-01-08' + INTERVAL (i) HOUR)::{kind} AS LABEL_TIME"
    query = f"SELECT i % 2 AS Class, 1 AS n, i AS TX_DATETIME, {later} FROM range(40) t(i)"
    duckdb.sql(query).write_parquet(str(tmp_path / "train" / "a.parquet"))

    with pytest.raises(TableError) as caught:
        read_training(tmp_path / "train", ColumnRequest(time="TX_DATETIME"))

    assert caught.value.remedy == "Leave it out (`drop_columns`: 'LABEL_TIME')."


def test_numbers_of_parquet_are_rounded_as_text_is(tmp_path: Path) -> None:
    """A whole number beyond 2**53 goes through float64, as its digits in CSV or JSON do."""
    frame = pd.DataFrame({"Class": [0, 1], "x": [2**53 + 1, 2**60 + 2**36 + 1]})

    parquet = read_training(write_parquet(tmp_path / "parquet" / "a.parquet", frame), ColumnRequest())

    assert values(parquet) == values(table_of(tmp_path, frame))


def test_a_pipe_is_read_as_the_same_file(tmp_path: Path) -> None:
    content = as_bytes(a_mixed_table())

    piped = through_a_pipe(tmp_path, content, MIXED)

    file = table_of(tmp_path / "file", content, request=MIXED)
    np.testing.assert_array_equal(piped.rows.features, file.rows.features)
    assert piped.schema == file.schema


def test_a_pipe_of_many_blocks_is_read_as_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "blocks", lambda stream: readers_blocks(stream, 500))
    content = as_bytes(a_mixed_table())

    piped = through_a_pipe(tmp_path, content, MIXED)

    np.testing.assert_array_equal(
        piped.rows.features, table_of(tmp_path / "file", content, request=MIXED).rows.features
    )


readers_blocks = readers.blocks


def test_a_fault_in_a_later_block_of_a_pipe_has_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "blocks", lambda stream: readers_blocks(stream, 500))
    rows = "".join(f"{number % 2},{number}\n" for number in range(1_000))

    with pytest.raises(TableError, match="train_0, row 1001, column 'x': got 'twelve'"):
        through_a_pipe(tmp_path, f"Class,x\n{rows}1,twelve\n".encode())


def test_an_empty_pipe_has_no_rows(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="train_0 is empty"):
        through_a_pipe(tmp_path, b"")


@pytest.mark.parametrize("names", [("Class", "v", "v"), ("Class", "v", "V")])
def test_parquet_columns_that_the_engine_would_rename_are_refused(names: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "train" / "part.parquet"
    path.parent.mkdir()
    path.write_bytes(a_forged_parquet(a_page(struct.pack("<2d", 0, 1), 2), 2, names=names))

    with pytest.raises(TableError, match=r"same but for their case \('[vV]'\)"):
        read_training(path.parent, ColumnRequest())
