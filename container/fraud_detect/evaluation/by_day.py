"""Figures day by day, as those see them who check a number of cards a day.

Knows days, cards, labels and scores. Never knows models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fraud_detect.evaluation.card_precision import Cards, Days, card_precision, oracle_card_precision
from fraud_detect.evaluation.folds import day_name
from fraud_detect.evaluation.ranking import Labels, Scores, average_precision_of
from fraud_detect.evaluation.summary import mean


@dataclass(frozen=True)
class Day:
    """The rows of one day. `average_precision` is None without frauds; what is about cards is None without cards."""

    day: str
    rows: int
    frauds: int
    cards: int | None
    average_precision: float | None
    card_precision: float | None
    oracle_card_precision: float | None


@dataclass(frozen=True)
class Daily:
    """The days that have rows, in order."""

    days: Sequence[Day]

    def as_json(self) -> dict[str, Any]:
        """Return the means over the days and the days, as metrics.json has them."""
        return {
            "card_precision": mean(day.card_precision for day in self.days),
            "oracle_card_precision": mean(day.oracle_card_precision for day in self.days),
            "days": [asdict(day) for day in self.days],
        }


def by_day(days: Days, cards: Cards | None, labels: Labels, probabilities: Scores, k: int) -> Daily:
    """Return the figures of each day for rows of `days`, int64, `cards`, uint64, and `labels`, 1 = fraud, shape (n,).

    `k` is the number of cards that can be checked a day; see `card_precision`.
    """
    reached = {} if cards is None else card_precision(days, cards, labels, probabilities, k)
    oracle = {} if cards is None else oracle_card_precision(days, cards, labels, k)
    found = []
    for day in np.unique(days).tolist():
        rows = days == day
        frauds = int(labels[rows].sum())
        found.append(
            Day(
                day=day_name(day),
                rows=int(rows.sum()),
                frauds=frauds,
                cards=None if cards is None else len(np.unique(cards[rows])),
                average_precision=average_precision_of(labels[rows], probabilities[rows]) if frauds else None,
                card_precision=reached.get(day),
                oracle_card_precision=oracle.get(day),
            )
        )
    return Daily(found)
