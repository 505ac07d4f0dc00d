"""The simulated world, day after day.

Knows the population, its transactions and the fraud scenarios. Never knows files.
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
from fraud_detect.simulation.parameters import SECONDS_PER_DAY, Parameters
from fraud_detect.simulation.scenarios import HANDBOOK, Scenario
from fraud_detect.simulation.transactions import Transactions

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


@dataclass(frozen=True)
class DayTable:
    """The transactions of one date; `columns` holds those of `COLUMNS`, each of shape (n,), in time order."""

    date: date
    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.columns["TX_FRAUD"])

    @property
    def frauds(self) -> int:
        """Number of frauds."""
        return int(self.columns["TX_FRAUD"].sum())


def simulate(
    parameters: Parameters, rng: np.random.Generator, scenarios: Sequence[Scenario] = HANDBOOK
) -> Iterator[DayTable]:
    """Return the days of a simulated world in order, one table at a time; nothing is kept of earlier days.

    `rng` must be able to spawn (any from `numpy.random.default_rng`). Every day and every scenario has a
    generator of its own, so that a longer simulation begins with the same rows.

    Raises
    ------
    SettingError
        At once, if no customer has a terminal within the radius.
    """
    people_rng, days_rng, frauds_rng = rng.spawn(3)
    population = populations.draw(parameters, people_rng)
    marks = [
        scenario.begin(population, own)
        for scenario, own in zip(scenarios, frauds_rng.spawn(len(scenarios)), strict=True)
    ]

    def days() -> Iterator[DayTable]:
        first_id = 0
        for day in range(parameters.days):
            drawn = transactions.draw(day, population, parameters, days_rng.spawn(1)[0])
            for mark in marks:
                drawn = mark(drawn)
            yield _table(drawn, parameters.start, first_id)
            first_id += len(drawn)

    return days()


def _table(drawn: Transactions, start: date, first_id: int) -> DayTable:
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
    columns = {name: values[name].astype(kind) for name, kind in COLUMNS.items()}
    return DayTable(start + timedelta(days=drawn.day), columns)
