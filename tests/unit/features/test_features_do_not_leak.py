"""What comes at a time or after it changes no feature of an earlier transaction; nor do labels not known by then."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from feature_factories import DAY, MICROSECOND, Row, columns, computed, day_files, numbered, with_duckdb
from fraud_detect.features.definitions import EXTENDED, HANDBOOK, LABEL_TIME, FeatureSet

START = datetime(2018, 3, 1)
DELAY = 7 * DAY
HOUR = timedelta(hours=1)
EDGE = START + 40 * DAY + 9 * HOUR
"""A transaction's time; a label of its terminal is known a microsecond later."""
UNKNOWN: Row = {"TX_FRAUD": None}

both_sets = pytest.mark.parametrize("features", [HANDBOOK, EXTENDED], ids=["handbook", "extended"])
with_and_without_label_times = pytest.mark.parametrize("dated", [False, True], ids=["by delay", "by label time"])


def some_rows(*, dated: bool, seed: int = 1, count: int = 600) -> Sequence[Row]:
    """Return rows of 90 days by few customers and terminals, many at the same time or a whole number of days apart."""
    rng = random.Random(seed)  # noqa: S311 - a table of tests
    rows: list[dict[str, Any]] = [
        {
            "TX_DATETIME": START + rng.randrange(90) * DAY + rng.choice([0, 0, 1, 13]) * HOUR,
            "CUSTOMER_ID": rng.randrange(6),
            "TERMINAL_ID": rng.randrange(4),
            "TX_AMOUNT": rng.randrange(10_000) / 100,
            "TX_FRAUD": int(rng.random() < 0.3),
        }
        for _ in range(count)
    ]
    if dated:
        rows = [
            {**row, LABEL_TIME: row["TX_DATETIME"] + rng.choice([1, 5, 24, 24 * 7, 24 * 20]) * HOUR} for row in rows
        ]
    edge = {"CUSTOMER_ID": 9, "TERMINAL_ID": 9, "TX_AMOUNT": 5.0, "TX_FRAUD": 1}
    pair = [{"TX_DATETIME": EDGE, **edge}, {"TX_DATETIME": EDGE - DELAY + MICROSECOND, **edge}]
    if dated:
        pair = [{**row, LABEL_TIME: EDGE + MICROSECOND} for row in pair]
    return numbered(sorted([*rows, *pair], key=lambda row: row["TX_DATETIME"]))


def known_at(row: Row) -> datetime:
    """Return when a row's label becomes known."""
    known: datetime = row[LABEL_TIME] if LABEL_TIME in row else row["TX_DATETIME"] + DELAY
    return known


def cut_at(rows: Sequence[Row], time: datetime) -> Sequence[Row]:
    """Return what was known just before `time`: earlier transactions, without the labels that came later."""
    unknown = {**UNKNOWN, LABEL_TIME: None} if LABEL_TIME in rows[0] else UNKNOWN
    return [row if known_at(row) < time else {**row, **unknown} for row in rows if row["TX_DATETIME"] < time]


def turned_over_from(rows: Sequence[Row], time: datetime) -> Sequence[Row]:
    """Return the rows with all that `time` brings changed: later transactions' amounts, later labels the other way."""
    amounts = [row if row["TX_DATETIME"] < time else {**row, "TX_AMOUNT": 77_777.0, "CUSTOMER_ID": 0} for row in rows]
    return [row if known_at(row) < time else {**row, "TX_FRAUD": 1 - row["TX_FRAUD"]} for row in amounts]


def before(rows: Sequence[Row], features: FeatureSet, time: datetime) -> Sequence[Any]:
    found = computed(rows, features)
    return [found[row["TRANSACTION_ID"]] for row in rows if row["TX_DATETIME"] < time]


@with_and_without_label_times
@both_sets
@pytest.mark.parametrize("future", [cut_at, turned_over_from])
@pytest.mark.parametrize("time", [START + 6 * DAY, EDGE, START + 89 * DAY])
@pytest.mark.parametrize("after", [timedelta(0), MICROSECOND], ids=["at it", "just after it"])
def test_features_before_a_time_do_not_depend_on_what_it_brings(
    features: FeatureSet,
    time: datetime,
    after: timedelta,
    future: Callable[[Sequence[Row], datetime], Sequence[Row]],
    *,
    dated: bool,
) -> None:
    rows = some_rows(dated=dated)
    cut = time + after
    assert before(future(rows, cut), features, cut) == before(rows, features, cut)


@with_and_without_label_times
@both_sets
def test_labels_known_just_before_a_time_do_count_before_it(features: FeatureSet, *, dated: bool) -> None:
    """What the tests above leave as it is matters: they would fail if they cut a moment earlier."""
    fraud = {**some_rows(dated=False)[0], "TX_FRAUD": 1, **({LABEL_TIME: START + 3 * DAY} if dated else {})}
    time = known_at(fraud) + MICROSECOND
    rows = [fraud, {**fraud, "TRANSACTION_ID": -1, "TX_DATETIME": known_at(fraud), LABEL_TIME: None}]
    rows = [{name: row[name] for name in fraud} for row in rows]
    cut_too_early = [{**fraud, "TX_FRAUD": 0}, rows[1]]
    assert before(rows, features, time) != before(cut_too_early, features, time)


@both_sets
def test_day_files_of_data_that_end_earlier_are_those_of_the_whole(tmp_path: Path, features: FeatureSet) -> None:
    rows = some_rows(dated=False)
    time = START + 45 * DAY
    with_duckdb(day_files(tmp_path / "whole", rows), tmp_path / "from_whole", features)
    with_duckdb(day_files(tmp_path / "cut", cut_at(rows, time)), tmp_path / "from_cut", features)
    found = columns(tmp_path / "from_cut", "TRANSACTION_ID", *features.names)
    assert columns(tmp_path / "from_whole", "TRANSACTION_ID", *features.names)[: len(found)] == found
