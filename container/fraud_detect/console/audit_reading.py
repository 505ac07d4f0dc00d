"""Reads the audit log: a page of it by filters, all of it line by line, and whether its chain holds.

Knows the table. Never knows Flask.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from fraud_detect.console.audit import Verdict, verify
from fraud_detect.console.storage.tables import AuditEntry

PAGE, AT_ONCE = 50, 1000
"""How many lines a page has, and how many are in memory where all are read."""


@dataclass(frozen=True)
class Filter:
    """Which lines: of an actor, of an action, whose subject begins so; and older than the line `before`."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    before: int | None = None

    @property
    def words(self) -> dict[str, str]:
        """Return what is filtered by, as an address says it."""
        return {name: str(value) for name, value in asdict(self).items() if value and name != "before"}


def page(session: Session, chosen: Filter) -> tuple[Sequence[AuditEntry], bool]:
    """Return the newest lines that fit, and whether older ones do, too."""
    wanted = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(PAGE + 1)
    found = session.scalars(_filtered(wanted, chosen)).all()
    return found[:PAGE], len(found) > PAGE


def actions(session: Session) -> Sequence[str]:
    """Return the actions that the log knows."""
    return session.scalars(select(AuditEntry.action).distinct().order_by(AuditEntry.action)).all()


def lines(session: Session) -> Iterator[AuditEntry]:
    """Give all lines in order, some at a time."""
    everything = select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=AT_ONCE)
    yield from session.scalars(everything)


def verdict(session: Session) -> Verdict:
    """Return whether the chain holds, from its first line to its last."""
    return verify(lines(session))


def as_json(entry: AuditEntry) -> str:
    """Return a line of the log as a line of JSON, from which its hash can be computed again."""
    told: dict[str, Any] = {
        "id": entry.id,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": entry.detail,
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }
    return json.dumps(told, ensure_ascii=False) + "\n"


def _filtered(wanted: Select[AuditEntry], chosen: Filter) -> Select[AuditEntry]:
    if chosen.actor:
        wanted = wanted.where(AuditEntry.actor == chosen.actor)
    if chosen.action:
        wanted = wanted.where(AuditEntry.action == chosen.action)
    if chosen.subject:
        wanted = wanted.where(AuditEntry.subject.startswith(chosen.subject, autoescape=True))
    return wanted if chosen.before is None else wanted.where(AuditEntry.id < chosen.before)
