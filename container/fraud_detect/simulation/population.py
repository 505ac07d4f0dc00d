"""Who buys, how much, how often, and at which terminals.

Knows numpy. Never knows days, frauds, files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fraud_detect.errors import SettingError
from fraud_detect.simulation.parameters import Parameters
from fraud_detect.simulation.reach import Reach, within


@dataclass(frozen=True)
class Population:
    """Customers, and the terminals that are open.

    Attributes
    ----------
    mean_amounts, transactions_per_day : float64, shape (customers,).
    reach : where customers and open terminals are.
    terminal_ids : int32, the identifiers of the open terminals, in the order of `reach.terminals`.
    terminals_ever : number of identifiers used so far: terminals closed since count, too.
    """

    mean_amounts: NDArray[np.float64]
    transactions_per_day: NDArray[np.float64]
    reach: Reach
    terminal_ids: NDArray[np.int32]
    terminals_ever: int

    @property
    def customers(self) -> int:
        """Number of customers."""
        return len(self.mean_amounts)

    @property
    def terminals(self) -> int:
        """Number of open terminals."""
        return len(self.terminal_ids)


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
    reach = within(profiles[:, :2].copy(), terminals, parameters.radius)
    if not reach.reachable.any():
        raise SettingError(
            f"No customer has a terminal within the radius {parameters.radius:g}",
            expected=f"a radius that reaches a terminal in the square of side {side:g}",
            remedy="Set a larger `radius`, or more customers or terminals.",
        )
    ids = np.arange(parameters.terminals, dtype=np.int32)
    return Population(profiles[:, 2].copy(), profiles[:, 3].copy(), reach, ids, parameters.terminals)


def reopened(population: Population, closed: NDArray[np.intp], places: NDArray[np.float64]) -> Population:
    """Return `population` with as many new terminals at `places`, shape (n, 2), as are closed.

    `closed`: shape (n,), positions in `terminal_ids`. New terminals have identifiers that were never used.
    """
    terminals, ids = population.reach.terminals.copy(), population.terminal_ids.copy()
    terminals[closed] = places
    ids[closed] = np.arange(population.terminals_ever, population.terminals_ever + len(closed))
    reach = within(population.reach.customers, terminals, population.reach.radius)
    return replace(population, reach=reach, terminal_ids=ids, terminals_ever=population.terminals_ever + len(closed))
