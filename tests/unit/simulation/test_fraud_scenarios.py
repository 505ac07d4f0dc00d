"""Each scenario alone, on days made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fraud_detect.simulation.population import Population, Reach
from fraud_detect.simulation.scenarios import CompromisedCustomers, CompromisedTerminals, LargeAmounts, Scenario
from fraud_detect.simulation.transactions import Transactions


def a_population(size: int = 10) -> Population:
    reach = Reach(np.arange(size, dtype=np.int32), np.arange(size + 1))
    return Population(np.full(size, 50.0), np.full(size, 2.0), reach, size)


def a_day(
    day: int = 0, *, entities: Sequence[int] = range(10), amounts: Sequence[float] | float = 10.0
) -> Transactions:
    """One transaction for each of `entities`, which is both the customer and the terminal."""
    ids = np.array(entities, dtype=np.int32)
    scenarios = np.zeros(len(ids), dtype=np.int8)
    return Transactions(day, ids, ids, np.broadcast_to(np.array(amounts), len(ids)).copy(), ids, scenarios)


def marked_days(scenario: Scenario, days: int, *, population: int = 10, repeats: int = 1) -> list[Transactions]:
    mark = scenario.begin(a_population(population), np.random.default_rng(0))
    return [mark(a_day(day, entities=list(range(population)) * repeats)) for day in range(days)]


def test_an_amount_above_the_limit_is_a_fraud_and_one_at_the_limit_is_not() -> None:
    mark = LargeAmounts(above=220.0).begin(a_population(), np.random.default_rng(0))
    assert mark(a_day(entities=[0, 1, 2], amounts=[219.99, 220.0, 220.01])).scenarios.tolist() == [0, 0, 1]


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
    assert set(stolen(large(a_day())).scenarios.tolist()) == {2}
