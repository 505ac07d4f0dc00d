"""Definitions become SQL text, without an engine."""

from __future__ import annotations

import re

import pytest

from fraud_detect.features.definitions import (
    CUSTOMER,
    EXTENDED,
    HANDBOOK,
    LABEL_TIME,
    REQUIRED,
    SETS,
    TERMINAL,
    Aggregate,
    FeatureSet,
    PeriodFeature,
    WindowFeature,
)
from fraud_detect.features.dialect import DUCKDB, SPARK, Dialect
from fraud_detect.features.sql import Days, Input, features_query, internal_names

DELAYED = Input(REQUIRED)
DATED = Input((*REQUIRED, LABEL_TIME))
US_PER_DAY = 86_400_000_000

both_dialects = pytest.mark.parametrize("dialect", [DUCKDB, SPARK], ids=["duckdb", "spark"])


def a_set(*windows: WindowFeature, periods: tuple[PeriodFeature, ...] = ()) -> FeatureSet:
    return FeatureSet(periods, windows)


def of_customer(aggregate: Aggregate, days: int) -> WindowFeature:
    return WindowFeature((CUSTOMER,), aggregate, days)


def of_terminal(aggregate: Aggregate, days: int, delay_days: int = 7) -> WindowFeature:
    return WindowFeature((TERMINAL,), aggregate, days, delay_days)


def steps(query: str) -> list[str]:
    return re.findall(r"^(?:WITH )?(\w+) AS \($", query, re.MULTILINE)


def test_the_default_set_has_the_published_names_in_their_order() -> None:
    assert HANDBOOK.names == (
        "TX_DURING_WEEKEND",
        "TX_DURING_NIGHT",
        "CUSTOMER_ID_NB_TX_1DAY_WINDOW",
        "CUSTOMER_ID_AVG_AMOUNT_1DAY_WINDOW",
        "CUSTOMER_ID_NB_TX_7DAY_WINDOW",
        "CUSTOMER_ID_AVG_AMOUNT_7DAY_WINDOW",
        "CUSTOMER_ID_NB_TX_30DAY_WINDOW",
        "CUSTOMER_ID_AVG_AMOUNT_30DAY_WINDOW",
        "TERMINAL_ID_NB_TX_1DAY_WINDOW",
        "TERMINAL_ID_RISK_1DAY_WINDOW",
        "TERMINAL_ID_NB_TX_7DAY_WINDOW",
        "TERMINAL_ID_RISK_7DAY_WINDOW",
        "TERMINAL_ID_NB_TX_30DAY_WINDOW",
        "TERMINAL_ID_RISK_30DAY_WINDOW",
    )


def test_the_extended_set_begins_with_the_handbooks() -> None:
    assert EXTENDED.names[: len(HANDBOOK.names)] == HANDBOOK.names


@pytest.mark.parametrize("name", SETS)
def test_names_are_given_once(name: str) -> None:
    assert len(set(SETS[name].names)) == len(SETS[name].names)


def test_the_horizon_is_that_of_the_window_that_reaches_furthest() -> None:
    assert (HANDBOOK.horizon_days, EXTENDED.horizon_days, a_set().horizon_days) == (37, 67, 0)


@both_dialects
def test_a_window_without_delay_ends_at_the_transaction_and_leaves_out_its_oldest_moment(dialect: Dialect) -> None:
    query = features_query(a_set(of_customer(Aggregate.COUNT, 1)), DELAYED, dialect)
    assert "RANGE BETWEEN 86399999999 PRECEDING AND CURRENT ROW" in query


@both_dialects
def test_a_delay_moves_both_ends_back(dialect: Dialect) -> None:
    query = features_query(a_set(of_terminal(Aggregate.FRAUD_SHARE, 1)), DELAYED, dialect)
    assert "RANGE BETWEEN 691199999999 PRECEDING AND 604800000000 PRECEDING" in query


@both_dialects
def test_what_is_held_against_the_past_leaves_out_its_own_moment(dialect: Dialect) -> None:
    query = features_query(a_set(of_customer(Aggregate.FIRST, 1)), DELAYED, dialect)
    assert "RANGE BETWEEN 86399999999 PRECEDING AND 1 PRECEDING" in query


def test_features_of_the_same_window_share_it() -> None:
    aggregates = (Aggregate.COUNT, Aggregate.MEAN_AMOUNT, Aggregate.TERMINALS, Aggregate.FRAUD_SHARE)
    query = features_query(a_set(*(of_customer(each, 7) for each in aggregates)), DELAYED, DUCKDB)
    assert query.count("RANGE BETWEEN") == 1


