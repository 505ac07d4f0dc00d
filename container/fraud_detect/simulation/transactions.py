"""One day's transactions.

Knows numpy. Never knows frauds, files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_detect.simulation.parameters import SECONDS_PER_DAY, Parameters
from fraud_detect.simulation.population import Population

LEGITIMATE = 0


@dataclass(frozen=True)
class Transactions:
    """The transactions of day `day` (0 is the first), in time order; every array has shape (n,).

    `amounts`: float64, two decimals; `seconds`: int32, since midnight; `scenarios`: int8, the fraud scenario or 0.
    """

    day: int
    customers: NDArray[np.int32]
    terminals: NDArray[np.int32]
    amounts: NDArray[np.float64]
    seconds: NDArray[np.int32]
    scenarios: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.customers)


def draw(day: int, population: Population, parameters: Parameters, rng: np.random.Generator) -> Transactions:
    """Return the legitimate transactions of one day, drawn with `rng`.

    Their number is Poisson by customer; a time of day outside the day, and a customer without a terminal in
    reach, give no transaction.
    """
    customers = _buyers(population, rng)
    times = rng.normal(parameters.mean_time_seconds, parameters.time_deviation_seconds, len(customers))
    within_day = np.flatnonzero((times >= 1) & (times < SECONDS_PER_DAY))
    seconds = times[within_day].astype(np.int32)
    order = np.argsort(seconds, kind="stable")
    customers, seconds = customers[within_day[order]], seconds[order]
    return Transactions(
        day=day,
        customers=customers.astype(np.int32),
        terminals=_places(customers, population, rng),
        amounts=_amounts(customers, population, parameters, rng),
        seconds=seconds,
        scenarios=np.full(len(customers), LEGITIMATE, dtype=np.int8),
    )


def _buyers(population: Population, rng: np.random.Generator) -> NDArray[np.intp]:
    counts = rng.poisson(population.transactions_per_day)
    counts[population.reach.counts == 0] = 0
    return np.repeat(np.arange(population.customers), counts)


def _places(customers: NDArray[np.intp], population: Population, rng: np.random.Generator) -> NDArray[np.int32]:
    reach = population.reach
    terminals: NDArray[np.int32] = reach.terminals[reach.starts[customers] + rng.integers(reach.counts[customers])]
    return terminals


def _amounts(
    customers: NDArray[np.intp], population: Population, parameters: Parameters, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return normal amounts, a negative one drawn again uniformly from 0 to twice the customer's mean."""
    means = population.mean_amounts[customers]
    amounts = rng.normal(means, means * parameters.amount_deviation_share)
    negative = amounts < 0
    amounts[negative] = rng.uniform(0, 2 * means[negative])
    return np.round(amounts, 2)
