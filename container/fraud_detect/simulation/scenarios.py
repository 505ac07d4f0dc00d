"""How frauds come about.

A scenario is data; `begin` gives it a population and a random generator, and what comes back marks one day
after the other, in order. Later scenarios overwrite the marks of earlier ones.

Knows one day's transactions. Never knows files, features.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fraud_detect.simulation.population import Population
from fraud_detect.simulation.transactions import Transactions

Mark = Callable[[Transactions], Transactions]


class Scenario(Protocol):
    """A way of defrauding; `number` is its value of TX_FRAUD_SCENARIO."""

    @property
    def number(self) -> int:
        """The scenario's number, from 1."""
        ...

    def begin(self, population: Population, rng: np.random.Generator) -> Mark:
        """Return what marks the days, to be called once for each day in order."""
        ...


@dataclass(frozen=True)
class LargeAmounts:
    """Every transaction above `above` is a fraud."""

    above: float = 220.0
    number: int = 1

    def begin(self, population: Population, rng: np.random.Generator) -> Mark:  # noqa: ARG002 - the protocol's arguments
        """Return what marks the large amounts of a day."""

        def mark(transactions: Transactions) -> Transactions:
            return _marked(transactions, transactions.amounts > self.above, self.number)

        return mark


@dataclass(frozen=True)
class CompromisedTerminals:
    """Each day, `per_day` terminals are taken over: all their transactions in the next `duration_days` are frauds."""

    per_day: int = 2
    duration_days: int = 28
    number: int = 2

    def begin(self, population: Population, rng: np.random.Generator) -> Mark:
        """Return what draws a day's terminals and marks the transactions at all that are compromised."""
        compromised = _Compromised(population.terminals, self.per_day, self.duration_days, rng)

        def mark(transactions: Transactions) -> Transactions:
            frauds = compromised.next_day()[transactions.terminals] > 0
            return _marked(transactions, frauds, self.number)

        return mark


@dataclass(frozen=True)
class CompromisedCustomers:
    """Each day, `per_day` customers lose their card's data for `duration_days`.

    Each of their transactions becomes, with probability `share`, a fraud of `factor` times the amount.
    """

    per_day: int = 3
    duration_days: int = 14
    share: float = 1 / 3
    factor: float = 5.0
    number: int = 3

    def begin(self, population: Population, rng: np.random.Generator) -> Mark:
        """Return what draws a day's customers and changes some transactions of all that are compromised."""
        compromised = _Compromised(population.customers, self.per_day, self.duration_days, rng)

        def mark(transactions: Transactions) -> Transactions:
            # A customer who is compromised twice at the same time is charged twice, as in the handbook.
            charged = rng.binomial(compromised.next_day()[transactions.customers], self.share)
            factors = np.float64(self.factor) ** charged
            amounts = np.round(transactions.amounts * factors, 2)
            return _marked(replace(transactions, amounts=amounts), charged > 0, self.number)

        return mark


HANDBOOK: Sequence[Scenario] = (LargeAmounts(), CompromisedTerminals(), CompromisedCustomers())


class _Compromised:
    """Which of `population` entities are compromised, day by day."""

    def __init__(self, population: int, per_day: int, duration_days: int, rng: np.random.Generator) -> None:
        self._population = population
        self._per_day = min(per_day, population)
        self._drawn: deque[NDArray[np.int64]] = deque(maxlen=duration_days)
        self._rng = rng

    def next_day(self) -> NDArray[np.int64]:
        """Return, after drawing the next day's, how many times each entity is compromised, shape (population,)."""
        self._drawn.append(self._rng.choice(self._population, self._per_day, replace=False))
        return np.bincount(np.concatenate(self._drawn), minlength=self._population)


def _marked(transactions: Transactions, frauds: NDArray[np.bool_], number: int) -> Transactions:
    scenarios = np.where(frauds, np.int8(number), transactions.scenarios)
    return replace(transactions, scenarios=scenarios)
