"""Each scenario alone, on days made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from fraud_detect.simulation.population import Population, reopened
from fraud_detect.simulation.reach import within
from fraud_detect.simulation.scenarios import CompromisedCustomers, CompromisedTerminals, LargeAmounts, Scenario
from fraud_detect.simulation.transactions import Conditions, Transactions


def a_population(size: int = 10) -> Population:
    places = np.random.default_rng(0).uniform(0, 1, (size, 2))
    ids = np.arange(size, dtype=np.int32)
    return Population(np.full(size, 50.0), np.full(size, 2.0), within(places, places, 1.0), ids, size)


def a_day(
    day: int = 0, *, entities: Sequence[int] = range(10), amounts: Sequence[float] | float = 10.0
) -> Transactions:
    """One transaction for each of `entities`, which is both the customer and the terminal."""
    ids = np.array(entities, dtype=np.int32)
    size = len(ids)
    amount = np.broadcast_to(np.array(amounts, dtype=np.float64), size).copy()
    return Transactions(day, ids, ids, amount, ids, np.zeros(size, np.int8), np.zeros(size, np.uint64))


def marked_days(
    scenario: Scenario,
    days: int,
    *,
    population: int = 10,
    repeats: int = 1,
    factors: Sequence[float] = (),
    amounts: float = 10.0,
) -> list[Transactions]:
    """Return days of `repeats` transactions for each of the population; `factors` are the first days' fraud factors."""
    people = a_population(population)
    mark = scenario.begin(people, np.random.default_rng(0))
    known = [Conditions(people, fraud_factor=factor, fraud_changes=1) for factor in factors]
    known += [Conditions(people)] * (days - len(known))
    entities = list(range(population)) * repeats
    return [mark(a_day(day, entities=entities, amounts=amounts), known[day]) for day in range(days)]


def test_an_amount_above_the_limit_is_a_fraud_and_one_at_the_limit_is_not() -> None:
    mark = LargeAmounts(above=220.0).begin(a_population(), np.random.default_rng(0))
    day = mark(a_day(entities=[0, 1, 2], amounts=[219.99, 220.0, 220.01]), Conditions(a_population()))
    assert day.scenarios.tolist() == [0, 0, 1]


def test_a_terminal_stays_compromised_for_its_days_and_no_longer() -> None:
    first = np.flatnonzero(
        marked_days(CompromisedTerminals(per_day=1, duration_days=3), 1, population=1_000)[0].scenarios
    )
    days = marked_days(CompromisedTerminals(per_day=1, duration_days=3), 5, population=1_000)
    assert [int(day.scenarios[first[0]]) for day in days] == [2, 2, 2, 0, 0]


def test_new_terminals_are_compromised_every_day() -> None:
    days = marked_days(CompromisedTerminals(per_day=2, duration_days=28), 4, population=100_000)
    assert [int((day.scenarios == 2).sum()) for day in days] == [2, 4, 6, 8]


def test_more_compromised_terminals_than_there_are_means_all() -> None:
    (day,) = marked_days(CompromisedTerminals(per_day=5), 1, population=3)
    assert day.scenarios.tolist() == [2, 2, 2]


def test_a_third_of_a_compromised_customers_transactions_become_frauds() -> None:
    (day,) = marked_days(CompromisedCustomers(per_day=10), 1, population=10, repeats=3_000)
    assert abs((day.scenarios == 3).mean() - 1 / 3) < 0.01


def test_frauds_with_a_stolen_card_multiply_the_amount_and_leave_the_others() -> None:
    (day,) = marked_days(CompromisedCustomers(per_day=10), 1, population=10, repeats=30)
    np.testing.assert_array_equal(day.amounts, np.where(day.scenarios == 3, 50.0, 10.0))


def test_a_later_scenario_overwrites_the_mark_of_an_earlier_one() -> None:
    large = LargeAmounts(above=1.0).begin(a_population(), np.random.default_rng(0))
    stolen = CompromisedTerminals(per_day=10).begin(a_population(), np.random.default_rng(0))
    conditions = Conditions(a_population())
    assert set(stolen(large(a_day(), conditions), conditions).scenarios.tolist()) == {2}


def large_amounts_at(factor: float) -> Transactions:
    """Return a day of 2,000 transactions, of which 200 are large, under a fraud factor."""
    people = a_population(2_000)
    mark = LargeAmounts().begin(people, np.random.default_rng(0))
    amounts = [250.0] * 200 + [100.0] * 1_800
    return mark(a_day(entities=range(2_000), amounts=amounts), Conditions(people, fraud_factor=factor, fraud_changes=1))


