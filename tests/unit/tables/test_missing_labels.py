"""Rows whose label is not known are refused, or left out of the table where that was asked for."""

from __future__ import annotations

import logging
from pathlib import Path

import duckdb
import numpy as np
import pytest

from fraud_detect.errors import TableError
from fraud_detect.tables.read import read_more, read_training
from fraud_detect.tables.request import ColumnRequest
from fraud_detect.tables.table import Table
from training_factories import Content, a_channel, a_table

LEFT_OUT = ColumnRequest(unlabelled_left_out=True)


def table_of(folder: Path, *contents: Content, request: ColumnRequest = LEFT_OUT) -> Table:
    return read_training(a_channel(folder / "train", *contents), request)


def test_rows_without_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    table = table_of(tmp_path, "Class,x\n0,1\n,2\n1,3\n", "Class,x\nNA,4\n0,5\n")

    assert (table.rows.features[:, 0].tolist(), table.rows.labels.tolist()) == ([1, 3, 5], [0, 1, 0])
    assert table.left_out_rows == 2


def test_the_table_is_that_of_files_without_these_rows(tmp_path: Path) -> None:
    frame = a_table(400).astype({"Class": "Int64"})
    frame.loc[np.random.default_rng(0).random(400) < 0.3, "Class"] = None

    table, plain = (table_of(tmp_path / name, each) for name, each in (("all", frame), ("some", frame.dropna())))

    assert (table.rows.sha256(), table.schema) == (plain.rows.sha256(), plain.schema)
    assert table.left_out_rows == frame["Class"].isna().sum() > 0


def test_times_and_cards_keep_to_their_rows(tmp_path: Path) -> None:
    request = ColumnRequest(time="when", card="card", unlabelled_left_out=True)

    rows = table_of(tmp_path, "Class,when,card,x\n,5,a,1\n0,6,b,2\n1,7,b,3\n", request=request).rows

    assert rows.times is not None
    assert rows.cards is not None
    assert rows.times.tolist() == [6, 7]
    assert rows.cards[0] == rows.cards[1]


def test_rows_keep_their_numbers_in_the_channel(tmp_path: Path) -> None:
    """So that what is said of them can be put beside the files again."""
    contents = "Class,x\n0,1\n,2\n1,3\n", "Class,x\nNA,4\n0,5\n"

    numbers = table_of(tmp_path, *contents).rows.numbers

    assert numbers is not None
    assert numbers.tolist() == [1, 3, 5]


def test_a_row_that_is_left_out_teaches_nothing(tmp_path: Path) -> None:
    """Neither a category, nor that a value may be missing; its time and card may be missing, too."""
    request = ColumnRequest(time="when", card="card", unlabelled_left_out=True)
    rows = "0,6,b,2,p\n1,7,b,3,q\n,,,,r\n"

    table = table_of(tmp_path, f"Class,when,card,x,c\n{rows}", request=request)

    assert [(column.missing_allowed, column.categories) for column in table.schema.columns] == [
        (False, ()),
        (False, ("p", "q")),
    ]


def test_parquet_has_missing_labels_too(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    rows = "(0, 1.5), (NULL, 2.5), (1, 3.5)"
    duckdb.sql(f"FROM (VALUES {rows}) AS t(Class, x)").write_parquet(str(tmp_path / "train" / "a.parquet"))

    table = read_training(tmp_path / "train", LEFT_OUT)

    assert (table.rows.features[:, 0].tolist(), table.left_out_rows) == ([1.5, 3.5], 1)


def test_other_channels_leave_such_rows_out_too(tmp_path: Path) -> None:
    table = table_of(tmp_path, "Class,x\n0,1\n1,2\n")

    more = read_more(a_channel(tmp_path / "test", "Class,x\n,1\n1,7\n"), LEFT_OUT, table)

    assert (more.rows.features.tolist(), more.left_out_rows) == ([[7]], 1)


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (",1\n1,1e39\n", "train/part-1.csv, row 2, column 'x'"),
        (",1\n,1\n0,1e39\n,1\n", "train/part-1.csv, row 3, column 'x'"),
        ("1,1e39\n,1\n", "train/part-1.csv, row 1, column 'x'"),
    ],
)
def test_rows_are_counted_as_their_file_has_them(second: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=words):
        table_of(tmp_path, "Class,x\n,1\n0,1\n1,1\n,1\n", f"Class,x\n{second}")


def test_a_label_that_is_neither_class_is_refused_all_the_same(tmp_path: Path) -> None:
    table = table_of(tmp_path, "Class,x\n0,1\n1,2\n")

    with pytest.raises(TableError, match=r"test/part-0.csv, row 3: the label 'Class' is '2'; expected 0 or 1"):
        read_more(a_channel(tmp_path / "test", "Class,x\n,1\n1,7\n2,7\n"), LEFT_OUT, table)


def test_a_channel_without_any_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"None of the 2 rows in .*train has a label 'Class'"):
        table_of(tmp_path, "Class,x\n,1\n,2\n")


def test_unless_asked_for_the_first_is_refused_with_the_setting(tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        table_of(tmp_path, "Class,x\n0,1\n1,2\n,3\n,4\n", request=ColumnRequest())

    assert "row 3: the label 'Class' is missing (2 rows have none); expected 0 or 1" in str(caught.value)
    assert "`missing_labels` to leave_out" in caught.value.remedy


def test_how_many_are_left_out_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        table_of(tmp_path, "Class,x\n0,1\n,2\n1,3\n")

    assert "read 2 rows from train/part-0.csv" in caplog.text
    assert "left out 1 more, which have no label 'Class'" in caplog.text


def test_of_many_files_the_log_names_five_and_counts_the_rest(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        table_of(tmp_path, *["Class,x\n" + "0,1\n1,2\n" * 100] * 8)

    assert "read 1,600 rows from train/part-0.csv, " in caplog.text
    assert "train/part-4.csv, and 3 more" in caplog.text