@both_dialects
@pytest.mark.parametrize("given", [DELAYED, DATED], ids=["by delay", "by label time"])
def test_each_measure_of_a_window_is_taken_once(dialect: Dialect, given: Input) -> None:
    query = features_query(EXTENDED, given, dialect)
    for step in re.split(r"^\w+ AS \($", query, flags=re.MULTILINE):
        measures = re.findall(r"^ +(\S.* OVER \w+\)?) AS \w+,?$", step, re.MULTILINE)
        assert len(set(measures)) == len(measures) == step.count(" OVER ")


def test_each_entity_has_one_step_of_its_own() -> None:
    query = features_query(EXTENDED, DELAYED, DUCKDB)
    histories = ["customer_id_history", "terminal_id_labels", "customer_id_terminal_id_history"]
    assert steps(query) == ["events", *histories]


def test_label_times_get_rows_of_their_own_around_the_windows_of_labels() -> None:
    query = features_query(HANDBOOK, DATED, DUCKDB)
    labels = ["terminal_id_labels_moments", "terminal_id_labels", "terminal_id_labels_at_events"]
    assert steps(query) == ["events", "customer_id_history", *labels]


def test_windows_over_label_times_have_no_delay() -> None:
    query = features_query(a_set(of_terminal(Aggregate.FRAUD_SHARE, 1)), DATED, DUCKDB)
    assert "RANGE BETWEEN 86399999999 PRECEDING AND CURRENT ROW" in query


@pytest.mark.parametrize("features", [a_set(), a_set(periods=HANDBOOK.periods)], ids=["none", "periods"])
def test_a_set_without_windows_is_still_a_query(features: FeatureSet) -> None:
    assert "WINDOW\n" not in features_query(features, DELAYED, DUCKDB)


@pytest.mark.parametrize(
    ("days", "ranges"),
    [
        ([5], ((5, 6),)),
        ([5, 6, 7], ((5, 8),)),
        ([-1, 0, 3, 4, 9], ((-1, 1), (3, 5), (9, 10))),
    ],
)
def test_days_become_ranges(days: list[int], ranges: tuple[tuple[int, int], ...]) -> None:
    assert Days.of(days).ranges == ranges


def test_only_the_days_asked_for_are_returned() -> None:
    query = features_query(HANDBOOK, DELAYED, DUCKDB, Days.of([100, 101, 105]))
    asked = [
        f"(event_us >= {first * US_PER_DAY} AND event_us < {end * US_PER_DAY})"
        for first, end in [(100, 102), (105, 106)]
    ]
    assert query.endswith(f"WHERE {' OR '.join(asked)}")


def test_only_the_history_that_the_first_of_the_days_needs_is_read() -> None:
    query = features_query(HANDBOOK, DELAYED, DUCKDB, Days.of([100, 105]))
    assert f"WHERE event_us >= {(100 - 37) * US_PER_DAY}\n" in query


def test_labels_that_came_since_are_read_however_old_their_transactions() -> None:
    query = features_query(HANDBOOK, DATED, DUCKDB, Days.of([100]))
    oldest = (100 - 37) * US_PER_DAY
    assert f"WHERE event_us >= {oldest} OR label_us >= {oldest}\n" in query


def test_a_dialect_brings_its_quotes_and_its_clock() -> None:
    query = features_query(HANDBOOK, DELAYED, SPARK)
    assert "unix_micros(CAST(`TX_DATETIME` AS TIMESTAMP_LTZ)) AS event_us" in query
    assert '"' not in query


def test_a_quote_in_a_name_is_doubled() -> None:
    query = features_query(a_set(), Input((*REQUIRED, 'a"b')), DUCKDB)
    assert '"a""b"' in query


def test_both_dialects_have_the_same_steps() -> None:
    assert steps(features_query(EXTENDED, DATED, DUCKDB)) == steps(features_query(EXTENDED, DATED, SPARK))


@pytest.mark.parametrize("features", SETS.values(), ids=SETS)
@pytest.mark.parametrize("given", [DELAYED, DATED], ids=["by delay", "by label time"])
def test_every_column_that_the_query_makes_is_reserved(features: FeatureSet, given: Input) -> None:
    made = set(re.findall(r" AS (\w+),?$", features_query(features, given, DUCKDB), re.MULTILINE))
    assert made <= {*internal_names(features, given), "timed"}


@both_dialects
def test_amounts_are_summed_as_whole_numbers(dialect: Dialect) -> None:
    summed = re.findall(r"SUM\((?:CAST\()?(\W?\w+)", features_query(EXTENDED, DELAYED, dialect))
    assert set(summed) == {"amount_millionths", "amount_parts"}
