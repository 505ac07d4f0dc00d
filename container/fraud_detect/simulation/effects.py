"""How each declared change comes about.

Each has a random generator of its own, drawn from the change's own content: what one change does depends neither on
its place in the list nor on which others there are, and nothing is drawn before its first day.

Knows the declared changes and one day's world. Never knows files, other changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from fraud_detect.simulation import changes
from fraud_detect.simulation.parameters import SECONDS_PER_DAY, Parameters
from fraud_detect.simulation.population import Population, reopened
from fraud_detect.simulation.transactions import LEGITIMATE, Conditions, Transactions
from fraud_detect.simulation.whole import whole

DAYS_PER_YEAR = 365.25
SECONDS_PER_HOUR = 3_600
LABEL_TIME = "LABEL_TIME"

Columns = Mapping[str, NDArray[Any]]
C = TypeVar("C", bound=changes.Change)


@dataclass(frozen=True)
class Setting:
    """What an effect begins with; `bit` is its own in `Transactions.touched`."""

    parameters: Parameters
    population: Population
    rng: np.random.Generator
    bit: int


class Effect(Generic[C]):
    """What a change does on the days on which it goes on; this one does nothing."""

    def __init__(self, change: C, setting: Setting) -> None:
        self.change = change
        self.rng = setting.rng
        self.bit = setting.bit
        self.parameters = setting.parameters
        self.first = (change.start - setting.parameters.start).days
        self.stop = None if change.end is None else (change.end - setting.parameters.start).days

    def goes_on(self, day: int) -> bool:
        """Return whether day `day`, 0 is the first, lies from `start` up to `end`."""
        return day >= self.first and (self.stop is None or day < self.stop)

    def evolve(self, population: Population) -> Population:
        """Return the population of a day on which the change goes on; it stays so afterwards."""
        return population

    def condition(self, conditions: Conditions, day: int) -> Conditions:  # noqa: ARG002 - for those that override it
        """Return the conditions of a day on which the change goes on."""
        return conditions

    def transact(self, transactions: Transactions, conditions: Conditions) -> Transactions:  # noqa: ARG002
        """Return the transactions, frauds marked, of any day from `start` on."""
        return transactions

    def report(self, columns: Columns, transactions: Transactions) -> tuple[Columns, Transactions]:
        """Return the columns as they are written on a day on which the change goes on, and whom it touched."""
        return columns, transactions


class FraudRateEffect(Effect[changes.FraudRate]):
    """More or fewer frauds begin; the scenarios do the rest."""

    def condition(self, conditions: Conditions, day: int) -> Conditions:  # noqa: ARG002
        """Multiply the fraud factor."""
        factor = conditions.fraud_factor * self.change.factor
        return replace(conditions, fraud_factor=factor, fraud_changes=conditions.fraud_changes | self.bit)


class NewFraudScenarioEffect(Effect[changes.NewFraudScenario]):
    """Cards are tried out by additional transactions."""

    def transact(self, transactions: Transactions, conditions: Conditions) -> Transactions:
        """Add the day's transactions of cards that are tried out."""
        if not self.goes_on(transactions.day):
            return transactions
        return _joined(transactions, self._drawn(transactions.day, conditions.population))

    def _drawn(self, day: int, population: Population) -> Transactions:
        change, each = self.change, self.change.transactions_per_card
        cards = self.rng.choice(population.customers, min(change.cards_per_day, population.customers), replace=False)
        places = self.rng.choice(population.terminal_ids, len(cards))
        span = min(int(change.minutes * 60), SECONDS_PER_DAY - 1)
        begins = self.rng.integers(SECONDS_PER_DAY - span, size=len(cards))
        count = len(cards) * each
        amounts = self.rng.uniform(change.lowest_amount, change.highest_amount, count)
        return Transactions(
            day=day,
            customers=np.repeat(cards, each).astype(np.int32),
            terminals=np.repeat(places, each).astype(np.int32),
            amounts=np.round(amounts, 2),
            seconds=(np.repeat(begins, each) + self.rng.integers(span + 1, size=count)).astype(np.int32),
            scenarios=np.full(count, change.number, dtype=np.int8),
            touched=np.full(count, self.bit, dtype=np.uint64),
        )


class AmountInflationEffect(Effect[changes.AmountInflation]):
    """Legitimate amounts move with a level of prices."""

    def transact(self, transactions: Transactions, conditions: Conditions) -> Transactions:  # noqa: ARG002
        """Multiply the amounts of legitimate transactions by the day's level."""
        raised = np.round(transactions.amounts * self._level(transactions.day), 2)
        amounts = np.where(transactions.scenarios == LEGITIMATE, raised, transactions.amounts)
        return replace(transactions, amounts=amounts).touching(amounts != transactions.amounts, self.bit)

    def _level(self, day: int) -> float:
        days = 1 + (day if self.stop is None else min(day, self.stop - 1)) - self.first
        if self.change.yearly_rate is not None:
            return float((1 + self.change.yearly_rate) ** (days / DAYS_PER_YEAR))
        assert self.change.factor is not None  # noqa: S101 - the declaration demands one of the two
        return float(self.change.factor ** min(1.0, days / max(self.change.over_days, 1)))


class SeasonalHabitsEffect(Effect[changes.SeasonalHabits]):
    """Numbers and times of day swing."""

    def condition(self, conditions: Conditions, day: int) -> Conditions:
        """Multiply the rates by the wave, and shift the times."""
        wave = np.sin(2 * np.pi * (day - self.first + 0.5) / self.change.period_days)
        shift = round(self.change.time_swing_hours * wave * SECONDS_PER_HOUR)
        return replace(
            conditions,
            rate_factors=conditions.rate_factors * (1 + self.change.amplitude * wave),
            time_shifts_seconds=conditions.time_shifts_seconds + shift,
        )

    def transact(self, transactions: Transactions, conditions: Conditions) -> Transactions:  # noqa: ARG002
        """Note that all of its days' transactions are concerned."""
        all_of_them = np.full(len(transactions), self.goes_on(transactions.day))
        return transactions.touching(all_of_them, self.bit)


