"""Customers and the terminals within their reach."""

from __future__ import annotations

import numpy as np

from fraud_detect.simulation import population
from fraud_detect.simulation.parameters import Parameters


def a_population(seed: int = 0, **overrides: int | float) -> population.Population:
    return population.draw(Parameters(**{"customers": 300, "terminals": 500, **overrides}), np.random.default_rng(seed))


def test_more_customers_leave_the_first_ones_as_they_were() -> None:
    few, many = a_population(customers=100), a_population(customers=300)
    np.testing.assert_array_equal(few.mean_amounts, many.mean_amounts[:100])


def test_mean_amounts_and_rates_fill_their_ranges() -> None:
    people = a_population(customers=5_000)
    assert 5 <= people.mean_amounts.min() < 6 < 99 < people.mean_amounts.max() <= 100
    assert 0 <= people.transactions_per_day.min() < 0.1 < 3.9 < people.transactions_per_day.max() <= 4


def test_terminals_that_open_have_identifiers_never_used() -> None:
    people = a_population(terminals=500)
    after = population.reopened(people, np.array([3, 7]), np.array([[1.0, 2.0], [3.0, 4.0]]))
    again = population.reopened(after, np.array([3]), np.array([[5.0, 6.0]]))
    assert (again.terminal_ids[3], again.terminal_ids[7], again.terminals_ever) == (502, 501, 503)


def test_terminals_that_open_lie_where_they_were_put() -> None:
    people = population.reopened(a_population(), np.array([3]), np.array([[1.0, 2.0]]))
    assert people.reach.terminals[3].tolist() == [1.0, 2.0]


def test_what_is_closed_in_one_population_is_open_in_the_earlier_one() -> None:
    people = a_population()
    population.reopened(people, np.array([3]), np.array([[1.0, 2.0]]))
    assert people.terminal_ids[3] == 3
