"""Log-in and log-out.

Knows Flask, accounts and sessions. Never knows cases, models.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from fraud_detect.console import audit
from fraud_detect.console.access import the_caller
from fraud_detect.console.accounts import passwords, sessions, users
from fraud_detect.console.context import console

blueprint = Blueprint("accounts", __name__)
TOKEN = "token"  # noqa: S105 - the name under which a cookie holds one


class LogInForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """Name and password."""

    name = StringField("Name", [InputRequired("Enter your name."), Length(max=64)])
    password = PasswordField("Password", [InputRequired("Enter your password."), Length(max=passwords.LONGEST)])


@blueprint.route("/log-in", methods=["GET", "POST"])
def log_in() -> ResponseReturnValue:
    """Show the form, or open a session."""
    form = LogInForm()
    if not form.validate_on_submit():
        return render_template("log_in.html", form=form), 200 if request.method == "GET" else 400
    here, now = console(), console().clock()
    with here.database.writing() as rows:
        user = users.with_password(rows, form.name.data, form.password.data, now=now)
        if user is not None:
            token = sessions.opened(
                rows, user, now=now, address=request.remote_addr or "", browser=request.headers.get("User-Agent", "")
            )
            audit.append(rows, actor=user.name, action="log-in", subject=f"account {user.name}", now=now)
        else:
            audit.append(rows, actor="", action="log-in refused", subject=f"account {form.name.data}", now=now)
    if user is None:
        form.password.errors = ["The name or the password is wrong, or the account is locked for some minutes."]
        return render_template("log_in.html", form=form), 401
    session.clear()
    session[TOKEN] = token
    return redirect(_local(request.args.get("next")) or url_for("pages.home"))


@blueprint.post("/log-out")
def log_out() -> ResponseReturnValue:
    """End the session."""
    here, caller = console(), the_caller()
    with here.database.writing() as rows:
        if caller.session_id is not None:
            sessions.ended(rows, caller.session_id, now=here.clock())
        audit.append(rows, actor=caller.name, action="log-out", subject=f"account {caller.name}", now=here.clock())
    session.clear()
    flash("You are logged out.")
    return redirect(url_for("accounts.log_in"))


def _local(address: str | None) -> str | None:
    """Return `address` if it leads to a page of this console; others could lead anywhere."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")):
        return None
    parts = urlsplit(address)
    return address if not parts.scheme and not parts.netloc and "\\" not in address else None
