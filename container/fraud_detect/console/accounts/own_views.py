"""One's own account: the password, the sessions, the second factor.

Knows Flask, accounts and sessions. Never knows other people's accounts.
"""

from __future__ import annotations

import segno
from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.orm import Session

from fraud_detect.console import audit, one_time_codes
from fraud_detect.console.access import Caller, the_caller
from fraud_detect.console.accounts import passwords, proof, sessions
from fraud_detect.console.accounts.browsers import name_of
from fraud_detect.console.accounts.forms import OffForm, PasswordForm, SecondFactorForm
from fraud_detect.console.accounts.passwords import PasswordError
from fraud_detect.console.context import console
from fraud_detect.console.identity import sign_out
from fraud_detect.console.limits import FAILED_LOG_INS, NEW_PASSWORDS, limiter, refused
from fraud_detect.console.storage.tables import LoginSession, User

blueprint = Blueprint("account", __name__, url_prefix="/account")
PENDING = "second_factor"
"""The name under which the cookie holds, encrypted, the secret of an app that is being set up."""
WRONG_PASSWORD = "The password is wrong, or the account is locked for a while."  # noqa: S105 - not one
WRONG_CODE = "The code is wrong. Wait for the next one that the app shows, and check the phone's clock."


@blueprint.get("")
def show() -> ResponseReturnValue:
    """Show the account and its sessions."""
    here, caller = console(), the_caller()
    settings = here.settings
    with here.database.reading() as rows:
        user = rows.get_one(User, caller.user_id)
        open_ones = sessions.open_ones(
            rows, user.id, now=here.clock(), idle=settings.idle_session, longest=settings.longest_session
        )
    return render_template("accounts/own.html", user=user, sessions=open_ones, name_of=name_of)


@blueprint.route("/password", methods=["GET", "POST"])
@limiter.limit(NEW_PASSWORDS, methods=["POST"])
def password() -> ResponseReturnValue:
    """Change the password, for who knows the one so far; all sessions end but this one."""
    here, caller, form = console(), the_caller(), PasswordForm()
    if not form.validate_on_submit():
        return _password_page(form, 200 if request.method == "GET" else 400)
    try:
        if form.new.data == form.old.data:
            form.new.errors = ["This is the password so far; expected another one."]
            return _password_page(form, 400)
        new_hash = passwords.hashed(form.new.data, name=caller.name)
    except PasswordError as error:
        form.new.errors = [str(error)]
        return _password_page(form, 400)

    def change(rows: Session, user: User) -> bool:
        user.password_hash, user.must_change_password = new_hash, False
        sessions.others_ended(rows, user.id, caller.session_id, now=here.clock())
        _note(rows, "password changed", caller)
        return True

    if not proof.by_password(here.database, caller.name, form.old.data, now=here.clock(), act=change):
        form.old.errors = [WRONG_PASSWORD]
        return _password_page(form, 401)
    flash("Your password is changed. Your sessions in other browsers have ended.")
    return redirect(url_for("account.show"))


def _password_page(form: PasswordForm, status: int) -> ResponseReturnValue:
    return render_template("accounts/password.html", form=form, shortest=passwords.SHORTEST), status


@blueprint.post("/sessions/<int:number>/end")
def end_session(number: int) -> ResponseReturnValue:
    """End one of one's own sessions."""
    here, caller = console(), the_caller()
    with here.database.writing() as rows:
        found = rows.get(LoginSession, number)
        if found is None or found.user_id != caller.user_id:
            abort(404)
        sessions.ended(rows, number, now=here.clock())
        _note(rows, "session ended", caller)
    if number == caller.session_id:
        sign_out()
        return redirect(url_for("accounts.log_in"))
    flash("The session has ended.")
    return redirect(url_for("account.show"))


@blueprint.post("/sessions/end-others")
def end_others() -> ResponseReturnValue:
    """End all of one's own sessions but this one."""
    here, caller = console(), the_caller()
    with here.database.writing() as rows:
        sessions.others_ended(rows, int(caller.user_id or 0), caller.session_id, now=here.clock())
        _note(rows, "other sessions ended", caller)
    flash("Your sessions in other browsers have ended.")
    return redirect(url_for("account.show"))


