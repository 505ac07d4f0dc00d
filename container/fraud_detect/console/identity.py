"""Who sends a request: a browser that is logged in, by Flask-Login, or a program, by its token.

What Flask-Login keeps in the cookie is the random token of a row of `login_sessions`: a log-in ends when that row says
so, wherever its cookie is.

Knows Flask-Login, the tables of log-ins and tokens. Never knows passwords, what pages do.
"""

from __future__ import annotations

from flask import Flask, g, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from sqlalchemy import select

from fraud_detect.console import access
from fraud_detect.console.access import NO_ONE, PROGRAM, Caller
from fraud_detect.console.accounts import sessions
from fraud_detect.console.context import console
from fraud_detect.console.keys import fingerprint
from fraud_detect.console.storage.tables import ApiToken

BEARER = "Bearer "


class Browser(UserMixin):  # type: ignore[misc]  # Flask-Login has no types
    """A log-in of one browser, which is what Flask-Login calls a user."""

    def __init__(self, token: str, caller: Caller) -> None:
        self._token, self.caller = token, caller

    def get_id(self) -> str:
        """Return what the cookie holds."""
        return self._token


def add_log_in(app: Flask) -> None:
    """Let `app` know by Flask-Login who is logged in."""
    manager = LoginManager()
    manager.session_protection = None  # the row of the session protects: a phone changes its address on its way
    manager.user_loader(_browser)
    manager.init_app(app, add_context_processor=False)


def identify() -> None:
    """Set `g.caller` to who sent this request; a token counts for the API only, and there before any cookie."""
    header = request.headers.get("Authorization", "")
    if header.startswith(BEARER):
        g.caller = _program(header.removeprefix(BEARER)) if request.path.startswith(access.API) else NO_ONE
    else:
        g.caller = current_user.caller if current_user.is_authenticated else NO_ONE


def sign_in(token: str) -> None:
    """Make this browser's cookie that of the session of `token`; nothing of the cookie before stays."""
    session.clear()
    login_user(Browser(token, NO_ONE))


def sign_out() -> None:
    """Forget the session in this browser's cookie."""
    logout_user()
    session.clear()


def _browser(token: str) -> Browser | None:
    here, now = console(), console().clock()
    settings = here.settings
    with here.database.reading() as rows:
        found = sessions.found(rows, token, now=now, idle=settings.idle_session, longest=settings.longest_session)
    if found is None:
        return None
    login, user = found
    if request.endpoint not in access.UNATTENDED and now >= login.seen_at + sessions.SEEN_EVERY:
        with here.database.writing() as rows:
            sessions.seen(rows, login.id, now=now)
    return Browser(
        token,
        Caller(
            user.name,
            user.role,
            user_id=user.id,
            session_id=login.id,
            customer=user.customer,
            must_change_password=user.must_change_password,
        ),
    )


def _program(token: str) -> Caller:
    with console().database.reading() as rows:
        tokens = select(ApiToken).where(ApiToken.token_hash == fingerprint(token), ApiToken.revoked_at.is_(None))
        found = rows.scalars(tokens).first()
    return NO_ONE if found is None else Caller(name=f"program {found.name}", role=PROGRAM)