class SuddenHabitsEffect(Effect[changes.SuddenHabits]):
    """Some customers buy more or less, or at other times."""

    def __init__(self, change: changes.SuddenHabits, setting: Setting) -> None:
        super().__init__(change, setting)
        self._chosen = self.rng.random(setting.population.customers) < change.customer_share

    def condition(self, conditions: Conditions, day: int) -> Conditions:  # noqa: ARG002
        """Multiply the rates of the chosen, and shift their times."""
        shift = round(self.change.shift_hours * SECONDS_PER_HOUR)
        return replace(
            conditions,
            rate_factors=conditions.rate_factors * np.where(self._chosen, self.change.factor, 1.0),
            time_shifts_seconds=conditions.time_shifts_seconds + np.where(self._chosen, shift, 0),
        )

    def transact(self, transactions: Transactions, conditions: Conditions) -> Transactions:  # noqa: ARG002
        """Note which transactions are of the chosen."""
        if not self.goes_on(transactions.day):
            return transactions
        return transactions.touching(self._chosen[transactions.customers], self.bit)


class TerminalChurnEffect(Effect[changes.TerminalChurn]):
    """Terminals are replaced by others elsewhere."""

    def __init__(self, change: changes.TerminalChurn, setting: Setting) -> None:
        super().__init__(change, setting)
        self._opened = np.empty(0, dtype=np.int64)

    def evolve(self, population: Population) -> Population:
        """Close a day's share of the open terminals, and open as many."""
        count = whole(self.change.share_per_day * population.terminals, self.rng)
        closed = self.rng.choice(population.terminals, count, replace=False)
        places = self.rng.uniform(0, self.parameters.area_side, (count, 2))
        after = reopened(population, closed, places)
        self._opened = np.concatenate([self._opened, np.arange(population.terminals_ever, after.terminals_ever)])
        return after

    def transact(self, transactions: Transactions, conditions: Conditions) -> Transactions:  # noqa: ARG002
        """Note which transactions are at terminals opened by this."""
        return transactions.touching(np.isin(transactions.terminals, self._opened), self.bit)


class BrokenFeatureEffect(Effect[changes.BrokenFeature]):
    """A column is written with missing values or in another unit."""

    def report(self, columns: Columns, transactions: Transactions) -> tuple[Columns, Transactions]:
        """Break the column's values in the share of the rows."""
        rows = _share(len(transactions), self.change.share, self.rng)
        values = columns[self.change.column]
        broken: NDArray[Any]
        if self.change.factor is None:
            broken = np.ma.MaskedArray(values, rows)  # what is masked already stays so
        else:
            broken = values.copy()
            broken[rows] = np.round(values[rows] * self.change.factor, 2)
        return {**columns, self.change.column: broken}, transactions.touching(rows, self.bit)


class LateLabelsEffect(Effect[changes.LateLabels]):
    """Labels become known later."""

    def report(self, columns: Columns, transactions: Transactions) -> tuple[Columns, Transactions]:
        """Move LABEL_TIME in the share of the rows."""
        count, change = len(transactions), self.change
        days = change.extra_days + self.rng.uniform(0, change.spread_days, count)
        rows = _share(count, change.share, self.rng)
        extra = np.where(rows, np.round(days * SECONDS_PER_DAY), 0).astype("timedelta64[s]")
        return {**columns, LABEL_TIME: columns[LABEL_TIME] + extra}, transactions.touching(rows, self.bit)


EFFECTS: Mapping[type[changes.Change], type[Effect[Any]]] = {
    changes.FraudRate: FraudRateEffect,
    changes.NewFraudScenario: NewFraudScenarioEffect,
    changes.AmountInflation: AmountInflationEffect,
    changes.SeasonalHabits: SeasonalHabitsEffect,
    changes.SuddenHabits: SuddenHabitsEffect,
    changes.TerminalChurn: TerminalChurnEffect,
    changes.BrokenFeature: BrokenFeatureEffect,
    changes.LateLabels: LateLabelsEffect,
}


def begin(
    declared: Sequence[changes.Change], parameters: Parameters, population: Population, rng: np.random.Generator
) -> Sequence[Effect[Any]]:
    """Return the effects of the declared changes in their order; change i has the bit 1 << i."""
    seed = int(rng.integers(2**63))
    effects = []
    for number, change in enumerate(declared):
        content = hashlib.sha256(change.model_dump_json().encode()).digest()
        before = sum(change == other for other in declared[:number])
        own = np.random.default_rng([seed, int.from_bytes(content[:8]), before])
        effects.append(EFFECTS[type(change)](change, Setting(parameters, population, own, 1 << number)))
    return effects


def _share(count: int, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    return rng.random(count) < share


def _joined(transactions: Transactions, added: Transactions) -> Transactions:
    """Return both in time order; of the same second, those that were there come first."""
    order = np.argsort(np.concatenate([transactions.seconds, added.seconds]), kind="stable")

    def both(name: str) -> NDArray[Any]:
        joined: NDArray[Any] = np.concatenate([getattr(transactions, name), getattr(added, name)])[order]
        return joined

    names = ("customers", "terminals", "amounts", "seconds", "scenarios", "touched")
    return Transactions(transactions.day, **{name: both(name) for name in names})
