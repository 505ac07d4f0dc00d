"""What CSV says is kept as it is written, wherever in the file it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from feature_factories import with_duckdb

HEADER = "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD,NOTE"
LATE = 25_000  # beyond the rows from which types are usually guessed


def features_of(folder: Path, *lines: str) -> Path:
    path = folder / "in.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    with_duckdb(path, folder / "out")
    return folder / "out"


def asked(folder: Path, query: str) -> list[tuple[Any, ...]]:
    return duckdb.sql(query.replace("$", f"'{folder}/*.parquet'")).fetchall()


def usual(count: int) -> list[str]:
    return [f"{number},2018-04-02 12:00:00,7,{number % 900},1,0,5" for number in range(count)]


@pytest.mark.parametrize(
    ("line", "column", "value"),
    [
        (f"{LATE},2018-04-02 13:00:00,7,1,10.75,0,5", "TX_AMOUNT", 10.75),
        (f"{LATE},2018-04-02 13:00:00,7,1,1,0,2.5", "NOTE", 2.5),
        (f"{LATE},2018-04-02 13:00:00,007,1,1,0,5", "CUSTOMER_ID", "007"),
    ],
)
def test_a_late_value_of_another_kind_is_not_rounded(tmp_path: Path, line: str, column: str, value: object) -> None:
    out = features_of(tmp_path, *usual(LATE), line)
    assert asked(out, f"SELECT {column} FROM $ WHERE TX_DATETIME > '2018-04-02 12:30:00'") == [(value,)]


def test_customers_who_are_written_otherwise_are_others(tmp_path: Path) -> None:
    out = features_of(tmp_path, *(f"{n},2018-04-02 12:00:00,{who},2,1,0,x" for n, who in enumerate(["7", "007", "7"])))
    counted = asked(out, "SELECT CUSTOMER_ID, CUSTOMER_ID_NB_TX_1DAY_WINDOW FROM $ ORDER BY TRANSACTION_ID")
    assert counted == [("7", 2), ("007", 1), ("7", 2)]


def test_ids_that_are_whole_numbers_are_numbers(tmp_path: Path) -> None:
    assert asked(features_of(tmp_path, *usual(3)), "SELECT typeof(any_value(CUSTOMER_ID)) FROM $") == [("BIGINT",)]


def test_ids_of_twenty_digits_stay_apart(tmp_path: Path) -> None:
    ids = ["12345678901234567891", "12345678901234567892"]
    out = features_of(tmp_path, *(f"{one},2018-04-02 12:00:00,1,2,1,0,x" for one in ids))
    assert asked(out, "SELECT TRANSACTION_ID FROM $ ORDER BY 1") == [(one,) for one in ids]


def test_a_line_that_begins_with_a_hash_is_a_row(tmp_path: Path) -> None:
    out = features_of(tmp_path, *(f"{'#' * (n % 2)}{n},2018-04-02 12:00:00,1,2,1,0,x" for n in range(6)))
    assert asked(out, "SELECT COUNT(*) FROM $") == [(6,)]


def test_labels_may_be_true_and_false(tmp_path: Path) -> None:
    labels = ["true", "FALSE", "1", "0", ""]
    out = features_of(tmp_path, *(f"{n},2018-04-02 12:00:00,1,2,1,{each},x" for n, each in enumerate(labels)))
    assert asked(out, "SELECT TX_FRAUD FROM $ ORDER BY TRANSACTION_ID") == [(1,), (0,), (1,), (0,), (None,)]
