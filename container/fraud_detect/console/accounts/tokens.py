"""Tokens that programs show instead of a password: made, listed, revoked.

Knows the table, the audit log. Never knows Flask, what programs do.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from fraud_detect.console import audit
from fraud_detect.console.keys import fingerprint
from fraud_detect.console.storage.tables import ApiToken, User
from fraud_detect.errors import UserError

PREFIX, TOKEN_BYTES = "fdt_", 32
"""By the prefix, those who look through files for secrets find one that was left there."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@+-]{0,47}")


class TokenError(UserError):
    """A token cannot be made or revoked as asked."""


def made(session: Session, *, name: str, by: User | None, actor: str, now: datetime) -> str:
    """Make a token for the program `name` and return it; only its hash is kept. `by` is None on the command line."""
    _check(session, name)
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    row = ApiToken(name=name, token_hash=fingerprint(token), created_at=now, created_by=by.id if by else None)
    session.add(row)
    session.flush()
    audit.append(session, actor=actor, action="token made", subject=f"program {name}", now=now)
    return token


def listed(session: Session) -> Sequence[tuple[ApiToken, str | None]]:
    """Return every token, those that work first, with the name of who made it."""
    rows = select(ApiToken, User.name).outerjoin(User, User.id == ApiToken.created_by)
    order = (ApiToken.revoked_at.is_not(None), ApiToken.name, ApiToken.id)
    return [(token, name) for token, name in session.execute(rows.order_by(*order))]


def revoke(session: Session, token_id: int, *, actor: str, now: datetime) -> None:
    """Let a token work no more."""
    token = session.get(ApiToken, token_id, with_for_update=True)
    if token is None or token.revoked_at is not None:
        raise TokenError(
            f"No token that works has the number {token_id}", expected="one that is listed", remedy="List them."
        )
    token.revoked_at = now
    session.flush()
    audit.append(session, actor=actor, action="token revoked", subject=f"program {token.name}", now=now)


def _check(session: Session, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise TokenError(
            f"The program's name is '{name[:80]}'",
            expected="1 to 48 letters, digits, spaces and . _ @ + -, the first a letter or digit",
            remedy="Choose another name.",
        )
    works = select(ApiToken.id).where(ApiToken.name == name, ApiToken.revoked_at.is_(None))
    if session.scalars(works).first() is not None:
        raise TokenError(
            f"The program '{name}' has a token", expected="a new name", remedy="Revoke it, or choose another name."
        )
