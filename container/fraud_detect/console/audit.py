"""The audit log: a line for each thing done, each with a hash of itself and of the line before.

Who changes, removes or inserts a line breaks every hash after it; who cuts lines off the end is found out by a count
and a hash noted elsewhere (`fraud-detect audit` prints both).

Knows the table. Never knows Flask, what the actions mean.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from fraud_detect.console.storage.tables import AuditEntry

BEGINNING = "0" * 64
"""What the first line has for the hash of the one before."""
LOCK_KEY = 0x6672617564
"""PostgreSQL's advisory lock for the end of the chain."""


def append(
    session: Session,
    *,
    actor: str,
    action: str,
    subject: str,
    now: datetime,
    detail: Mapping[str, object] | None = None,
) -> AuditEntry:
    """Add a line in the transaction of `session`, which has to be one that writes; `detail` is plain JSON."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
    last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).first()
    entry = AuditEntry(
        id=1 if last is None else last.id + 1,
        at=now.astimezone(UTC).isoformat(timespec="microseconds"),
        actor=actor,
        action=action,
        subject=subject,
        detail=json.dumps(detail or {}, sort_keys=True, ensure_ascii=False),
        previous_hash=BEGINNING if last is None else last.hash,
    )
    entry.hash = hash_of(entry)
    session.add(entry)
    session.flush()
    return entry


def hash_of(entry: AuditEntry) -> str:
    """Return the sha256 that `entry` should have, in hexadecimal."""
    parts = [entry.id, entry.at, entry.actor, entry.action, entry.subject, entry.detail, entry.previous_hash]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class Verdict:
    """How far the chain holds: `entries` lines up to `last_hash`; `broken_at` is the first bad line's number."""

    entries: int
    last_hash: str
    broken_at: int | None = None


def verify(entries: Iterable[AuditEntry]) -> Verdict:
    """Return whether `entries`, in order, are a whole chain from its beginning."""
    count, previous = 0, BEGINNING
    for entry in entries:
        if entry.id != count + 1 or entry.previous_hash != previous or entry.hash != hash_of(entry):
            return Verdict(count, previous, broken_at=count + 1)
        count, previous = count + 1, entry.hash
    return Verdict(count, previous)
