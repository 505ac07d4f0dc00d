"""What protects every page: who sends a request, forms that only our pages can send, headers, limits of rate.

Knows Flask, Flask-WTF and Flask-Limiter. Never knows what pages do.
"""

from __future__ import annotations

from flask import Flask, Response, g, request, session
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf import CSRFProtect
from sqlalchemy import select

from fraud_detect.console import access
from fraud_detect.console.access import NO_ONE, PROGRAM, Caller
from fraud_detect.console.accounts import sessions
from fraud_detect.console.context import console
from fraud_detect.console.keys import fingerprint
from fraud_detect.console.storage.tables import ApiToken

TOKEN = "token"  # noqa: S105 - the name under which a cookie holds one
BEARER = "Bearer "
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'; object-src 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
PAGES_A_MINUTE, LOG_INS_A_MINUTE = "600 per minute", "10 per minute"

csrf = CSRFProtect()
limiter = Limiter(get_remote_address, default_limits=[PAGES_A_MINUTE], storage_uri="memory://")


def protect(app: Flask) -> None:
    """Put every view of `app` behind the table of access, CSRF tokens, rate limits and headers."""
    app.before_request(_identify)
    csrf.init_app(app)
    limiter.init_app(app)
    app.before_request(access.refuse)
    app.before_request(_check_form)
    app.after_request(_with_headers)


def _identify() -> None:
    """Set `g.caller` to who sent this request."""
    header = request.headers.get("Authorization", "")
    if header.startswith(BEARER):
        g.caller = _program(header.removeprefix(BEARER)) if request.path.startswith(access.API) else NO_ONE
    else:
        g.caller = _person(session.get(TOKEN, ""))


def _program(token: str) -> Caller:
    with console().database.reading() as rows:
        tokens = select(ApiToken).where(ApiToken.token_hash == fingerprint(token), ApiToken.revoked_at.is_(None))
        found = rows.scalars(tokens).first()
    return NO_ONE if found is None else Caller(name=f"program {found.name}", role=PROGRAM)


def _person(token: str) -> Caller:
    if not token:
        return NO_ONE
    here, now = console(), console().clock()
    settings = here.settings
    with here.database.reading() as rows:
        found = sessions.found(rows, token, now=now, idle=settings.idle_session, longest=settings.longest_session)
    if found is None:
        return NO_ONE
    login, user = found
    if now >= login.seen_at + sessions.SEEN_EVERY:
        with here.database.writing() as rows:
            sessions.seen(rows, login.id, now=now)
    return Caller(user.name, user.role, user_id=user.id, session_id=login.id, customer=user.customer)


def _check_form() -> ResponseReturnValue | None:
    """Refuse what another site made a browser send; a program shows its token, which no browser sends of itself."""
    if g.caller.role != PROGRAM:
        csrf.protect()
    return None


def _with_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if console().settings.behind_https:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response
