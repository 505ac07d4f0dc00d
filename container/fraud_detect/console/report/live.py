"""What the model says of the transactions that come in: counted in the database, not fetched from it.

Knows the cases' scores and states. Never knows their features, training, Flask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import exp
from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, case, func, literal, select
from sqlalchemy.orm import Session

from fraud_detect.console.storage.tables import Case, CaseState

NEWEST = 1_000_000
"""Cases looked at, the newest first, so that the page takes seconds whatever the table."""
DECIDED = (CaseState.CONFIRMED, CaseState.CLEARED)


@dataclass(frozen=True)
class Live:
    """Cases of one model: how many, how many of them alerts, and what became of the alerts that were decided."""

    cases: int
    alerts: int
    confirmed: int
    cleared: int
    others: int
    """Cases of the same time that another model scored."""

    @property
    def alert_rate(self) -> float | None:
        """Share of cases that are alerts."""
        return self.alerts / self.cases if self.cases else None

    @property
    def decided(self) -> int:
        """Alerts that somebody confirmed or cleared."""
        return self.confirmed + self.cleared

    @property
    def precision(self) -> float | None:
        """Share of the decided alerts that were fraud."""
        return self.confirmed / self.decided if self.decided else None


def live(rows: Session, model: str, since: datetime | None) -> Live:
    """Return the counts of the cases since a time, or of all; `model` is the sha256 of its training data."""
    own, alert = Case.model == model, Case.alert.is_(True)
    counts = select(
        _count(own),
        _count(and_(own, alert)),
        _count(and_(own, alert, Case.state == CaseState.CONFIRMED)),
        _count(and_(own, alert, Case.state == CaseState.CLEARED)),
        _count(Case.model != model),
    )
    return Live(*rows.execute(counts.where(*_within(rows, since))).one())


def scores(rows: Session, model: str, since: datetime | None, edges: Sequence[float]) -> Sequence[int]:
    """Return how many cases have the log-odds of their probability in each bin of `edges`, shape (b + 1,).

    What lies beyond the ends counts in the outer bins.
    """
    bins = len(edges) - 1
    binned = select(_bin(edges, 0, bins).label("bin")).where(Case.model == model, *_within(rows, since)).subquery()
    counts: list[int] = [0] * bins
    for place, count in rows.execute(select(binned.c.bin, func.count()).group_by(binned.c.bin)):
        counts[place] = count
    return counts


def _within(rows: Session, since: datetime | None) -> Sequence[ColumnElement[bool]]:
    newest = rows.scalar(select(func.max(Case.id))) or 0
    limits: list[ColumnElement[bool]] = [Case.id > newest - NEWEST]
    return limits if since is None else [*limits, Case.received_at >= since]


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _bin(edges: Sequence[float], low: int, high: int) -> ColumnElement[Any]:
    """Return SQL for the bin of a case, between two bins: by halves, so that each case takes few comparisons."""
    if high - low == 1:
        return literal(low, Integer)
    middle = (low + high) // 2
    lower, upper = _bin(edges, low, middle), _bin(edges, middle, high)
    return case((Case.probability < probability(edges[middle]), lower), else_=upper)


def probability(log_odds: float) -> float:
    """Return the probability of `log_odds`."""
    return 1 / (1 + exp(-log_odds))
