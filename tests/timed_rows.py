"""Rows of many days and cards, for the tests of validation in time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraud_detect.schema import Column, Schema
from fraud_detect.tables.table import Rows

SECONDS_PER_DAY = 86_400
FIRST_DAY = 17_000  # 2016-07-18
SCHEMA = Schema(columns=(Column(name="amount"), Column(name="number")), label="Class")


def some_days(days: int = 30, per_day: int = 60, *, seed: int = 0, cards: int = 50, share: float = 0.1) -> Rows:
    """Return `days` days of `per_day` rows in order of time; `amount` tells of fraud, `number` counts the rows."""
    rng, count = np.random.default_rng(seed), days * per_day
    labels = (rng.random(count) < share).astype(np.uint8)
    features = np.column_stack((rng.normal(size=count) + 2.5 * labels, np.arange(count))).astype(np.float32)
    times = (FIRST_DAY + np.repeat(np.arange(days), per_day) + np.sort(rng.random((days, per_day))).ravel()) * 1.0
    return Rows(features, labels, times * SECONDS_PER_DAY, rng.integers(1, cards, count).astype(np.uint64))


def a_timed_table(days: int = 30, per_day: int = 60, *, seed: int = 0) -> pd.DataFrame:
    """Return such rows as a table: Class, when, card (Unicode text), amount."""
    rows = some_days(days, per_day, seed=seed)
    assert rows.times is not None
    assert rows.cards is not None
    return pd.DataFrame(
        {
            "Class": rows.labels,
            "when": pd.to_datetime(rows.times, unit="s").strftime("%Y-%m-%d %H:%M:%S"),
            "card": [f"карта-{card}" for card in rows.cards],
            "amount": rows.features[:, 0].round(4),
        }
    )
