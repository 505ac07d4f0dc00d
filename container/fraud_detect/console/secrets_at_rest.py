"""The secrets of authenticators in the database: whether this console's key opens them, and a new key for them.

Knows the tables that hold them. Never knows Flask, codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography.fernet import InvalidToken
from sqlalchemy import select
from sqlalchemy.orm import Session

from fraud_detect.console import audit
from fraud_detect.console.keys import Sealed
from fraud_detect.console.storage.tables import CustomerSecret, User
from fraud_detect.errors import SettingError


def check(session: Session, sealed: Sealed) -> None:
    """Raise SettingError if a secret was sealed by another key than that of `sealed`."""
    closed = sum(not _opens(secret, sealed) for secret in _all(session))
    if closed:
        raise SettingError(
            f"This console's key does not open {closed} of the secrets of authenticator apps in its database",
            expected="the key that they were sealed with",
            remedy="Put that key back. If it is lost: `fraud-detect accounts forget-secrets`, and all set up anew.",
        )


def renew(session: Session, sealed: Sealed, *, now: datetime, by: str) -> int:
    """Seal every secret with the present key of `sealed`; return how many there were. Raises as `check` does."""
    check(session, sealed)
    count = 0
    for user in _users(session):
        user.totp_secret, count = sealed.renewed(user.totp_secret or b""), count + 1
    for customer in session.scalars(select(CustomerSecret)):
        # One that is being set up goes: the log-in that began it ends with the key.
        customer.pending_secret = customer.pending_session_id = customer.pending_key_hash = None
        if customer.secret is not None:
            customer.secret, count = sealed.renewed(customer.secret), count + 1
    audit.append(session, actor=by, action="key changed", subject="authenticators", now=now, detail={"secrets": count})
    return count


def forget(session: Session, sealed: Sealed, *, now: datetime, by: str) -> int:
    """Turn off every second factor and customer's authenticator that `sealed` does not open; return how many."""
    users = [user for user in _users(session) if not _opens(user.totp_secret or b"", sealed)]
    enrolled = session.scalars(select(CustomerSecret).where(CustomerSecret.secret.is_not(None)))
    customers = [row for row in enrolled if not _opens(row.secret or b"", sealed)]
    for user in users:
        user.totp_secret = user.totp_last_step = None
    for customer in customers:
        session.delete(customer)
    detail = {"accounts": len(users), "customers": len(customers)}
    audit.append(session, actor=by, action="secrets forgotten", subject="authenticators", now=now, detail=detail)
    return len(users) + len(customers)


def _users(session: Session) -> Sequence[User]:
    return session.scalars(select(User).where(User.totp_secret.is_not(None))).all()


def _all(session: Session) -> list[bytes]:
    of_accounts, of_customers = (
        session.scalars(select(User.totp_secret)),
        session.scalars(select(CustomerSecret.secret)),
    )
    return [secret for secret in (*of_accounts, *of_customers) if secret is not None]


def _opens(secret: bytes, sealed: Sealed) -> bool:
    try:
        sealed.open(secret)
    except InvalidToken:
        return False
    return True
