"""What protects every page: who sends a request, forms that only our pages can send, headers, limits.

Knows Flask and Flask-WTF. Never knows what pages do.
"""

from __future__ import annotations

from flask import Flask, Response, g, request
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from fraud_detect.console import access, identity
from fraud_detect.console.access import PROGRAM
from fraud_detect.console.context import console
from fraud_detect.console.limits import limiter
from fraud_detect.console.requests_log import log_requests

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
HTTPS_ONLY = "max-age=31536000"

csrf = CSRFProtect()


def protect(app: Flask, *, behind_https: bool) -> None:
    """Put every view of `app` behind the table of access, CSRF tokens, limits and headers.

    The hooks run in this order: who sends a request, how often, whether it may, whether a page of ours
    made the browser send it.
    """
    if behind_https:  # the proxy says by these who came, and how: the last one it added, which nobody else can write
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    log_requests(app)
    identity.add_log_in(app)
    app.before_request(identity.identify)
    csrf.init_app(app)
    limiter.init_app(app)
    app.before_request(access.refuse)
    app.before_request(_check_form)
    app.after_request(_with_headers)


def _check_form() -> ResponseReturnValue | None:
    """Refuse what another site made a browser send; a program shows its token, which no browser sends of itself."""
    if g.caller.role != PROGRAM:
        csrf.protect()
    return None


def _with_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if console().settings.behind_https:
        response.headers["Strict-Transport-Security"] = HTTPS_ONLY
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response
