"""The simulated world, day after day.

Knows the population, its transactions, fraud scenarios and changes. Never knows files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.simulation import population as populations
from fraud_detect.simulation import transactions
from fraud_detect.simulation.changes import Change, LateLabels
from fraud_detect.simulation.effects import LABEL_TIME, Effect, begin
from fraud_detect.simulation.parameters import SECONDS_PER_DAY, Parameters
from fraud_detect.simulation.population import Population
from fraud_detect.simulation.scenarios import HANDBOOK, Mark, Scenario
from fraud_detect.simulation.transactions import Conditions, Transactions

COLUMNS: Mapping[str, str] = {
    "TRANSACTION_ID": "int64",
    "TX_DATETIME": "datetime64[us]",
    "CUSTOMER_ID": "int32",
    "TERMINAL_ID": "int32",
    "TX_AMOUNT": "float64",
    "TX_TIME_SECONDS": "int32",
    "TX_TIME_DAYS": "int32",
    "TX_FRAUD": "int8",
    "TX_FRAUD_SCENARIO": "int8",
}
"""The columns of a day's table in their order, and their numpy types."""


USUAL_LABEL_DELAY_DAYS = 7


@dataclass(frozen=True)
class DayTable:
    """The transactions of one date in time order.

    `columns` holds those of `COLUMNS`, and LABEL_TIME where it is asked for, each of shape (n,), masked where values
    are missing; `touched`, uint64 of shape (n,), has bit i set where change i had a hand in it.
    """

    date: date
    columns: Mapping[str, NDArray[Any]]
    touched: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.columns["TX_FRAUD"])

    @property
    def frauds(self) -> int:
        """Number of frauds."""
        return int(self.columns["TX_FRAUD"].sum())


def simulate(
    parameters: Parameters,
    rng: np.random.Generator,
    *,
    scenarios: Sequence[Scenario] = HANDBOOK,
    changes: Sequence[Change] = (),
) -> Iterator[DayTable]:
    """Return the days of a simulated world in order, one table at a time; nothing is kept of earlier days.

    `rng` must be able to spawn (any from `numpy.random.default_rng`). Every day, scenario and change has a
    generator of its own, so that a longer simulation begins with the same rows, and one with a further change has
    the same rows up to that change's start.

    Raises
    ------
    SettingError
        At once, if no customer has a terminal within the radius.
    """
    people_rng, days_rng, frauds_rng, changes_rng = rng.spawn(4)
    population = populations.draw(parameters, people_rng)
    marks = [
        scenario.begin(population, own)
        for scenario, own in zip(scenarios, frauds_rng.spawn(len(scenarios)), strict=True)
    ]
    effects = begin(changes, parameters, population, changes_rng)
    return _World(parameters, marks, effects, label_delay_days(parameters, changes)).days(population, days_rng)


@dataclass(frozen=True)
class _World:
    """What makes days out of a population; `marks` and `effects` remember earlier days."""

    parameters: Parameters
    marks: Sequence[Mark]
    effects: Sequence[Effect[Any]]
    label_delay_days: int | None

    def days(self, population: Population, rng: np.random.Generator) -> Iterator[DayTable]:
        first_id = 0
        for day in range(self.parameters.days):
            conditions = self._conditions(day, population)
            population = conditions.population
            drawn = self._transactions(day, conditions, rng.spawn(1)[0])
            yield self._table(drawn, first_id)
            first_id += len(drawn)

    def _conditions(self, day: int, population: Population) -> Conditions:
        going_on = [effect for effect in self.effects if effect.goes_on(day)]
        for effect in going_on:
            population = effect.evolve(population)
        conditions = Conditions(population)
        for effect in going_on:
            conditions = effect.condition(conditions, day)
        return conditions

    def _transactions(self, day: int, conditions: Conditions, rng: np.random.Generator) -> Transactions:
        drawn = transactions.draw(day, conditions, self.parameters, rng)
        for mark in self.marks:
            drawn = mark(drawn, conditions)
        for effect in self.effects:
            if day >= effect.first:
                drawn = effect.transact(drawn, conditions)
        return drawn

    def _table(self, drawn: Transactions, first_id: int) -> DayTable:
        columns = _columns(drawn, self.parameters.start, first_id)
        if self.label_delay_days is not None:
            columns = {**columns, LABEL_TIME: columns["TX_DATETIME"] + np.timedelta64(self.label_delay_days, "D")}
        for effect in self.effects:
            if effect.goes_on(drawn.day):
                columns, drawn = effect.report(columns, drawn)
        return DayTable(self.parameters.start + timedelta(days=drawn.day), columns, drawn.touched)


def label_delay_days(parameters: Parameters, changes: Sequence[Change]) -> int | None:
    """Return how long a label usually takes, or None if tables do not say."""
    if parameters.label_delay_days is None and any(isinstance(change, LateLabels) for change in changes):
        return USUAL_LABEL_DELAY_DAYS
    return parameters.label_delay_days


def _columns(drawn: Transactions, start: date, first_id: int) -> Mapping[str, NDArray[Any]]:
    seconds = drawn.seconds + np.int64(drawn.day * SECONDS_PER_DAY)
    values: Mapping[str, NDArray[Any]] = {
        "TRANSACTION_ID": np.arange(first_id, first_id + len(drawn)),
        "TX_DATETIME": np.datetime64(start, "s") + seconds.astype("timedelta64[s]"),
        "CUSTOMER_ID": drawn.customers,
        "TERMINAL_ID": drawn.terminals,
        "TX_AMOUNT": drawn.amounts,
        "TX_TIME_SECONDS": seconds,
        "TX_TIME_DAYS": np.full(len(drawn), drawn.day),
        "TX_FRAUD": drawn.scenarios > transactions.LEGITIMATE,
        "TX_FRAUD_SCENARIO": drawn.scenarios,
    }
    return {name: values[name].astype(kind) for name, kind in COLUMNS.items()}
