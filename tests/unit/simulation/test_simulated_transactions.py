"""The simulated world as a whole: columns, order, sizes, and that chance is an argument."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any

import numpy as np
import pytest

from fraud_detect.errors import SettingError
from fraud_detect.simulation.parameters import Parameters, parse
from fraud_detect.simulation.simulate import COLUMNS, DayTable, simulate

SMALL = {"customers": 200, "terminals": 400, "days": 12, "radius": 10.0}


def days(seed: int = 0, **overrides: Any) -> Iterator[DayTable]:
    return simulate(Parameters(**{**SMALL, **overrides}), np.random.default_rng(seed))


def column(name: str, tables: Iterator[DayTable]) -> np.ndarray:
    return np.concatenate([table.columns[name] for table in tables])


def test_a_day_has_the_published_columns_and_types() -> None:
    table = next(days())
    assert {name: str(values.dtype) for name, values in table.columns.items()} == COLUMNS


def test_days_follow_each_other_from_the_start() -> None:
    assert [table.date for table in days(days=2, start=date(2020, 2, 29))] == [date(2020, 2, 29), date(2020, 3, 1)]


def test_the_same_seed_gives_the_same_rows() -> None:
    for first, second in zip(days(seed=5), days(seed=5), strict=True):
        for name in COLUMNS:
            np.testing.assert_array_equal(first.columns[name], second.columns[name])


def test_another_seed_gives_other_rows() -> None:
    assert column("TX_AMOUNT", days(seed=1))[:10].tolist() != column("TX_AMOUNT", days(seed=2))[:10].tolist()


def test_a_longer_simulation_begins_with_the_same_days() -> None:
    for short, long in zip(days(days=5), islice(days(days=12), 5), strict=True):
        for name in COLUMNS:
            np.testing.assert_array_equal(short.columns[name], long.columns[name])


def test_transaction_ids_count_up_over_the_days() -> None:
    ids = column("TRANSACTION_ID", days())
    np.testing.assert_array_equal(ids, np.arange(len(ids)))


def test_times_never_go_back() -> None:
    assert (np.diff(column("TX_TIME_SECONDS", days())) >= 0).all()


def test_every_transaction_lies_on_the_date_of_its_table() -> None:
    for table in days():
        assert set(table.columns["TX_DATETIME"].astype("datetime64[D]").tolist()) == {table.date}


def test_seconds_and_days_count_from_the_start() -> None:
    table = list(days(start=date(2018, 4, 1)))[3]
    elapsed = table.columns["TX_DATETIME"] - np.datetime64("2018-04-01")
    np.testing.assert_array_equal(elapsed, table.columns["TX_TIME_SECONDS"].astype("timedelta64[s]"))
    assert set(table.columns["TX_TIME_DAYS"].tolist()) == {3}


def test_amounts_are_never_negative_and_have_two_decimals() -> None:
    amounts = column("TX_AMOUNT", days())
    assert amounts.min() >= 0
    np.testing.assert_array_equal(amounts, np.round(amounts, 2))


def test_a_transaction_is_a_fraud_exactly_when_a_scenario_marks_it() -> None:
    tables = list(days(days=30))
    marked = column("TX_FRAUD_SCENARIO", iter(tables)) > 0
    np.testing.assert_array_equal(column("TX_FRAUD", iter(tables)) == 1, marked)
    assert marked.any()


def test_a_world_without_scenarios_has_no_frauds() -> None:
    tables = simulate(Parameters(**SMALL), np.random.default_rng(0), scenarios=())
    assert sum(table.frauds for table in tables) == 0


def test_one_customer_and_one_terminal_are_enough() -> None:
    tables = list(days(customers=1, terminals=1, radius=200.0))
    assert sum(map(len, tables)) > 0


def test_a_radius_that_reaches_no_terminal_is_refused_before_the_first_day() -> None:
    with pytest.raises(SettingError, match="radius"):
        days(customers=1, terminals=1, radius=1e-6)


def test_all_faulty_parameters_are_named_at_once() -> None:
    with pytest.raises(SettingError, match=r"`customers`.*`days`.*`radius`"):
        parse({"customers": 0, "days": -1, "radius": float("inf")})
