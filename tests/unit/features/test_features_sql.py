"""Definitions become SQL text, without an engine."""

from __future__ import annotations

import pytest

from fraud_detect.features.definitions import (
    CUSTOMER,
    HANDBOOK,
    TERMINAL,
    Aggregate,
    FeatureSet,
    PeriodFeature,
    WindowFeature,
)
from fraud_detect.features.sql import DUCKDB, Dialect, features_query


def a_set(*windows: WindowFeature, periods: tuple[PeriodFeature, ...] = ()) -> FeatureSet:
    return FeatureSet(periods, windows)


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


def test_a_window_without_delay_ends_at_the_transaction_and_leaves_out_its_oldest_moment() -> None:
    query = features_query(a_set(WindowFeature(CUSTOMER, Aggregate.COUNT, 1)), DUCKDB)
    assert "RANGE BETWEEN 86399999999 PRECEDING AND CURRENT ROW" in query


def test_a_delay_moves_both_ends_back() -> None:
    query = features_query(a_set(WindowFeature(TERMINAL, Aggregate.FRAUD_SHARE, 1, delay_days=7)), DUCKDB)
    assert "RANGE BETWEEN 691199999999 PRECEDING AND 604800000000 PRECEDING" in query


def test_features_of_the_same_window_share_it() -> None:
    windows = [WindowFeature(CUSTOMER, aggregate, 7) for aggregate in Aggregate]
    assert features_query(a_set(*windows), DUCKDB).count("RANGE BETWEEN") == 1


def test_each_entity_has_one_step_of_its_own() -> None:
    query = features_query(HANDBOOK, DUCKDB)
    steps = [line.split()[0] for line in query.splitlines() if line.endswith(" AS (")]
    assert steps == ["WITH", "calendar", "customer_id_history", "terminal_id_history"]


@pytest.mark.parametrize("features", [a_set(), a_set(periods=HANDBOOK.periods)])
def test_a_set_without_windows_is_still_a_query(features: FeatureSet) -> None:
    assert "WINDOW" not in features_query(features, DUCKDB)


def test_a_dialect_brings_its_quotes_and_its_clock() -> None:
    query = features_query(HANDBOOK, Dialect(quote="`", microseconds="unix_micros({})"))
    assert "unix_micros(`TX_DATETIME`) AS event_us" in query
    assert '"' not in query
