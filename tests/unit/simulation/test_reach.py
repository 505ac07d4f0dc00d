"""Terminals near a customer: only those, all of them, each equally likely."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from fraud_detect.simulation.reach import Reach, within


def a_reach(*, customers: int = 40, terminals: int = 90, radius: float = 20.0, seed: int = 0) -> Reach:
    rng = np.random.default_rng(seed)
    return within(rng.uniform(0, 100, (customers, 2)), rng.uniform(0, 100, (terminals, 2)), radius)


def near(reach: Reach) -> np.ndarray:
    """Whether each customer, a row, reaches each terminal."""
    return np.linalg.norm(reach.customers[:, None] - reach.terminals[None], axis=2) <= reach.radius


@given(
    radius=st.floats(0.01, 300),
    customers=st.integers(1, 30),
    terminals=st.integers(1, 60),
    seed=st.integers(0, 1_000),
)
def test_a_terminal_that_is_drawn_is_within_the_radius(
    radius: float, customers: int, terminals: int, seed: int
) -> None:
    reach = a_reach(customers=customers, terminals=terminals, radius=radius, seed=seed)
    who = np.repeat(np.flatnonzero(reach.reachable), 20)
    assert near(reach)[who, reach.draw(who, np.random.default_rng(seed))].all()


@given(radius=st.floats(0.01, 300), seed=st.integers(0, 1_000))
def test_customers_are_reachable_exactly_if_a_terminal_is_within_the_radius(radius: float, seed: int) -> None:
    reach = a_reach(radius=radius, seed=seed)
    np.testing.assert_array_equal(reach.reachable, near(reach).any(axis=1))


@pytest.mark.parametrize("radius", [3.0, 20.0, 70.0, 500.0])
def test_every_terminal_within_the_radius_is_drawn_equally_often(radius: float) -> None:
    reach = a_reach(terminals=200, radius=radius)
    customer = int(np.argmax(near(reach).sum(axis=1)))
    drawn = reach.draw(np.full(40_000, customer), np.random.default_rng(0))
    counts = np.bincount(drawn, minlength=200)[near(reach)[customer]]
    assert chisquare(counts).pvalue > 0.001


def test_what_is_kept_does_not_grow_with_the_pairs_in_reach() -> None:
    sparse, dense = a_reach(radius=1.0), a_reach(terminals=90_000, radius=50.0)
    assert dense.running.shape[1] <= 11
    assert dense.running.shape[0] == sparse.running.shape[0] == 40


def test_terminals_in_one_place_and_on_the_edge_of_the_square_are_found() -> None:
    customers = np.array([[0.0, 0.0], [100.0, 100.0]])
    terminals = np.array([[0.0, 0.0], [0.0, 0.0], [100.0, 100.0]])
    drawn = within(customers, terminals, 5.0).draw(np.repeat([0, 1], 100), np.random.default_rng(0))
    assert (set(drawn[:100].tolist()), set(drawn[100:].tolist())) == ({0, 1}, {2})
