"""Money is counted as a plain loop over the rows counts it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fraud_detect.evaluation.stakes import Stakes, money

counts = st.integers(1, 30)
amounts_of_cents = st.integers(0, 10_000).map(lambda cents: cents / 100)


def totals(
    stakes: Stakes, labels: list[int], flagged: list[bool], weights: list[float] | None = None
) -> tuple[float, float]:
    weighted = None if weights is None else np.array(weights)
    outcomes = money(stakes, np.array(labels, dtype=np.uint8), np.array(flagged), weighted)
    found = outcomes.totals(outcomes.rows)
    return float(found["expected_cost"]), float(found["money_saved"])


@given(st.data(), counts)
def test_totals_are_those_of_a_plain_loop(data: st.DataObject, count: int) -> None:
    labels = data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))
    flagged = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    amounts = data.draw(arrays.arrays(np.float64, count, elements=amounts_of_cents))
    weights = data.draw(st.lists(st.sampled_from([1.0, 2.0, 15.94]), min_size=count, max_size=count))
    cost = saved = 0.0
    for label, flag, amount, weight in zip(labels, flagged, amounts, weights, strict=True):
        reviews = 5 * weight if flag else 0
        cost += reviews + (amount * weight if label and not flag else 0)
        saved += (amount * weight if label and flag else 0) - reviews

    assert totals(Stakes.of(amounts, 5), labels, flagged, weights) == pytest.approx((cost, saved))


def test_what_is_saved_and_what_is_spent_is_all_that_was_at_stake() -> None:
    stakes = Stakes.of(np.array([100.0, 40.0, 7.0]), 5)

    cost, saved = totals(stakes, [1, 1, 0], [True, False, True])

    assert (cost, saved) == (50, 90)
    assert cost + saved == 140


def test_reviews_that_find_nothing_lose_money() -> None:
    assert totals(Stakes.of(np.array([100.0]), 5), [0], [True]) == (5, -5)


@pytest.mark.parametrize("amount", [-30.0, float("nan")])
def test_a_refund_and_a_missing_amount_count_as_nothing(amount: float) -> None:
    assert totals(Stakes.of(np.array([amount], dtype=np.float32), 5), [1], [False]) == (0, 0)


def test_without_weights_each_row_stands_for_itself() -> None:
    stakes = Stakes.of(np.array([10.0, 20.0]), 1)

    assert totals(stakes, [1, 1], [True, False]) == totals(stakes, [1, 1], [True, False], [1.0, 1.0])


def test_rows_of_one_outcome_are_counted_together() -> None:
    labels = np.array([1, 1, 1, 0, 0, 0], dtype=np.uint8)
    flagged = np.array([True, True, False, True, False, False])

    outcomes = money(Stakes.of(np.full(6, 10.0), 1), labels, flagged)

    assert sorted(outcomes.rows.tolist()) == [1, 1, 2, 2]
