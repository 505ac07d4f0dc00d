"""Customers and the terminals within their reach."""

from __future__ import annotations

import numpy as np

from fraud_detect.simulation import population
from fraud_detect.simulation.parameters import Parameters


def a_population(seed: int = 0, **overrides: int | float) -> population.Population:
    return population.draw(Parameters(**{"customers": 300, "terminals": 500, **overrides}), np.random.default_rng(seed))


def test_reach_holds_exactly_the_terminals_within_the_radius() -> None:
    rng = np.random.default_rng(0)
    customers, terminals = rng.uniform(0, 100, (60, 2)), rng.uniform(0, 100, (90, 2))
    reach = population.within(customers, terminals, 20.0)
    distances = np.linalg.norm(customers[:, None] - terminals[None], axis=2)
    for customer, near in enumerate(distances < 20.0):
        own = reach.terminals[reach.starts[customer] : reach.starts[customer + 1]]
        np.testing.assert_array_equal(own, np.flatnonzero(near))


def test_reach_is_the_same_however_customers_are_cut_into_blocks(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    whole = a_population().reach
    monkeypatch.setattr(population, "CUSTOMERS_PER_BLOCK", 7)
    np.testing.assert_array_equal(a_population().reach.terminals, whole.terminals)
    np.testing.assert_array_equal(a_population().reach.starts, whole.starts)


def test_more_customers_leave_the_first_ones_as_they_were() -> None:
    few, many = a_population(customers=100), a_population(customers=300)
    np.testing.assert_array_equal(few.mean_amounts, many.mean_amounts[:100])


def test_mean_amounts_and_rates_fill_their_ranges() -> None:
    people = a_population(customers=5_000)
    assert 5 <= people.mean_amounts.min() < 6 < 99 < people.mean_amounts.max() <= 100
    assert 0 <= people.transactions_per_day.min() < 0.1 < 3.9 < people.transactions_per_day.max() <= 4
