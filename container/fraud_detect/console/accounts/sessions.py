"""Log-ins of browsers: opened, found by their token, ended. They end by themselves when idle or old.

Knows the table. Never knows Flask, passwords.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fraud_detect.console.keys import fingerprint
from fraud_detect.console.storage.tables import LoginSession, User

SEEN_EVERY = timedelta(seconds=60)
"""How exactly the last sight of a session is kept: not every request has to write."""
TOKEN_BYTES = 32


def opened(session: Session, user: User, *, now: datetime, address: str, browser: str) -> str:
    """Open a session of `user` and return its token."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    made = LoginSession(
        token_hash=fingerprint(token),
        user_id=user.id,
        created_at=now,
        seen_at=now,
        address=address[:64],
        browser=browser[:256],
    )
    session.add(made)
    return token


def found(
    session: Session, token: str, *, now: datetime, idle: timedelta, longest: timedelta
) -> tuple[LoginSession, User] | None:
    """Return the session of `token` and its user; None if it has ended, or its user may not log in any more."""
    rows = select(LoginSession, User).join(User, User.id == LoginSession.user_id)
    row = session.execute(rows.where(LoginSession.token_hash == fingerprint(token))).first()
    if row is None:
        return None
    login, user = row
    return (login, user) if _lasts(login, user, now=now, idle=idle, longest=longest) else None


def open_ones(
    session: Session, user_id: int, *, now: datetime, idle: timedelta, longest: timedelta
) -> Sequence[LoginSession]:
    """Return the sessions of a user that go on, the last one that was opened first."""
    theirs = select(LoginSession).where(
        LoginSession.user_id == user_id,
        LoginSession.ended_at.is_(None),
        LoginSession.seen_at > now - idle,
        LoginSession.created_at > now - longest,
    )
    return session.scalars(theirs.order_by(LoginSession.id.desc())).all()


def seen(session: Session, login_id: int, *, now: datetime) -> None:
    """Note that a request of the session came."""
    session.execute(update(LoginSession).where(LoginSession.id == login_id).values(seen_at=now))


def ended(session: Session, login_id: int, *, now: datetime) -> None:
    """End one session."""
    session.execute(update(LoginSession).where(LoginSession.id == login_id).values(ended_at=now))


def all_ended(session: Session, user_id: int, *, now: datetime) -> None:
    """End every session of a user."""
    theirs = (LoginSession.user_id == user_id) & LoginSession.ended_at.is_(None)
    session.execute(update(LoginSession).where(theirs).values(ended_at=now))


def others_ended(session: Session, user_id: int, login_id: int | None, *, now: datetime) -> None:
    """End every session of a user but one."""
    theirs = (LoginSession.user_id == user_id) & LoginSession.ended_at.is_(None) & (LoginSession.id != login_id)
    session.execute(update(LoginSession).where(theirs).values(ended_at=now))


def _lasts(login: LoginSession, user: User, *, now: datetime, idle: timedelta, longest: timedelta) -> bool:
    over = login.ended_at is not None or now >= login.seen_at + idle or now >= login.created_at + longest
    return not (over or user.disabled)
