"""Small worlds that drift, for the tests of simulation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.simulation.changes import Change
from fraud_detect.simulation.drift import models
from fraud_detect.simulation.parameters import Parameters
from fraud_detect.simulation.simulate import DayTable, simulate

START = date(2018, 4, 1)
SMALL = {"customers": 150, "terminals": 200, "days": 12, "radius": 15.0, "start": START}
MINIMAL: dict[str, dict[str, Any]] = {
    "fraud_rate": {"factor": 3.0},
    "new_fraud_scenario": {},
    "amount_inflation": {"factor": 2.0},
    "seasonal_habits": {"amplitude": 0.5, "period_days": 10.0, "time_swing_hours": 3.0},
    "sudden_habits": {"factor": 2.0, "shift_hours": 4.0, "customer_share": 0.5},
    "terminal_churn": {"share_per_day": 0.2},
    "broken_feature": {"fault": "nulls"},
    "late_labels": {"extra_days": 3.0},
}
"""Numbers that make each kind of change show in a small world."""


def a_change(kind: str, day: int = 6, *, until: int | None = None, **numbers: Any) -> Change:
    """Return a change from day `day` on, 0 is the first, up to day `until`."""
    end = None if until is None else START + timedelta(days=until)
    values = {**MINIMAL[kind], **numbers}
    return models()[kind](kind=kind, start=START + timedelta(days=day), end=end, **values)


def a_world(*changes: Change, seed: int = 0, **overrides: Any) -> Sequence[DayTable]:
    """Return the days of a small world with `changes`; `overrides` are parameters."""
    return list(simulate(Parameters(**{**SMALL, **overrides}), np.random.default_rng(seed), changes=changes))


def column(name: str, tables: Sequence[DayTable]) -> NDArray[Any]:
    """Return a column of all the days."""
    return np.ma.concatenate([table.columns[name] for table in tables])


def touched(tables: Sequence[DayTable], change: int = 0) -> NDArray[np.bool_]:
    """Return which rows of all the days change number `change` touched."""
    return (np.concatenate([table.touched for table in tables]) >> np.uint64(change)) & np.uint64(1) == 1
