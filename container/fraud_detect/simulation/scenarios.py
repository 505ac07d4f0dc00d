"""How frauds come about.

A scenario is data; `begin` gives it a population and a random generator, and what comes back marks one day
after the other, in order. Later scenarios overwrite the marks of earlier ones.

Knows one day's transactions and conditions. Never knows files, features.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fraud_detect.simulation.population import Population
from fraud_detect.simulation.transactions import Conditions, Transactions
from fraud_detect.simulation.whole import whole

Mark = Callable[[Transactions, Conditions], Transactions]


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
    """Every transaction above `above` is a fraud.

    A fraud factor above 1 raises further transactions to amounts of the day's frauds; one below 1 lowers the amount
    of some to one drawn uniformly up to twice the customer's mean. The rule itself stays true.
    """

    above: float = 220.0
    number: int = 1

    def begin(self, population: Population, rng: np.random.Generator) -> Mark:  # noqa: ARG002 - the protocol's arguments
        """Return what marks the large amounts of a day."""

        def mark(transactions: Transactions, conditions: Conditions) -> Transactions:
            if conditions.fraud_factor != 1:
                transactions = self._at_rate(transactions, conditions, rng)
            return marked(transactions, transactions.amounts > self.above, self.number)

        return mark

    def _at_rate(self, transactions: Transactions, conditions: Conditions, rng: np.random.Generator) -> Transactions:
        large = np.flatnonzero(transactions.amounts > self.above)
        others = np.flatnonzero(transactions.amounts <= self.above)
        wanted = whole(len(large) * conditions.fraud_factor, rng)
        amounts = transactions.amounts.copy()
        if wanted > len(large) > 0:
            changed = rng.choice(others, min(wanted - len(large), len(others)), replace=False)
            amounts[changed] = rng.choice(amounts[large], len(changed))
        else:
            changed = rng.choice(large, len(large) - wanted, replace=False)
            means = conditions.population.mean_amounts[transactions.customers[changed]]
            amounts[changed] = np.round(rng.uniform(0, np.minimum(2 * means, self.above)), 2)
        rows = np.isin(np.arange(len(transactions)), changed)
        return replace(transactions, amounts=amounts).touching(rows, conditions.fraud_changes)


@dataclass(frozen=True)
class CompromisedTerminals:
    """Each day, `per_day` terminals are taken over: all their transactions in the next `duration_days` are frauds.

    A fraud factor multiplies `per_day`.
    """

    per_day: int = 2
    duration_days: int = 28
    number: int = 2

    def begin(self, population: Population, rng: np.random.Generator) -> Mark:  # noqa: ARG002 - of the day counts
        """Return what draws a day's terminals and marks the transactions at all that are compromised."""
        compromised = _Compromised(self.per_day, self.duration_days, rng)

        def mark(transactions: Transactions, conditions: Conditions) -> Transactions:
            compromised.next_day(conditions, conditions.population.terminal_ids)
            size = conditions.population.terminals_ever
            frauds = compromised.times(size)[transactions.terminals] > 0
            touched = transactions.touched | compromised.touched(transactions.terminals, size)
            return marked(replace(transactions, touched=touched), frauds, self.number)

        return mark


@dataclass(frozen=True)
class CompromisedCustomers:
    """Each day, `per_day` customers lose their card's data for `duration_days`.

    Each of their transactions becomes, with probability `share`, a fraud of `factor` times the amount.
    A fraud factor multiplies `per_day`.
    """

    per_day: int = 3
    duration_days: int = 14
    share: float = 1 / 3
    factor: float = 5.0
    number: int = 3

    def begin(self, population: Population, rng: np.random.Generator) -> Mark:
        """Return what draws a day's customers and changes some transactions of all that are compromised."""
        compromised = _Compromised(self.per_day, self.duration_days, rng)
        ids = np.arange(population.customers)

        def mark(transactions: Transactions, conditions: Conditions) -> Transactions:
            compromised.next_day(conditions, ids)
            # A customer who is compromised twice at the same time is charged twice, as in the handbook.
            charged = rng.binomial(compromised.times(len(ids))[transactions.customers], self.share)
            factors = np.float64(self.factor) ** charged
            amounts = np.round(transactions.amounts * factors, 2)
            touched = transactions.touched | compromised.touched(transactions.customers, len(ids))
            return marked(replace(transactions, amounts=amounts, touched=touched), charged > 0, self.number)

        return mark


HANDBOOK: Sequence[Scenario] = (LargeAmounts(), CompromisedTerminals(), CompromisedCustomers())


@dataclass(frozen=True)
class _Batch:
    """The entities taken over on one day, and those of which a drift decided whether they were."""

    compromised: NDArray[np.integer]
    decided: NDArray[np.integer]
    changes: int


class _Compromised:
    """Which entities are compromised, day by day."""

    def __init__(self, per_day: int, duration_days: int, rng: np.random.Generator) -> None:
        self._per_day = per_day
        self._batches: deque[_Batch] = deque(maxlen=duration_days)
        self._rng = rng
        (self._factor_rng,) = rng.spawn(1)  # so that a fraud factor leaves who is taken over anyway

    def next_day(self, conditions: Conditions, ids: NDArray[np.integer]) -> None:
        """Draw the entities, of `ids`, that are taken over today."""
        usual = self._rng.choice(len(ids), min(self._per_day, len(ids)), replace=False)
        wanted = min(whole(self._per_day * conditions.fraud_factor, self._factor_rng), len(ids))
        drawn = np.concatenate([usual, self._further(usual, wanted, len(ids))])
        decided = drawn[min(len(usual), wanted) :]
        self._batches.append(_Batch(ids[drawn[:wanted]], ids[decided], conditions.fraud_changes))

    def _further(self, usual: NDArray[np.int64], wanted: int, size: int) -> NDArray[np.int64]:
        if wanted <= len(usual):
            return np.empty(0, dtype=np.int64)
        others = np.delete(np.arange(size), usual)
        return self._factor_rng.choice(others, wanted - len(usual), replace=False)

    def times(self, size: int) -> NDArray[np.int64]:
        """Return how many times each identifier below `size` is compromised now, shape (size,)."""
        return np.bincount(np.concatenate([batch.compromised for batch in self._batches]), minlength=size)

    def touched(self, entities: NDArray[np.int32], size: int) -> NDArray[np.uint64]:
        """Return the bits of the changes that decided on each of `entities`, identifiers below `size`, shape (n,)."""
        batches = [batch for batch in self._batches if batch.changes]
        if not batches:
            return np.zeros(len(entities), dtype=np.uint64)
        bits = np.zeros(size, dtype=np.uint64)
        for batch in batches:
            bits[batch.decided] |= np.uint64(batch.changes)
        return bits[entities]


def marked(transactions: Transactions, frauds: NDArray[np.bool_], number: int) -> Transactions:
    """Return `transactions` with the scenario `number` where `frauds`, a mask of shape (n,), is set."""
    scenarios = np.where(frauds, np.int8(number), transactions.scenarios)
    return replace(transactions, scenarios=scenarios)
