"""What holds of every kind of change, alone and together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drifting import MINIMAL, SMALL, START, a_change, a_world, touched
from fraud_detect.simulation import population, transactions
from fraud_detect.simulation.changes import Change
from fraud_detect.simulation.drift import models
from fraud_detect.simulation.parameters import Parameters
from fraud_detect.simulation.scenarios import HANDBOOK
from fraud_detect.simulation.simulate import COLUMNS, DayTable
from fraud_detect.simulation.transactions import Conditions

KINDS = list(MINIMAL)
share = st.floats(0.01, 1)
NUMBERS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "fraud_rate": st.fixed_dictionaries({"factor": st.floats(0, 20)}),
    "new_fraud_scenario": st.fixed_dictionaries(
        {
            "cards_per_day": st.integers(1, 300),
            "transactions_per_card": st.integers(1, 20),
            "minutes": st.floats(1, 1440),
        }
    ),
    "amount_inflation": st.one_of(
        st.fixed_dictionaries({"yearly_rate": st.floats(-0.9, 50), "factor": st.none()}),
        st.fixed_dictionaries({"factor": st.floats(0.1, 10), "over_days": st.integers(0, 20)}),
    ),
    "seasonal_habits": st.fixed_dictionaries(
        {"amplitude": st.floats(0, 1), "period_days": st.floats(0.5, 50), "time_swing_hours": st.floats(0, 12)}
    ),
    "sudden_habits": st.fixed_dictionaries(
        {"factor": st.floats(0, 5), "shift_hours": st.floats(-12, 12), "customer_share": share}
    ),
    "terminal_churn": st.fixed_dictionaries({"share_per_day": share}),
    "broken_feature": st.one_of(
        st.fixed_dictionaries(
            {"share": share, "column": st.sampled_from(["TX_AMOUNT", "CUSTOMER_ID", "TERMINAL_ID", "TX_TIME_SECONDS"])}
        ),
        st.fixed_dictionaries({"share": share, "fault": st.just("unit_change"), "factor": st.floats(0.01, 100)}),
    ),
    "late_labels": st.fixed_dictionaries(
        {"extra_days": st.floats(0, 30), "spread_days": st.floats(0, 30), "share": share}
    ),
}


def equal(first: DayTable, second: DayTable) -> bool:
    """Return whether all columns that both have are the same, missing values included."""
    return all(
        np.array_equal(np.ma.getmaskarray(first.columns[name]), np.ma.getmaskarray(second.columns[name]))
        and np.ma.allequal(first.columns[name], second.columns[name])
        for name in first.columns.keys() & second.columns.keys()
        if len(first) == len(second)
    ) and len(first) == len(second)


def checksum(tables: Sequence[DayTable]) -> str:
    content = b"".join(table.columns[name].tobytes() for table in tables for name in COLUMNS)
    return hashlib.sha256(content).hexdigest()


def test_every_kind_is_tested_here() -> None:
    assert set(NUMBERS) == set(MINIMAL) == set(models())


def test_without_changes_the_rows_are_those_of_the_bare_parts() -> None:
    """Draw the same world without anything that knows of drift: population, transactions, marks."""
    parameters = Parameters(**SMALL)
    people_rng, days_rng, frauds_rng = np.random.default_rng(0).spawn(3)
    people = population.draw(parameters, people_rng)
    marks = [one.begin(people, own) for one, own in zip(HANDBOOK, frauds_rng.spawn(3), strict=True)]
    for table in a_world():
        drawn = transactions.draw(
            table.columns["TX_TIME_DAYS"][0], Conditions(people), parameters, days_rng.spawn(1)[0]
        )
        for mark in marks:
            drawn = mark(drawn, Conditions(people))
        for name in ("customers", "terminals", "amounts", "scenarios"):
            column = {"customers": "CUSTOMER_ID", "terminals": "TERMINAL_ID", "amounts": "TX_AMOUNT"}
            np.testing.assert_array_equal(getattr(drawn, name), table.columns[column.get(name, "TX_FRAUD_SCENARIO")])


def test_the_usual_conditions_spelled_out_give_the_same_bytes() -> None:
    still = [
        a_change("fraud_rate", 0, factor=1.0),
        a_change("sudden_habits", 0, factor=1.0, shift_hours=0.0),
        a_change("amount_inflation", 0, factor=1.0),
        a_change("seasonal_habits", 0, amplitude=0.0, time_swing_hours=0.0),
    ]
    assert checksum(a_world(*still)) == checksum(a_world())


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12)
@given(data=st.data(), day=st.integers(1, 11), seed=st.integers(0, 100))
def test_no_row_before_the_start_is_another(kind: str, data: st.DataObject, day: int, seed: int) -> None:
    changed = a_world(a_change(kind, day, **data.draw(NUMBERS[kind])), seed=seed)
    for first, second in zip(a_world(seed=seed)[:day], changed[:day], strict=True):
        assert equal(first, second)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_is_another_on_the_first_day(kind: str) -> None:
    usual, changed = a_world(label_delay_days=7), a_world(a_change(kind, 6))
    assert not equal(usual[6], changed[6])


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_before_the_start_is_touched_and_something_on_the_first_day_is(kind: str) -> None:
    tables = a_world(a_change(kind, 6))
    assert [bool(table.touched.any()) for table in tables[:7]] == [False] * 6 + [True]


@pytest.mark.parametrize("second", KINDS)
@pytest.mark.parametrize("first", KINDS)
def test_a_later_change_leaves_what_an_earlier_one_did_until_then(first: str, second: str) -> None:
    later = a_change(second, 8, number=9) if second == "new_fraud_scenario" else a_change(second, 8)
    alone, both = a_world(a_change(first, 3)), a_world(later, a_change(first, 3))
    for one, other in zip(alone[:8], both[:8], strict=True):
        assert equal(one, other)


def test_all_kinds_at_once_touch_rows() -> None:
    tables = a_world(*(a_change(kind, 2) for kind in KINDS))
    assert [bool(touched(tables, number).any()) for number in range(len(KINDS))] == [True] * len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_drift(kind: str) -> None:
    for first, second in zip(a_world(a_change(kind)), a_world(a_change(kind)), strict=True):
        assert equal(first, second)


@pytest.mark.parametrize(
    "kind", ["new_fraud_scenario", "seasonal_habits", "sudden_habits", "broken_feature", "late_labels"]
)
def test_what_does_not_last_touches_nothing_after_its_end(kind: str) -> None:
    tables = a_world(a_change(kind, 3, until=6))
    assert [bool(table.touched.any()) for table in tables] == [False] * 3 + [True] * 3 + [False] * 6


def test_two_equal_changes_draw_by_themselves() -> None:
    once, twice = (a_world(*[a_change("broken_feature", 0, share=0.5)] * times, days=1) for times in (1, 2))
    assert np.ma.count_masked(twice[0].columns["TX_AMOUNT"]) > np.ma.count_masked(once[0].columns["TX_AMOUNT"])


def test_the_order_of_changes_does_not_matter_where_they_concern_different_things() -> None:
    some: list[Change] = [a_change(kind) for kind in KINDS if kind != "terminal_churn"]
    for first, second in zip(a_world(*some), a_world(*reversed(some)), strict=True):
        assert equal(first, second)


def test_days_count_from_the_start_of_the_world() -> None:
    assert a_change("late_labels", 0).start == START
