"""Transactions that have a rule instead of an error: kept, counted, and told in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import pytest

from feature_factories import (
    DAY,
    HEADER,
    LINE,
    MONDAY,
    SECOND,
    Row,
    a_csv,
    a_file,
    a_transaction,
    column,
    rows_of,
    table,
    with_duckdb,
    with_spark,
)
from fraud_detect.features.definitions import LABEL_TIME

DATED = f"{HEADER},{LABEL_TIME}"
Make = Callable[[Path], object]


def rows(*rows: Row, **types: str) -> Make:
    return lambda folder: a_file(folder / "a.parquet", rows, **types)


def lines(*lines: str, header: str = HEADER) -> Make:
    return lambda folder: a_csv(folder / "a.csv", *lines, header=header)


def _without_rows(folder: Path) -> bytes:
    path = folder / "none.parquet"
    table([a_transaction()]).filter("false").write_parquet(str(path))
    content = path.read_bytes()
    path.unlink()
    return content


def told(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)


RULES: Mapping[str, tuple[Make, str]] = {
    "a negative amount": (
        rows(a_transaction(TX_AMOUNT=-5.0), a_transaction()),
        "1 of 2 transactions have a negative amount: kept as they are",
    ),
    "no amount": (
        rows(a_transaction(TX_AMOUNT=None), a_transaction()),
        "1 of 2 transactions have no amount: they count as transactions, and in no mean",
    ),
    "no label": (
        rows(a_transaction(TX_FRAUD=None), a_transaction()),
        "1 of 2 transactions have no label: they count as transactions, and in no share of frauds",
    ),
    "no labels at all": (
        lines("1,2018-04-02 12:00:00,1,2,10.0,", "2,2018-04-02 12:00:00,1,2,10.0,"),
        "2 of 2 transactions have no label",
    ),
    "a label without its time": (
        rows(a_transaction(LABEL_TIME=None), a_transaction(LABEL_TIME=MONDAY + DAY)),
        "1 of 2 transactions have a label and no LABEL_TIME: their labels are used nowhere",
    ),
    "no label times at all, and zones": (
        lines("1,2018-04-02 12:00:00Z,1,2,10.0,1,", header=DATED),
        "1 of 1 transactions have a label and no LABEL_TIME",
    ),
    "days without transactions": (
        rows(*(a_transaction(MONDAY + day * DAY) for day in (0, 2, 9, 10))),
        "7 days between the first and the last have no transactions (2018-04-03, 2018-04-05, 2018-04-06, 2018-04-07, ",
    ),
    "times without a time of day": (
        rows(a_transaction(datetime(2018, 4, 2)), a_transaction(datetime(2018, 4, 3))),
        "all transactions are at midnight: is the time of day missing?",
    ),
    "a column that some files lack": (
        lambda folder: (
            a_file(folder / "a.parquet", [a_transaction(country="DE")]),
            a_file(folder / "b.parquet", [a_transaction(MONDAY + DAY, TRANSACTION_ID=1)]),
        ),
        "the column country is missing in 1 of 2 files, so empty: b.parquet",
    ),
    "a file without a byte": (
        lambda folder: (a_csv(folder / "a.csv", LINE), (folder / "b.csv").touch()),
        "1 files have no rows: b.csv",
    ),
    "a file that is a header": (
        lambda folder: (a_csv(folder / "a.csv", LINE), a_csv(folder / "b.csv")),
        "1 files have no rows: b.csv",
    ),
    "a file without rows": (
        lambda folder: (
            a_file(folder / "a.parquet", [a_transaction()]),
            (folder / "b.parquet").write_bytes(_without_rows(folder)),
        ),
        "1 files have no rows: b.parquet",
    ),
}


ONLY_BY_DUCKDB = ("a column that some files lack",)  # Spark reads the columns of all files as one


@pytest.mark.parametrize("rule", RULES)
def test_what_has_a_rule_is_counted_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture, rule: str) -> None:
    make, words = RULES[rule]
    make(tmp_path / "in")
    with_duckdb(tmp_path / "in", tmp_path / "out")
    assert words in told(caplog)


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("rule", [rule for rule in RULES if rule not in ONLY_BY_DUCKDB])
def test_spark_tells_it_in_the_same_words(tmp_path: Path, caplog: pytest.LogCaptureFixture, rule: str) -> None:
    make, words = RULES[rule]
    make(tmp_path / "in")
    with_spark(tmp_path / "in", tmp_path / "out")
    assert words in told(caplog)


def test_transactions_out_of_order_are_counted_and_put_in_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    times = [MONDAY + DAY, MONDAY, MONDAY + SECOND, MONDAY - SECOND]
    a_file(tmp_path / "in" / "a.parquet", [a_transaction(time) for time in times])
    with_duckdb(tmp_path / "in", tmp_path / "out")
    assert "2 transactions stand after a later one: they are put in order" in told(caplog)
    assert column(tmp_path / "out", "CUSTOMER_ID_NB_TX_1DAY_WINDOW") == [2, 2, 3, 1]


def test_transactions_as_they_should_be_are_passed_in_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    known = {"TX_FRAUD": 1, LABEL_TIME: MONDAY + 9 * DAY}
    a_file(tmp_path / "in" / "a.parquet", [a_transaction(), a_transaction(MONDAY + DAY)])
    a_file(tmp_path / "dated" / "a.parquet", [a_transaction(**known), a_transaction(MONDAY + DAY, **known)])
    for name in ("in", "dated"):
        with_duckdb(tmp_path / name, tmp_path / f"{name}_features")
    assert told(caplog) == ""


def test_a_record_of_drift_beside_the_days_is_no_transaction(tmp_path: Path) -> None:
    a_file(tmp_path / "in" / "a.parquet", [a_transaction()])
    (tmp_path / "in" / "drift.json").write_text("{}")
    with_duckdb(tmp_path / "in", tmp_path / "out")
    assert len(rows_of(tmp_path / "out")) == 1


def test_labels_may_be_known_in_the_last_year_of_the_calendar(tmp_path: Path) -> None:
    a_file(tmp_path / "in" / "a.parquet", [a_transaction(LABEL_TIME=datetime(9999, 12, 31, 23, 59, 59))])
    assert with_duckdb(tmp_path / "in", tmp_path / "out").rows == 1
