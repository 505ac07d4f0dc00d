"""Every feature of both sets is what plain loops over all transactions give."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_factories import DAY, MICROSECOND, Row, a_transaction, computed, numbered
from feature_reference import expected
from fraud_detect.features.definitions import EXTENDED, HANDBOOK, LABEL_TIME, FeatureSet

START = datetime(2018, 3, 1)
EDGES = sorted({0, 1, 6, 7, 8, 14, 21, 28, 30, 37, 53, 60, 67})  # days: sums and differences of windows and delays
RELATIVE, ABSOLUTE = 1e-9, 1e-9

moments = st.builds(
    lambda days, off: START + days * DAY + off,
    st.sampled_from(EDGES) | st.integers(0, 70),
    st.sampled_from([timedelta(0), timedelta(0), -MICROSECOND, MICROSECOND, timedelta(hours=5)]),
)
amounts = st.sampled_from([None, 0.0, 1.0, 9.99, 10.0, 10.01, 99.9999, -5.0, 250.0]) | st.integers(-99, 99_999).map(
    lambda cents: cents / 100
)
transactions = st.fixed_dictionaries(
    {
        "TX_DATETIME": moments,
        "CUSTOMER_ID": st.integers(1, 2),
        "TERMINAL_ID": st.integers(1, 3),
        "TX_AMOUNT": amounts,
        "TX_FRAUD": st.sampled_from([0, 1, 1, None]),
    }
)
tables = st.lists(transactions, min_size=1, max_size=40).map(numbered)


def later(row: Row, days: int, off: timedelta) -> Row:
    return {**row, LABEL_TIME: max(row["TX_DATETIME"] + days * DAY + off, row["TX_DATETIME"] + MICROSECOND)}


labelled_at = st.lists(
    st.one_of(
        transactions.map(lambda row: {**row, LABEL_TIME: None}),
        st.builds(
            later, transactions, st.sampled_from(EDGES), st.sampled_from([timedelta(0), -MICROSECOND, MICROSECOND])
        ),
    ),
    min_size=1,
    max_size=40,
).map(numbered)


def assert_equal_to_reference(rows: Sequence[Row], features: FeatureSet) -> None:
    found = computed(rows, features)
    for row in rows:
        values = found[row["TRANSACTION_ID"]]
        for name, value in expected(row, rows, features).items():
            rounded = "AMOUNT" in name and value is not None  # all else is exact
            near = pytest.approx(value, rel=RELATIVE, abs=ABSOLUTE) if rounded else value
            assert values[name] == near, (name, row)


@settings(max_examples=60)
@given(tables)
def test_the_handbooks_features_are_those_of_plain_loops(rows: Sequence[Row]) -> None:
    assert_equal_to_reference(rows, HANDBOOK)


@settings(max_examples=100)
@given(tables)
def test_the_extended_features_are_those_of_plain_loops(rows: Sequence[Row]) -> None:
    assert_equal_to_reference(rows, EXTENDED)


@settings(max_examples=100)
@given(labelled_at)
def test_features_with_label_times_are_those_of_plain_loops(rows: Sequence[Row]) -> None:
    assert_equal_to_reference(rows, EXTENDED)


@settings(max_examples=30)
@given(tables)
def test_labels_that_all_come_after_the_usual_delay_give_what_the_delay_gives(rows: Sequence[Row]) -> None:
    dated = [{**row, LABEL_TIME: row["TX_DATETIME"] + 7 * DAY} for row in rows]
    assert computed(dated, EXTENDED) == computed(rows, EXTENDED)


@pytest.mark.parametrize("features", [HANDBOOK, EXTENDED])
def test_no_feature_of_a_first_transaction_with_an_amount_is_missing(features: FeatureSet) -> None:
    (values,) = computed(numbered([a_transaction(TX_FRAUD=None)]), features).values()
    assert None not in values.values()
