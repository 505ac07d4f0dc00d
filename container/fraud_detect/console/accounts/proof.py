"""Is it they? Passwords and codes are checked here, and every wrong one is counted.

A hash takes a tenth of a second and 64 MiB, so it is checked before the transaction that writes, and what it was
checked against is looked at again in it: of many guesses at the same moment no more count than the lock lets through.

Knows the table of accounts, hashes, codes, the audit log. Never knows Flask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from fraud_detect.console import audit, one_time_codes
from fraud_detect.console.accounts import passwords, users
from fraud_detect.console.keys import Sealed, fingerprint
from fraud_detect.console.storage.database import Database
from fraud_detect.console.storage.tables import User

CODE_WITHIN = timedelta(minutes=5)
"""How long a right password waits for its code."""
Made = TypeVar("Made")
Act = Callable[[Session, User], Made]
"""What is done for whom it is, in the transaction in which that was found out."""


def by_password(database: Database, name: str, password: str, *, now: datetime, act: Act[Made]) -> Made | None:
    """Return what `act` made if the password is right; None if not, or if the account is locked or disabled."""
    checked = _hash_of(database, name)
    right = passwords.matches(password, checked or passwords.stand_in())
    renewed = passwords.rehashed(password) if right and checked and passwords.is_outdated(checked) else None
    with database.writing() as rows:
        user = users.named(rows, name)
        if user is None or user.password_hash != checked or not _may_try(user, now=now):
            _note(rows, user, "password refused", now=now)
            return None
        if not right:
            users.failed(rows, user, now=now)
            _note(rows, user, "password refused", now=now)
            return None
        user.password_hash = renewed or user.password_hash
        return act(rows, user)


@dataclass(frozen=True)
class HalfDone:
    """A log-in whose password was right at `at`, and whose code is missing; void once the password is another one."""

    user_id: int
    password_mark: str
    at: datetime


def half_done(user: User, *, now: datetime) -> HalfDone:
    """Return what has to be known of `user` until the code comes."""
    return HalfDone(user.id, fingerprint(user.password_hash), now)


def by_code(
    database: Database, sealed: Sealed, half: HalfDone, code: str, *, now: datetime, act: Act[Made]
) -> Made | None:
    """Return what `act` made if the code is right, which it is only once; None if not, or as with a password."""
    with database.writing() as rows:
        user = rows.get(User, half.user_id, with_for_update=users.HELD)
        if user is None or not _waits_for_code(user, half, now=now):
            return None
        if not code_taken(sealed, user, code, now=now):
            code_refused(rows, user, now=now)
            return None
        return act(rows, user)


def code_taken(sealed: Sealed, user: User, code: str, *, now: datetime) -> bool:
    """Return whether the code of the account's app is right, and take it: it is wrong from then on."""
    if user.totp_secret is None:
        return False
    secret = sealed.open(user.totp_secret)
    step = one_time_codes.verified(secret, code, now=now, last_step=user.totp_last_step)
    if step is None:
        return False
    user.totp_last_step = step
    return True


def code_refused(rows: Session, user: User, *, now: datetime) -> None:
    """Count a wrong code."""
    users.failed(rows, user, now=now)
    _note(rows, user, "code refused", now=now)


def _hash_of(database: Database, name: str) -> str | None:
    with database.reading() as rows:
        return rows.scalars(select(User.password_hash).where(User.name == name)).first()


def _may_try(user: User, *, now: datetime) -> bool:
    return not user.disabled and not users.is_locked(user, now=now)


def _waits_for_code(user: User, half: HalfDone, *, now: datetime) -> bool:
    same = fingerprint(user.password_hash) == half.password_mark
    return same and _may_try(user, now=now) and half.at <= now < half.at + CODE_WITHIN


def _note(session: Session, user: User | None, action: str, *, now: datetime) -> None:
    """Note a refusal. A name that is no account's is left out: it may be a password, in the wrong field."""
    subject = users.UNKNOWN if user is None else users.subject(user)
    audit.append(session, actor="", action=action, subject=subject, now=now)
