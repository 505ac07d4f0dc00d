"""What people make of a case: decisions, of which the last one counts, and notes.

Knows the tables and the audit log. Never knows Flask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from fraud_detect.console import audit
from fraud_detect.console.storage.tables import Case, CaseState, Decision, Note, User
from fraud_detect.errors import UserError

DECIDABLE: Mapping[str, str] = {
    CaseState.CONFIRMED: "confirmed as fraud",
    CaseState.CLEARED: "cleared",
    CaseState.ESCALATED: "escalated",
}
LONGEST_NOTE = 4_000
NO_DECISION = 0
"""What who decides first has seen."""


class DecisionRefused(UserError):
    """A decision is none of those that there are."""


class NoSuchCase(UserError):
    """There is no case of this number."""


class DecidedMeanwhile(UserError):
    """Somebody else decided after the caller had looked."""


class NoteRefused(UserError):
    """A note is empty or too long."""


@dataclass(frozen=True)
class Decided:
    """A decision with the name of who made it."""

    id: int
    state: str
    at: datetime
    by: str


@dataclass(frozen=True)
class Noted:
    """A note with the name of who wrote it."""

    text: str
    at: datetime
    by: str


@dataclass(frozen=True)
class Author:
    """Who decides or writes."""

    id: int
    name: str


def decided(session: Session, case_id: int, state: str, *, seen: int, by: Author, now: datetime) -> Decided:
    """Decide about a case, whose last decision the caller has seen under the number `seen`.

    Raises
    ------
    NoSuchCase
    DecidedMeanwhile
        If there is a later decision: it stands, and the caller has to look at it first.
    """
    if state not in DECIDABLE:
        raise DecisionRefused(
            f"The decision is '{state[:40]}'",
            expected=" or ".join(str(known) for known in DECIDABLE),
            remedy="Choose one of them.",
        )
    case = session.scalars(select(Case).where(Case.id == case_id).with_for_update(key_share=True)).first()
    if case is None:
        raise no_such_case(case_id)
    last = last_decision(session, case_id)
    if (last.id if last else NO_DECISION) != seen:
        raise _meanwhile(case_id, last)
    # The audit log's lock comes first: then decisions get their numbers in the order in which they are seen.
    audit.append(
        session,
        actor=by.name,
        action=f"case {DECIDABLE[CaseState(state)]}",
        subject=f"case {case_id}",
        now=now,
        detail={"was": case.state},
    )
    made = Decision(case_id=case_id, at=now, user_id=by.id, state=state)
    session.add(made)
    case.state = state
    session.flush()
    return Decided(made.id, state, now, by.name)


def no_such_case(case_id: int) -> NoSuchCase:
    """Return the error for a number that no case has."""
    return NoSuchCase(f"There is no case {case_id}", expected="the number of a case", remedy="Look for it on the desk.")


def _meanwhile(case_id: int, last: Decided | None) -> DecidedMeanwhile:
    said = "nobody has decided"
    if last is not None:
        said = f"{DECIDABLE[CaseState(last.state)]} by {last.by} at {last.at:%H:%M:%S}"
    return DecidedMeanwhile(
        f"Case {case_id} is not as you saw it: {said}",
        expected="the last decision seen before the next one",
        remedy="Look at the case, and decide again if you still want to.",
    )


def last_decision(session: Session, case_id: int) -> Decided | None:
    """Return the decision that counts."""
    history = decisions(session, case_id)
    return history[-1] if history else None


def decisions(session: Session, case_id: int) -> Sequence[Decided]:
    """Return all decisions about a case in their order."""
    rows = select(Decision, User.name).join(User, User.id == Decision.user_id).where(Decision.case_id == case_id)
    return [Decided(one.id, one.state, one.at, name) for one, name in session.execute(rows.order_by(Decision.id))]


def noted(session: Session, case_id: int, text: str, *, by: Author, now: datetime) -> None:
    """Write a note about a case. The audit log says that, not what.

    Raises
    ------
    NoSuchCase, NoteRefused
    """
    kept = text.replace("\0", "").replace("\r\n", "\n").strip()
    if not 1 <= len(kept) <= LONGEST_NOTE:
        raise NoteRefused(
            f"The note has {len(kept):,} characters",
            expected=f"1 to {LONGEST_NOTE:,}",
            remedy="Shorten it, or write one.",
        )
    if session.get(Case, case_id) is None:
        raise no_such_case(case_id)
    audit.append(session, actor=by.name, action="note written", subject=f"case {case_id}", now=now)
    session.add(Note(case_id=case_id, at=now, user_id=by.id, text=kept))


def notes(session: Session, case_id: int) -> Sequence[Noted]:
    """Return the notes about a case in their order."""
    rows = select(Note, User.name).join(User, User.id == Note.user_id).where(Note.case_id == case_id)
    return [Noted(one.text, one.at, name) for one, name in session.execute(rows.order_by(Note.id))]
