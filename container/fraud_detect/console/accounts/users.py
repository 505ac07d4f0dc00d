"""Accounts: made, and logged in to.

Knows the table, passwords, the audit log. Never knows Flask.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from fraud_detect.console import audit
from fraud_detect.console.accounts import passwords
from fraud_detect.console.storage.tables import Role, User
from fraud_detect.errors import UserError

MOST_FAILURES, LOCKED_FOR = 5, timedelta(minutes=15)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")


class AccountError(UserError):
    """An account cannot be made or changed as asked."""


def created(
    session: Session, *, name: str, password: str, role: Role, now: datetime, by: str, customer: str | None = None
) -> User:
    """Make an account.

    Raises
    ------
    AccountError
        If the name is not one, or taken; or if a customer's account says not whose, or another's does.
    PasswordError
        If the password is too short or too long.
    """
    _check(session, name, role, customer)
    user = User(name=name, password_hash=passwords.hashed(password), role=role, customer=customer, created_at=now)
    session.add(user)
    session.flush()
    audit.append(session, actor=by, action="account made", subject=f"account {name}", now=now, detail={"role": role})
    return user


def _check(session: Session, name: str, role: Role, customer: str | None) -> None:
    if not _NAME.fullmatch(name):
        raise AccountError(
            f"The name is '{name[:80]}'",
            expected="1 to 64 letters, digits and . _ @ + -, the first a letter or digit",
            remedy="Choose another name.",
        )
    if session.scalars(select(User).where(User.name == name)).first() is not None:
        raise AccountError(f"The account '{name}' exists", expected="a new name", remedy="Choose another name.")
    if (role is Role.CUSTOMER) != bool(customer):
        raise AccountError(
            f"The account '{name}' of the role {role} belongs to {customer or 'no customer'}",
            expected="a customer for the role customer, and none for any other",
            remedy="Name the customer as transactions name it.",
        )


def with_password(session: Session, name: str, password: str, *, now: datetime) -> User | None:
    """Return the account if the password is right; None if not, or if it is locked, which too many failures do."""
    user = session.scalars(select(User).where(User.name == name)).first()
    right = passwords.matches(password, user.password_hash if user else passwords.NO_PASSWORD)
    if user is None or user.disabled or (user.locked_until is not None and now < user.locked_until):
        return None
    if right:
        user.failures = 0
        return user
    failed(user, now=now)
    return None


def failed(user: User, *, now: datetime) -> None:
    """Count a wrong password or code; the account is locked for a while after so many."""
    user.failures += 1
    if user.failures >= MOST_FAILURES:
        user.failures, user.locked_until = 0, now + LOCKED_FOR
