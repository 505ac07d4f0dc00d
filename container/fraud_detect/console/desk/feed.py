"""What happened on the desk since a place in the database: cases that came, and decisions about them.

Ids of both tables grow in the order of commits (`filing` and `decisions` see to that), so a pair of ids is a place to
read on from, before a restart as after it.

Knows the tables. Never knows Flask, threads, browsers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from fraud_detect.console.storage.tables import Case, CaseState, Decision, User

MOST_ROWS = 500
"""In one message: what a browser can show at once."""


@dataclass(frozen=True)
class Place:
    """Up to which case and which decision somebody has heard."""

    case: int = 0
    decision: int = 0

    @classmethod
    def parsed(cls, text: str | None) -> Self | None:
        """Return the place that `text` says, None if it says none."""
        parts = (text or "").split("-")
        if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
            return None
        return cls(int(parts[0]), int(parts[1]))

    def __str__(self) -> str:
        return f"{self.case}-{self.decision}"


@dataclass(frozen=True)
class Changes:
    """What happened up to `place`, as plain JSON."""

    place: Place
    cases: Sequence[Mapping[str, Any]]
    decisions: Sequence[Mapping[str, Any]]

    @property
    def empty(self) -> bool:
        """Whether nothing happened."""
        return not self.cases and not self.decisions


def latest(session: Session) -> Place:
    """Return the place up to which all has happened so far."""
    decision = session.scalar(select(func.max(Decision.id))) or 0  # first: whose case is there, too, then
    return Place(session.scalar(select(func.max(Case.id))) or 0, decision)


def since(session: Session, after: Place, until: Place | None = None) -> Changes:
    """Return what happened after a place, `MOST_ROWS` cases and as many decisions at most, and not beyond `until`."""
    decisions = _decisions(session, after.decision, until.decision if until else None)
    cases = _cases(session, after.case, until.case if until else None)
    if len(cases) == MOST_ROWS:  # a decision must not come before its case
        decisions = []
    place = Place(cases[-1]["id"] if cases else after.case, decisions[-1]["number"] if decisions else after.decision)
    return Changes(place, cases, decisions)


def behind(after: Place, now: Place) -> int:
    """Return how many rows at most lie between two places."""
    return max(0, now.case - after.case) + max(0, now.decision - after.decision)


_SHOWN = (
    Case.id,
    Case.key,
    Case.customer,
    Case.amount,
    Case.probability,
    Case.expected_loss,
    Case.alert,
    Case.received_at,
)


def _cases(session: Session, after: int, until: int | None) -> list[dict[str, Any]]:
    rows = select(*_SHOWN).where(Case.id > after)
    if until is not None:
        rows = rows.where(Case.id <= until)
    return [_case(row) for row in session.execute(rows.order_by(Case.id).limit(MOST_ROWS))]


def _decisions(session: Session, after: int, until: int | None) -> list[dict[str, Any]]:
    earlier = aliased(Decision)
    was = (
        select(earlier.state)
        .where(earlier.case_id == Decision.case_id, earlier.id < Decision.id)
        .order_by(earlier.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = (
        select(Decision.id.label("number"), Decision.at, Decision.state, was.label("was"), User.name, *_SHOWN)
        .join(Case, Case.id == Decision.case_id)
        .join(User, User.id == Decision.user_id)
        .where(Decision.id > after)
    )
    if until is not None:
        rows = rows.where(Decision.id <= until)
    return [_decision(row) for row in session.execute(rows.order_by(Decision.id).limit(MOST_ROWS))]


def _case(row: Any) -> dict[str, Any]:
    """Return a case as it was when it came: what was decided about it follows by itself."""
    return {
        "id": row.id,
        "key": row.key,
        "customer": row.customer,
        "amount": row.amount,
        "probability": row.probability,
        "expected_loss": row.expected_loss,
        "alert": row.alert,
        "received_at": row.received_at.isoformat(),
        "state": str(CaseState.OPEN if row.alert else CaseState.PASSED),
    }


def _decision(row: Any) -> dict[str, Any]:
    case = _case(row)
    return {
        "number": row.number,
        "at": row.at.isoformat(),
        "by": row.name,
        "was": row.was or case["state"],
        "case": {**case, "state": row.state},
    }
