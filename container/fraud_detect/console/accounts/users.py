"""Accounts: made, found, changed by an administrator.

Knows the table, passwords, the audit log. Never knows Flask.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from fraud_detect.console import audit
from fraud_detect.console.accounts import passwords, sessions
from fraud_detect.console.storage.tables import Role, User
from fraud_detect.errors import UserError

TRIES = 5
LOCKS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4), timedelta(hours=24))
"""For how long after so many times five failures without a log-in between; the last for every five more."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
LONGEST_CUSTOMER = 128
UNKNOWN = "account unknown"
"""What the audit log calls a name under which there is no account."""
HELD: dict[str, Any] = {"key_share": True}  # SQLAlchemy takes no other mapping
"""How PostgreSQL locks an account that is going to be changed: rows that name it may be written meanwhile. Else who
holds the end of the audit log and writes such a row would wait for who holds the account and waits for that end."""


class AccountError(UserError):
    """An account cannot be made or changed as asked."""


def created(
    session: Session,
    *,
    name: str,
    password: str,
    role: Role,
    now: datetime,
    by: str,
    customer: str | None = None,
    must_change_password: bool = False,
) -> User:
    """Make an account.

    Raises
    ------
    AccountError
        If the name is not one, or taken; or if a customer's account says not whose, or another's does.
    PasswordError
        If the password is too short, too long, or soon guessed.
    """
    _check_name(session, name)
    _check_customer(name, role, customer)
    user = User(
        name=name,
        password_hash=passwords.hashed(password, name=name),
        role=role,
        customer=customer,
        created_at=now,
        must_change_password=must_change_password,
    )
    session.add(user)
    try:
        session.flush()
    except IntegrityError as error:  # another one of the same name came in between
        raise _taken(name) from error
    audit.append(session, actor=by, action="account made", subject=subject(user), now=now, detail={"role": role})
    return user


def named(session: Session, name: str) -> User | None:
    """Return the account, which nobody else changes until the transaction ends, if it is one that writes."""
    return session.scalars(select(User).where(User.name == name).with_for_update(**HELD)).first()


def numbered(session: Session, user_id: int) -> User:
    """Return the account, held like that of `named` for an administrator's change; AccountError if there is none.

    All administrators are held, in one order, before the account: so two who do away with each other wait, and the
    second one finds out that no other is left.
    """
    session.scalars(_administrators().with_for_update(**HELD)).all()
    user = session.get(User, user_id, with_for_update=HELD)
    if user is None:
        raise AccountError(f"No account has the number {user_id}", expected="one that is listed", remedy="List them.")
    return user


def all_of_them(session: Session) -> Sequence[User]:
    """Return every account, by name."""
    return session.scalars(select(User).order_by(User.name)).all()


def subject(user: User) -> str:
    """Return what the audit log calls an account."""
    return f"account {user.name}"


def is_locked(user: User, *, now: datetime) -> bool:
    """Return whether too many wrong passwords or codes came lately."""
    return user.locked_until is not None and now < user.locked_until


def failed(session: Session, user: User, *, now: datetime) -> None:
    """Count a wrong password or code; every fifth in a row locks the account, each time for longer."""
    user.failures += 1
    if user.failures % TRIES == 0:
        user.locked_until = now + LOCKS[min(user.failures // TRIES, len(LOCKS)) - 1]
        audit.append(session, actor="", action="account locked", subject=subject(user), now=now)


def disable(session: Session, user: User, *, now: datetime, by: str) -> None:
    """End all sessions of an account and let it in no more."""
    _keep_an_administrator(session, user)
    user.disabled = True
    _changed(session, user, "account disabled", now=now, by=by)


def enable(session: Session, user: User, *, now: datetime, by: str) -> None:
    """Let an account in again, also one that is locked."""
    user.disabled, user.failures, user.locked_until = False, 0, None
    _changed(session, user, "account enabled", now=now, by=by)


def give_role(session: Session, user: User, role: Role, *, customer: str | None, now: datetime, by: str) -> None:
    """Change what an account may do; its sessions end, unless it may do just that."""
    _check_customer(user.name, role, customer)
    if (user.role, user.customer) == (role, customer):
        return
    if role is not Role.ADMIN:
        _keep_an_administrator(session, user)
    before, user.role, user.customer = user.role, role, customer
    _changed(session, user, "role changed", now=now, by=by, detail={"from": before, "to": role})


def reset_password(session: Session, user: User, *, password: str, now: datetime, by: str) -> None:
    """Give an account a password that it has to change at its next log-in; its sessions end, and no lock stays."""
    user.password_hash, user.must_change_password = passwords.hashed(password, name=user.name), True
    user.failures, user.locked_until = 0, None
    _changed(session, user, "password reset", now=now, by=by)


def turn_off_second_factor(session: Session, user: User, *, now: datetime, by: str) -> None:
    """Ask an account for no code any more, since its app is lost; its sessions end."""
    user.totp_secret = user.totp_last_step = None
    _changed(session, user, "second factor turned off", now=now, by=by)


def _changed(
    session: Session, user: User, action: str, *, now: datetime, by: str, detail: dict[str, object] | None = None
) -> None:
    sessions.all_ended(session, user.id, now=now)
    session.flush()
    audit.append(session, actor=by, action=action, subject=subject(user), now=now, detail=detail)


def _keep_an_administrator(session: Session, user: User) -> None:
    others = [admin for admin in session.scalars(_administrators()) if admin.id != user.id]
    if user.role == Role.ADMIN and not others:
        raise AccountError(
            f"'{user.name}' is the last administrator who can log in",
            expected="another one beside",
            remedy="Make another account an administrator first.",
        )


def _administrators() -> Select[User]:
    return select(User).where(User.role == Role.ADMIN, User.disabled.is_(False)).order_by(User.id)


def _check_name(session: Session, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise AccountError(
            f"The name is '{name[:80]}'",
            expected="1 to 64 letters, digits and . _ @ + -, the first a letter or digit",
            remedy="Choose another name.",
        )
    if session.scalar(select(func.count()).where(User.name == name)):
        raise _taken(name)


def _taken(name: str) -> AccountError:
    return AccountError(f"The account '{name}' exists", expected="a new name", remedy="Choose another name.")


def _check_customer(name: str, role: Role, customer: str | None) -> None:
    if (role is Role.CUSTOMER) != bool(customer) or len(customer or "") > LONGEST_CUSTOMER:
        raise AccountError(
            f"The account '{name}' of the role {role} belongs to {customer or 'no customer'}",
            expected=f"a customer (1 to {LONGEST_CUSTOMER} characters) for the role customer, and none for any other",
            remedy="Name the customer as transactions name it.",
        )
