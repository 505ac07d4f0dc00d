"""Cases found: by state, customer, amount, time and words, a page at a time; and how many there are.

Knows the tables. Never knows Flask, HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, func, or_, select
from sqlalchemy.orm import Session

from fraud_detect.console.storage.tables import Case, CaseState, Note
from fraud_detect.errors import UserError
from fraud_detect.schema import parse_number

PAGE_ROWS = 50
HISTORY_ROWS = 20
ALL, ALERTS = "all", "alerts"
STATES = (*CaseState, ALERTS, ALL)
FIELDS = ("state", "customer", "least", "most", "since", "until", "words")
"""The names of the filters in a query string; beside them stands `page`."""
MOST_PAGES, LONGEST_PAGE = 10_000, 9


class FilterRefused(UserError):
    """A filter's value is none."""


@dataclass(frozen=True)
class Filter:
    """Which cases are asked for; `since` and `until` are about when they came."""

    state: str = CaseState.OPEN
    customer: str = ""
    least: float | None = None
    most: float | None = None
    since: datetime | None = None
    until: datetime | None = None
    words: str = ""
    page: int = 1


@dataclass(frozen=True)
class Page:
    """Some cases, by expected loss, and whether more follow."""

    cases: Sequence[Case]
    number: int
    more: bool


def filter_of(said: Mapping[str, str]) -> Filter:
    """Return the filter that a query string says.

    Raises
    ------
    FilterRefused
        Naming the field.
    """
    state = said.get("state") or CaseState.OPEN
    if state not in STATES:
        raise _refused("state", state, " or ".join(str(known) for known in STATES))
    page = said.get("page") or "1"
    is_number = page.isascii() and page.isdigit() and len(page) <= LONGEST_PAGE
    if not is_number or not 1 <= int(page) <= MOST_PAGES:
        raise _refused("page", page, f"a number from 1 to {MOST_PAGES:,}")
    return Filter(
        state=state,
        customer=said.get("customer", "").strip().replace("\0", ""),
        least=_number(said, "least"),
        most=_number(said, "most"),
        since=_time(said, "since"),
        until=_time(said, "until"),
        words=said.get("words", "").strip().replace("\0", "")[:200],
        page=int(page),
    )


def _number(said: Mapping[str, str], name: str) -> float | None:
    text = said.get(name, "").strip()
    number = parse_number(text)
    if number != number:
        return None
    if abs(number) == float("inf"):
        raise _refused(name, text, "a number")
    return number


def _time(said: Mapping[str, str], name: str) -> datetime | None:
    text = said.get(name, "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _refused(name, text, "a time such as 2026-06-01T12:00") from None


def _refused(name: str, got: str, expected: str) -> FilterRefused:
    return FilterRefused(
        f"The filter `{name}` is '{got[:60]}'", expected=expected, remedy="Correct it, or leave it out."
    )


def page(session: Session, asked: Filter) -> Page:
    """Return the cases that `asked` is about, the largest expected loss first."""
    rows = _filtered(select(Case), asked).order_by(Case.expected_loss.desc(), Case.id.desc())
    found = session.scalars(rows.offset((asked.page - 1) * PAGE_ROWS).limit(PAGE_ROWS + 1)).all()
    return Page(found[:PAGE_ROWS], asked.page, len(found) > PAGE_ROWS)


def _filtered(rows: Select[Any], asked: Filter) -> Select[Any]:
    return rows.where(*_states(asked.state), *_bounds(asked), *_words(asked.words))


def _states(state: str) -> Sequence[ColumnElement[bool]]:
    if state == ALL:
        return ()
    return (Case.state != CaseState.PASSED,) if state == ALERTS else (Case.state == state,)


def _bounds(asked: Filter) -> Sequence[ColumnElement[bool]]:
    bounds: list[ColumnElement[bool]] = []
    if asked.customer:
        bounds.append(Case.customer == asked.customer)
    if asked.least is not None:
        bounds.append(Case.amount >= asked.least)
    if asked.most is not None:
        bounds.append(Case.amount <= asked.most)
    if asked.since is not None:
        bounds.append(Case.received_at >= asked.since)
    if asked.until is not None:
        bounds.append(Case.received_at <= asked.until)
    return bounds


def _words(words: str) -> Sequence[ColumnElement[bool]]:
    """Return the condition that the words stand in the sender's key, the customer, the context or a note."""
    if not words:
        return ()
    with_note = select(Note.case_id).where(Note.text.icontains(words, autoescape=True))
    texts = (Case.key, Case.customer, cast(Case.context, String))
    return (or_(*(text.icontains(words, autoescape=True) for text in texts), Case.id.in_(with_note)),)


def counts(session: Session) -> Mapping[str, int]:
    """Return how many cases are in each state."""
    rows = session.execute(select(Case.state, func.count()).group_by(Case.state))
    found: Mapping[str, int] = {state: count for state, count in rows}  # noqa: C416 - a Row is no pair to dict's types
    return {str(state): found.get(str(state), 0) for state in CaseState}


def latest(session: Session, rows: int) -> Sequence[Case]:
    """Return the cases that came last, the last one first."""
    return session.scalars(select(Case).order_by(Case.id.desc()).limit(rows)).all()


def of_customer(session: Session, case: Case) -> Sequence[Case]:
    """Return other cases of the customer of `case`, the latest first."""
    if case.customer is None:
        return ()
    theirs = select(Case).where(Case.customer == case.customer, Case.id != case.id)
    return session.scalars(theirs.order_by(Case.id.desc()).limit(HISTORY_ROWS)).all()
