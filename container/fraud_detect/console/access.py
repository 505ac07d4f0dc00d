"""Who may see which page: one table. A page that is not in it belongs to nobody.

Knows the names of all views. Never knows what they do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask, Response, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fraud_detect.console.storage.tables import Role

PROGRAM = "program"
"""The role of whoever shows an API token."""
API = "/api/"

Roles = frozenset[str]
NOBODY: Roles = frozenset()
ANYONE: Roles = frozenset({"anyone"})
ADMIN: Roles = frozenset({Role.ADMIN})
STAFF: Roles = frozenset({Role.ADMIN, Role.ANALYST, Role.AGENT})
ANALYSTS: Roles = frozenset({Role.ADMIN, Role.ANALYST})
SENDERS: Roles = frozenset({PROGRAM, Role.ADMIN, Role.ANALYST})
PROGRAMS: Roles = frozenset({PROGRAM})
AGENTS: Roles = frozenset({Role.ADMIN, Role.AGENT})
CUSTOMERS: Roles = frozenset({Role.CUSTOMER})
SIGNED_IN: Roles = frozenset(Role)

ACCESS: Mapping[str, Roles] = {
    "static": ANYONE,
    "pages.home": SIGNED_IN,
    "pages.ping": ANYONE,
    "accounts.log_in": ANYONE,
    "accounts.log_out": SIGNED_IN,
    "accounts.enter_code": ANYONE,
    "account.show": SIGNED_IN,
    "account.password": SIGNED_IN,
    "account.end_session": SIGNED_IN,
    "account.end_others": SIGNED_IN,
    "account.second_factor": SIGNED_IN,
    "account.second_factor_off": SIGNED_IN,
    "people.listed": ADMIN,
    "people.add": ADMIN,
    "people.show": ADMIN,
    "people.reset_password": ADMIN,
    "people.give_role": ADMIN,
    "people.change": ADMIN,
    "tokens.listed": ADMIN,
    "tokens.revoke": ADMIN,
    "audit.show": ADMIN,
    "audit.verdict": ADMIN,
    "audit.download": ADMIN,
    "files.index": ANALYSTS,
    "files.upload": ANALYSTS,
    "files.show": ANALYSTS,
    "files.progress": ANALYSTS,
    "files.download": ANALYSTS,
    "files.again": ANALYSTS,
    "files.delete": ANALYSTS,
    "desk.desk": STAFF,
    "desk.events": STAFF,
    "desk.changes": STAFF,
    "desk.case": STAFF,
    "desk.note": STAFF,
    "desk.decide": ANALYSTS,
    "desk.feedback": ANALYSTS,
    "desk.cases": STAFF,
    "desk.case_json": STAFF,
    "desk.decision_json": ANALYSTS,
    "desk.transactions_in": SENDERS,
    "api.openapi": STAFF | PROGRAMS,
    "score.form": STAFF,
    "score.api": STAFF | PROGRAMS,
    "report.show": ANALYSTS,
    "report.page": ANALYSTS,
    "calls.listed": AGENTS,
    "calls.open": AGENTS,
    "calls.call": AGENTS,
    "calls.state": AGENTS,
    "calls.enter": AGENTS,
    "calls.end": AGENTS,
    "calls.reset": ADMIN,
    "my_calls.listed": CUSTOMERS,
    "my_calls.waiting": CUSTOMERS,
    "my_calls.call": CUSTOMERS,
    "my_calls.state": CUSTOMERS,
    "my_calls.join": CUSTOMERS,
    "my_calls.enter": CUSTOMERS,
    "my_calls.end": CUSTOMERS,
    "my_calls.enrolment_page": CUSTOMERS,
    "my_calls.begin": CUSTOMERS,
    "my_calls.confirm": CUSTOMERS,
}
UNTIL_PASSWORD_IS_CHANGED = frozenset({"static", "pages.ping", "accounts.log_out", "account.password"})
"""All that an account may see whose password somebody else has set, until it has one of its own."""

UNATTENDED: frozenset[str] = frozenset(
    {"desk.changes", "desk.events", "calls.state", "my_calls.state", "my_calls.waiting", "files.progress"}
)
"""Views that open pages ask for by themselves: that nobody touches the page any more is what `idle` means."""


@dataclass(frozen=True)
class Caller:
    """Who sent a request: `session_id` of a browser's log-in, none for a program or for nobody in particular."""

    name: str
    role: str
    user_id: int | None = None
    session_id: int | None = None
    customer: str | None = None
    must_change_password: bool = False


NO_ONE = Caller(name="", role="anyone")


def the_caller() -> Caller:
    """Return who sent this request."""
    caller: Caller = g.get("caller", NO_ONE)
    return caller


def may(view: str) -> bool:
    """Return whether the caller may see `view`; templates ask it for links."""
    allowed = ACCESS.get(view, NOBODY)
    return allowed is ANYONE or the_caller().role in allowed


def refuse() -> ResponseReturnValue | None:
    """Return what a caller gets who may not see the view of this request; None where it may, or where there is none."""
    if request.endpoint is None:
        return None
    if may(request.endpoint):
        return _led_to_a_password() if the_caller().must_change_password else None
    known = the_caller() is not NO_ONE
    if request.path.startswith(API):
        return _refused_program(known=known)
    if known:
        return render_template("error.html", title="Not for you", text=_FORBIDDEN), 403
    return redirect(
        url_for("accounts.log_in", next=request.full_path.rstrip("?") if request.method in {"GET", "HEAD"} else None)
    )


def _led_to_a_password() -> ResponseReturnValue | None:
    if request.endpoint in UNTIL_PASSWORD_IS_CHANGED:
        return None
    if request.path.startswith(API):
        return jsonify(error="forbidden", message="Choose a password of your own first, on your account's page."), 403
    return redirect(url_for("account.password"))


_FORBIDDEN = "Your account's role does not include this page. An administrator can change roles."


def _refused_program(*, known: bool) -> tuple[Response, int]:
    if known:
        return jsonify(error="forbidden", message=_FORBIDDEN), 403
    message = "The request says not who sends it; expected an API token. Send the header `Authorization: Bearer TOKEN`."
    return jsonify(error="unauthorized", message=message), 401


def check_all_views(app: Flask) -> None:
    """Raise LookupError if a view of `app` is not in the table, or the table names one that is not there."""
    views = {rule.endpoint for rule in app.url_map.iter_rules()}
    if views != set(ACCESS):
        raise LookupError(f"views and the table of access differ: {sorted(views ^ set(ACCESS))}")
