"""What every threshold would come to on the held-out rows.

Knows labels, probabilities, amounts. Never knows models, pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_detect.report.data import HeldOut

MOST_POINTS = 240
TABLE_RECALLS = (0.1, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


@dataclass(frozen=True)
class Point:
    """The rows with a probability of at least `threshold`: frauds `caught`, false `alarms`, amount of the caught."""

    threshold: float
    caught: int
    alarms: int
    amount: float

    @property
    def alerts(self) -> int:
        """Rows flagged."""
        return self.caught + self.alarms

    @property
    def precision(self) -> float | None:
        """Share of alerts that are frauds; None without alerts."""
        return self.caught / self.alerts if self.alerts else None


@dataclass(frozen=True)
class OperatingPoints:
    """Some thresholds, highest first, among them that of the job, at `chosen`; and the totals of the rows.

    `amount` is that of all frauds, None without an amount column.
    """

    points: Sequence[Point]
    chosen: int
    rows: int
    frauds: int
    amount: float | None

    def cost(self, point: Point, each: float) -> float:
        """Return what `point` costs.

        With amounts that is those of the missed frauds and `each` for an alert; else, in false alarms, those and
        `each` for a missed fraud.
        """
        if self.amount is None:
            return point.alarms + each * (self.frauds - point.caught)
        return self.amount - point.amount + each * point.alerts

    def recall(self, point: Point) -> float | None:
        """Return the share of frauds that `point` catches; None without frauds."""
        return point.caught / self.frauds if self.frauds else None

    def false_positive_rate(self, point: Point) -> float | None:
        """Return the share of legitimate rows that `point` flags; None without any."""
        legitimate = self.rows - self.frauds
        return point.alarms / legitimate if legitimate else None

    def for_table(self) -> Sequence[Point]:
        """Return a dozen points: the first that reaches each of `TABLE_RECALLS`, and that of the job."""
        wanted = {self.chosen}
        for recall in TABLE_RECALLS:
            reached = (place for place, point in enumerate(self.points) if point.caught >= recall * self.frauds - 1e-9)
            wanted |= {next(reached, self.chosen)}
        return [self.points[place] for place in sorted(wanted)]


def operating_points(held_out: HeldOut, threshold: float) -> OperatingPoints:
    """Return `threshold` and at most `MOST_POINTS` others: dense where few rows are flagged, and along the recall."""
    order = np.argsort(-held_out.probabilities, kind="stable")
    probabilities, truth = held_out.probabilities[order], held_out.labels[order] == 1
    amounts = np.zeros(len(order)) if held_out.amounts is None else held_out.amounts[order]
    ends = np.append(np.flatnonzero(probabilities[:-1] != probabilities[1:]), len(order) - 1)
    caught, money = np.cumsum(truth), np.cumsum(np.where(truth, amounts, 0.0))
    kept = ends[_thinned(ends + 1, caught[ends])]
    points = [
        Point(float(probabilities[end]), int(caught[end]), int(end + 1 - caught[end]), float(money[end]))
        for end in kept
    ]
    own = _at(held_out, threshold)
    points = sorted([own, *(point for point in points if point.alerts != own.alerts)], key=lambda point: point.alerts)
    total = None if held_out.amounts is None else float(money[-1])
    return OperatingPoints(points, points.index(own), len(order), int(truth.sum()), total)


def _at(held_out: HeldOut, threshold: float) -> Point:
    flagged = held_out.probabilities >= threshold
    frauds = flagged & (held_out.labels == 1)
    money = 0.0 if held_out.amounts is None else float(held_out.amounts[frauds].sum())
    return Point(threshold, int(frauds.sum()), int((flagged & ~frauds).sum()), money)


def _thinned(alerts: NDArray[np.intp], caught: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return which of the possible thresholds to keep, by the alerts and the caught frauds at each, shape (g,)."""
    if len(alerts) <= MOST_POINTS:
        return np.arange(len(alerts))
    by_alerts = np.searchsorted(alerts, np.geomspace(1, alerts[-1], MOST_POINTS // 2))
    by_frauds = np.searchsorted(caught, np.linspace(min(1, caught[-1]), caught[-1], MOST_POINTS // 2))
    kept: NDArray[np.intp] = np.unique(np.minimum(np.concatenate((by_alerts, by_frauds)), len(alerts) - 1))
    return kept
