"""One day's transactions, and the conditions under which they come about.

Knows numpy. Never knows frauds, files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fraud_detect.simulation.parameters import SECONDS_PER_DAY, Parameters
from fraud_detect.simulation.population import Population

LEGITIMATE = 0


@dataclass(frozen=True)
class Conditions:
    """What holds on one day; without drift only the population matters.

    Attributes
    ----------
    rate_factors : on the customers' transactions a day, shape (customers,) or ().
    time_shifts_seconds : of the time of day, around the clock; whole numbers of shape (customers,) or ().
    fraud_factor : on the number of frauds, or of takings-over, that begin today.
    fraud_changes : bits of the changes that `fraud_factor` comes from.
    """

    population: Population
    rate_factors: NDArray[np.float64] | float = 1.0
    time_shifts_seconds: NDArray[np.int64] | int = 0
    fraud_factor: float = 1.0
    fraud_changes: int = 0


@dataclass(frozen=True)
class Transactions:
    """The transactions of day `day` (0 is the first), in time order; every array has shape (n,).

    `terminals`: int32, identifiers; `amounts`: float64, two decimals; `seconds`: int32, since midnight;
    `scenarios`: int8, the fraud scenario or 0; `touched`: uint64, bit i is set where change i had a hand in it.
    """

    day: int
    customers: NDArray[np.int32]
    terminals: NDArray[np.int32]
    amounts: NDArray[np.float64]
    seconds: NDArray[np.int32]
    scenarios: NDArray[np.int8]
    touched: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.customers)

    def touching(self, rows: NDArray[np.bool_], change: int) -> Transactions:
        """Return the same with the bits of `change` set in `rows`, a mask of shape (n,)."""
        return replace(self, touched=self.touched | np.where(rows, np.uint64(change), np.uint64(0)))


def draw(day: int, conditions: Conditions, parameters: Parameters, rng: np.random.Generator) -> Transactions:
    """Return the legitimate transactions of one day, drawn with `rng`.

    Their number is Poisson by customer; a time of day outside the day, and a customer without a terminal in
    reach, give no transaction.
    """
    population = conditions.population
    terminals_rng, amounts_rng = rng.spawn(2)  # of their own: one more draw of a terminal changes no amount
    customers = _buyers(conditions, rng)
    times = rng.normal(parameters.mean_time_seconds, parameters.time_deviation_seconds, len(customers))
    within_day = np.flatnonzero((times >= 1) & (times < SECONDS_PER_DAY))
    customers = customers[within_day]
    shifts = np.broadcast_to(conditions.time_shifts_seconds, population.customers)[customers]
    seconds = ((times[within_day].astype(np.int64) + shifts) % SECONDS_PER_DAY).astype(np.int32)
    order = np.argsort(seconds, kind="stable")
    customers = customers[order]
    return Transactions(
        day=day,
        customers=customers.astype(np.int32),
        terminals=population.terminal_ids[population.reach.draw(customers, terminals_rng)],
        amounts=_amounts(customers, population, parameters, amounts_rng),
        seconds=seconds[order],
        scenarios=np.full(len(customers), LEGITIMATE, dtype=np.int8),
        touched=np.zeros(len(customers), dtype=np.uint64),
    )


def _buyers(conditions: Conditions, rng: np.random.Generator) -> NDArray[np.intp]:
    population = conditions.population
    counts = rng.poisson(population.transactions_per_day * conditions.rate_factors)
    counts[~population.reach.reachable] = 0
    return np.repeat(np.arange(population.customers), counts)


def _amounts(
    customers: NDArray[np.intp], population: Population, parameters: Parameters, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return normal amounts, a negative one drawn again uniformly from 0 to twice the customer's mean."""
    means = population.mean_amounts[customers]
    amounts = rng.normal(means, means * parameters.amount_deviation_share)
    negative = amounts < 0
    amounts[negative] = rng.uniform(0, 2 * means[negative])
    return np.round(amounts, 2)