@blueprint.route("/second-factor", methods=["GET", "POST"])
@limiter.limit(FAILED_LOG_INS, methods=["POST"], deduct_when=refused)
def second_factor() -> ResponseReturnValue:
    """Show a secret for an authenticator app, and ask for its codes at log-in once a first one was right."""
    here, caller, form = console(), the_caller(), SecondFactorForm()
    if _has_second_factor(caller):
        return render_template("accounts/second_factor_on.html", form=OffForm())
    if not form.validate_on_submit():
        return _set_up_page(form, 200 if request.method == "GET" else 400)
    secret = _pending()

    def turn_on(rows: Session, user: User) -> str:
        step = one_time_codes.verified(secret, form.code.data, now=here.clock(), last_step=user.totp_last_step)
        if step is None:
            return WRONG_CODE
        user.totp_secret, user.totp_last_step = here.sealed.seal(secret), step
        sessions.others_ended(rows, user.id, caller.session_id, now=here.clock())
        _note(rows, "second factor turned on", caller)
        return ""

    said = proof.by_password(here.database, caller.name, form.password.data, now=here.clock(), act=turn_on)
    if said is None:
        form.password.errors = [WRONG_PASSWORD]
        return _set_up_page(form, 401)
    if said:
        form.code.errors = [said]
        return _set_up_page(form, 400)
    session.pop(PENDING, None)
    flash("From now on log-in asks for a code of your app.")
    return redirect(url_for("account.show"))


@blueprint.post("/second-factor/off")
@limiter.limit(FAILED_LOG_INS, methods=["POST"], deduct_when=refused)
def second_factor_off() -> ResponseReturnValue:
    """Ask for no code any more, for who knows the password and has the app; wrong codes lock as at log-in."""
    here, caller, form = console(), the_caller(), OffForm()
    if not form.validate_on_submit():
        return _off_page(form, 400)

    def turn_off(rows: Session, user: User) -> bool:
        now = here.clock()
        if user.totp_secret is not None and not proof.code_taken(here.sealed, user, form.code.data, now=now):
            proof.code_refused(rows, user, now=now)
            return False
        user.totp_secret = user.totp_last_step = None
        user.failures = 0
        _note(rows, "second factor turned off", caller)
        return True

    off = proof.by_password(here.database, caller.name, form.password.data, now=here.clock(), act=turn_off)
    if off is None:
        form.password.errors = [WRONG_PASSWORD]
        return _off_page(form, 401)
    if not off:
        form.code.errors = [WRONG_CODE]
        return _off_page(form, 401)
    flash("Log-in asks for no code any more.")
    return redirect(url_for("account.show"))


def _off_page(form: OffForm, status: int) -> ResponseReturnValue:
    return render_template("accounts/second_factor_on.html", form=form), status


def _has_second_factor(caller: Caller) -> bool:
    with console().database.reading() as rows:
        return rows.get_one(User, caller.user_id).totp_secret is not None


def _pending() -> str:
    """Return the secret that is being set up; it is drawn at the first look, and stays until the log-in ends."""
    sealed, kept = console().sealed, session.get(PENDING)
    if kept is None:
        kept = session[PENDING] = sealed.seal(one_time_codes.new_secret()).decode()
    return sealed.open(kept.encode())


def _set_up_page(form: SecondFactorForm, status: int) -> ResponseReturnValue:
    secret = _pending()
    address = one_time_codes.address(secret, the_caller().name)
    drawn = segno.make(address, error="m", micro=False).svg_inline(
        border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None, title="QR code for your app"
    )
    by_hand = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    page = render_template("accounts/second_factor.html", form=form, picture=Markup(drawn), by_hand=by_hand)  # noqa: S704 - segno's own, of an address whose name and secret it draws as squares
    return page, status


def _note(rows: Session, action: str, caller: Caller) -> None:
    subject = f"account {caller.name}"
    audit.append(rows, actor=caller.name, action=action, subject=subject, now=console().clock())