@pytest.mark.parametrize("factor", [0.0, 0.25, 1.0, 3.0])
def test_a_fraud_factor_multiplies_the_large_amounts(factor: float) -> None:
    assert (large_amounts_at(factor).scenarios == 1).sum() == 200 * factor


@pytest.mark.parametrize("factor", [0.25, 3.0])
def test_under_a_fraud_factor_a_large_amount_is_still_always_a_fraud(factor: float) -> None:
    day = large_amounts_at(factor)
    np.testing.assert_array_equal(day.amounts > 220, day.scenarios == 1)


@pytest.mark.parametrize("factor", [0.25, 3.0])
def test_the_amounts_that_a_fraud_factor_changes_are_noted(factor: float) -> None:
    day = large_amounts_at(factor)
    changed = day.amounts != np.array([250.0] * 200 + [100.0] * 1_800)
    np.testing.assert_array_equal(day.touched == 1, changed)


def test_a_day_without_large_amounts_has_none_to_multiply() -> None:
    (day,) = marked_days(LargeAmounts(), 1, factors=[5.0])
    assert (day.scenarios.tolist(), day.amounts.tolist()) == ([0] * 10, [10.0] * 10)


def test_a_fraud_factor_multiplies_the_terminals_taken_over() -> None:
    days = marked_days(CompromisedTerminals(per_day=4), 3, population=100_000, factors=[1.0, 2.5, 0.0])
    assert [int((day.scenarios == 2).sum()) for day in days] == [4, 14, 14]


def test_a_fraud_factor_that_gives_half_a_terminal_takes_one_over_every_other_day() -> None:
    days = marked_days(CompromisedTerminals(per_day=1, duration_days=1), 400, population=50, factors=[0.5] * 400)
    assert sum(int((day.scenarios == 2).sum()) for day in days) == pytest.approx(200, abs=40)


def test_a_fraud_factor_leaves_the_terminals_that_are_taken_over_anyway() -> None:
    scenario = CompromisedTerminals(per_day=4)
    (few,), (usual,), (many,) = (
        marked_days(scenario, 1, population=1_000, factors=[factor]) for factor in (0.5, 1.0, 3.0)
    )
    assert set(np.flatnonzero(few.scenarios)) < set(np.flatnonzero(usual.scenarios))
    assert set(np.flatnonzero(usual.scenarios)) < set(np.flatnonzero(many.scenarios))


@pytest.mark.parametrize(("factor", "frauds"), [(3.0, True), (0.5, False)])
def test_the_terminals_that_a_fraud_factor_decides_on_are_noted(factor: float, frauds: bool) -> None:
    (usual,) = marked_days(CompromisedTerminals(per_day=4), 1, population=1_000, factors=[1.0])
    (other,) = marked_days(CompromisedTerminals(per_day=4), 1, population=1_000, factors=[factor])
    np.testing.assert_array_equal(other.touched == 1, (usual.scenarios == 2) != (other.scenarios == 2))
    assert set(other.scenarios[other.touched == 1] == 2) == {frauds}


def test_a_fraud_factor_multiplies_the_customers_who_lose_their_card() -> None:
    scenario = CompromisedCustomers(per_day=4, share=1.0)
    days = marked_days(scenario, 2, population=100_000, factors=[2.0, 1.0])
    assert [int((day.scenarios == 3).sum()) for day in days] == [8, 12]


def test_a_terminal_that_opens_does_not_inherit_that_the_closed_one_was_compromised() -> None:
    people = a_population(3)
    mark = CompromisedTerminals(per_day=3).begin(people, np.random.default_rng(0))
    mark(a_day(entities=range(3)), Conditions(people))
    after = reopened(people, np.array([1]), np.array([[0.5, 0.5]]))
    day = mark(a_day(1, entities=[0, 3, 2]), Conditions(after, fraud_factor=0.0))
    assert day.scenarios.tolist() == [2, 0, 2]


def test_terminals_that_opened_are_taken_over_like_others() -> None:
    people = reopened(a_population(3), np.arange(3), np.full((3, 2), 0.5))
    mark = CompromisedTerminals(per_day=3).begin(people, np.random.default_rng(0))
    assert mark(a_day(entities=[3, 4, 5]), Conditions(people)).scenarios.tolist() == [2, 2, 2]
