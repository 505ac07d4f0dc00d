"""Card precision@k: how many of the k cards that are checked each day are truly defrauded.

Knows scores, labels, cards and days. Never knows models, what a card's rows hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_detect.evaluation.ranking import Labels, Scores

Cards = NDArray[np.uint64]
Days = NDArray[np.int64]


def card_precision(days: Days, cards: Cards, labels: Labels, scores: Scores, k: int) -> dict[int, float]:
    """Return the card precision@k of each day that has rows, by the day, in [0, 1].

    A card's score is its highest of the day. Of the `k` cards with the highest scores, the precision is the share
    that has a fraud on that day; those are detected, and leave the days after. Cards of equal scores come in the
    order of their numbers, whatever the order of the rows. A day of fewer than `k` cards is still divided by `k`:
    the rest of the capacity finds nothing.

    The rules are those of Le Borgne et al., Reproducible Machine Learning for Credit Card Fraud Detection (2022),
    https://fraud-detection-handbook.github.io/fraud-detection-handbook/Chapter_4_PerformanceMetrics/TopKBased.html.

    Parameters
    ----------
    days : int64, shape (n,), whole days.
    cards : uint64, shape (n,), one number per card.
    labels : uint8, shape (n,), 1 = fraud.
    scores : shape (n,), any scale, more is more suspicious.
    k : cards that can be checked a day, at least 1.
    """
    detected = np.zeros(0, dtype=np.uint64)
    precision: dict[int, float] = {}
    for day in np.unique(days):
        rows = np.flatnonzero(days == day)
        left = rows[~np.isin(cards[rows], detected)]
        ranked = _ranked(cards[left], labels[left], scores[left])
        found = ranked.cards[:k][ranked.defrauded[:k]]
        precision[int(day)] = len(found) / k
        detected = np.concatenate((detected, found))
    return precision


def oracle_card_precision(days: Days, cards: Cards, labels: Labels, k: int) -> dict[int, float]:
    """Return what a perfect ranking reaches under the rules of `card_precision`, by the day.

    That is min(k, d) / k, with d the defrauded cards of the day that the perfect ranking has not detected before.
    """
    return card_precision(days, cards, labels, labels.astype(np.float64), k)


@dataclass(frozen=True)
class _Ranked:
    """The cards of one day, most suspicious first, and whether each has a fraud."""

    cards: Cards
    defrauded: NDArray[np.bool_]


def _ranked(cards: Cards, labels: Labels, scores: Scores) -> _Ranked:
    distinct, places = np.unique(cards, return_inverse=True)
    highest = np.full(len(distinct), -np.inf)
    np.maximum.at(highest, places, scores)
    defrauded = np.zeros(len(distinct), dtype=bool)
    defrauded[places[labels == 1]] = True
    order = np.argsort(-highest, kind="stable")  # `distinct` ascends, so equal scores stay in the order of cards
    return _Ranked(distinct[order], defrauded[order])
