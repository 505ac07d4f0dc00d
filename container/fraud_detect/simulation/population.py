"""Who buys, how much, how often, and at which terminals.

Knows numpy, and SciPy to find the terminals near a customer. Never knows days, frauds, files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_detect.errors import SettingError
from fraud_detect.simulation.parameters import Parameters

CUSTOMERS_PER_BLOCK = 4_096  # bounds the memory of the distance search


@dataclass(frozen=True)
class Reach:
    """The terminals that each customer can use: those of customer i are `terminals[starts[i] : starts[i + 1]]`.

    `terminals`: int32, shape (pairs,); `starts`: int64, shape (customers + 1,).
    """

    terminals: NDArray[np.int32]
    starts: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of terminals within reach, shape (customers,)."""
        return np.diff(self.starts)


@dataclass(frozen=True)
class Population:
    """Customers and the terminals within their reach; every array has shape (customers,)."""

    mean_amounts: NDArray[np.float64]
    transactions_per_day: NDArray[np.float64]
    reach: Reach
    terminals: int

    @property
    def customers(self) -> int:
        """Number of customers."""
        return len(self.mean_amounts)


def draw(parameters: Parameters, rng: np.random.Generator) -> Population:
    """Return a population drawn with `rng`: places, mean amounts and daily rates are all uniform.

    Customers and terminals have a generator each, and are drawn one after the other, so that a larger
    population begins with the same ones.

    Raises
    ------
    SettingError
        If no customer has a terminal within the radius.
    """
    customers_rng, terminals_rng = rng.spawn(2)
    side = parameters.area_side
    lowest = [0, 0, parameters.lowest_mean_amount, 0]
    highest = [side, side, parameters.highest_mean_amount, parameters.most_transactions_per_day]
    profiles = customers_rng.uniform(lowest, highest, (parameters.customers, 4))
    terminals = terminals_rng.uniform(0, side, (parameters.terminals, 2))
    reach = within(profiles[:, :2], terminals, parameters.radius)
    if len(reach.terminals) == 0:
        raise SettingError(
            f"No customer has a terminal within the radius {parameters.radius:g}",
            expected=f"a radius that reaches a terminal in the square of side {side:g}",
            remedy="Set a larger `radius`, or more customers or terminals.",
        )
    return Population(profiles[:, 2].copy(), profiles[:, 3].copy(), reach, parameters.terminals)


def within(customers: NDArray[np.float64], terminals: NDArray[np.float64], radius: float) -> Reach:
    """Return the terminals within `radius` of each customer; both are places, shapes (c, 2) and (t, 2)."""
    from scipy.spatial import KDTree

    tree = KDTree(terminals)
    found, counts = [], []
    for first in range(0, len(customers), CUSTOMERS_PER_BLOCK):
        block = customers[first : first + CUSTOMERS_PER_BLOCK]
        pairs = KDTree(block).sparse_distance_matrix(tree, radius, output_type="ndarray")
        order = np.lexsort((pairs["j"], pairs["i"]))
        found.append(pairs["j"][order].astype(np.int32))
        counts.append(np.bincount(pairs["i"], minlength=len(block)))
    starts = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
    return Reach(np.concatenate(found), starts.astype(np.int64))
