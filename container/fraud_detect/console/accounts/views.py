"""Log-in, in one step or two, and log-out.

Knows Flask, accounts and sessions. Never knows cases, models.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from fraud_detect.console import audit
from fraud_detect.console.access import the_caller
from fraud_detect.console.accounts import proof, sessions, users
from fraud_detect.console.accounts.forms import CodeForm, LogInForm
from fraud_detect.console.accounts.proof import HalfDone
from fraud_detect.console.context import console
from fraud_detect.console.identity import sign_in, sign_out
from fraud_detect.console.limits import CODES, FAILED_LOG_INS, LOG_INS, limiter, refused
from fraud_detect.console.storage.tables import User

blueprint = Blueprint("accounts", __name__)
HALF_DONE = "half_done"
"""The name under which the cookie, which nobody can write but we, holds a log-in that lacks its code."""
WRONG = "The name or the password is wrong, or the account is locked for a while."
WRONG_CODE = "The code is wrong, or was used before, or the account is locked for a while."


@blueprint.route("/log-in", methods=["GET", "POST"])
@limiter.limit(LOG_INS, methods=["POST"])
@limiter.limit(FAILED_LOG_INS, methods=["POST"], deduct_when=refused)
def log_in() -> ResponseReturnValue:
    """Show the form, or open a session; or ask for a code, where the account has a second factor."""
    form = LogInForm()
    if not form.validate_on_submit():
        return render_template("log_in.html", form=form), 200 if request.method == "GET" else 400
    here, now = console(), console().clock()
    made = proof.by_password(here.database, form.name.data, form.password.data, now=now, act=_opened_or_half_done)
    if made is None:
        form.password.errors = [WRONG]
        return render_template("log_in.html", form=form), 401
    if isinstance(made, HalfDone):
        _keep(made)
        return redirect(url_for("accounts.enter_code", next=_local(request.args.get("next"))))
    return _let_in(made)


@blueprint.route("/log-in/code", methods=["GET", "POST"])
@limiter.limit(CODES, methods=["POST"], key_func=lambda: f"half-done {_half_done_of()}")
def enter_code() -> ResponseReturnValue:
    """Ask for the code of the second factor, and open the session."""
    here, now, half, form = console(), console().clock(), _kept(), CodeForm()
    if half is None or now >= half.at + proof.CODE_WITHIN:
        session.pop(HALF_DONE, None)
        flash("Log in with your password first.")
        return redirect(url_for("accounts.log_in", next=_local(request.args.get("next"))))
    if not form.validate_on_submit():
        return render_template("enter_code.html", form=form), 200 if request.method == "GET" else 400
    made = proof.by_code(here.database, here.sealed, half, form.code.data, now=now, act=_opened)
    if made is None:
        form.code.errors = [WRONG_CODE]
        return render_template("enter_code.html", form=form), 401
    return _let_in(made)


@blueprint.post("/log-out")
def log_out() -> ResponseReturnValue:
    """End the session."""
    here, caller = console(), the_caller()
    with here.database.writing() as rows:
        if caller.session_id is not None:
            sessions.ended(rows, caller.session_id, now=here.clock())
        audit.append(rows, actor=caller.name, action="log-out", subject=f"account {caller.name}", now=here.clock())
    sign_out()
    flash("You are logged out.")
    return redirect(url_for("accounts.log_in"))


def _opened_or_half_done(rows: Session, user: User) -> str | HalfDone:
    return _opened(rows, user) if user.totp_secret is None else proof.half_done(user, now=console().clock())


def _opened(rows: Session, user: User) -> str:
    """Open a session. Only here failures are forgotten: a right password alone must not win more tries at the code."""
    now, user.failures = console().clock(), 0
    browser = request.headers.get("User-Agent", "")
    token = sessions.opened(rows, user, now=now, address=request.remote_addr or "", browser=browser)
    audit.append(rows, actor=user.name, action="log-in", subject=users.subject(user), now=now)
    return token


def _let_in(token: str) -> ResponseReturnValue:
    sign_in(token)
    return redirect(_local(request.args.get("next")) or url_for("pages.home"))


def _keep(half: HalfDone) -> None:
    session.clear()
    session[HALF_DONE] = [half.user_id, half.password_mark, half.at.isoformat()]


def _kept() -> HalfDone | None:
    kept: list[Any] | None = session.get(HALF_DONE)
    return None if kept is None else HalfDone(kept[0], kept[1], datetime.fromisoformat(kept[2]))


def _half_done_of() -> int:
    half = _kept()
    return 0 if half is None else half.user_id


def _local(address: str | None) -> str | None:
    """Return `address` if it leads to a page of this console: a path; after two slashes a host could follow."""
    if not address or not address.startswith("/") or address.startswith("//"):
        return None
    return address if address.isprintable() and "\\" not in address else None
