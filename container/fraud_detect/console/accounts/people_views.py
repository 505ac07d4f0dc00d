"""Everybody's accounts, for administrators: made, disabled, changed.

Knows Flask, accounts. Never knows sessions' tokens, passwords that people chose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from fraud_detect.console.access import the_caller
from fraud_detect.console.accounts import passwords, users
from fraud_detect.console.accounts.forms import AccountForm, RoleForm
from fraud_detect.console.accounts.users import AccountError
from fraud_detect.console.context import console
from fraud_detect.console.storage.tables import User

blueprint = Blueprint("people", __name__, url_prefix="/accounts")


@blueprint.get("")
def listed() -> ResponseReturnValue:
    """List all accounts."""
    with console().database.reading() as rows:
        found = users.all_of_them(rows)
    return render_template("accounts/people.html", people=found, now=console().clock())


@blueprint.route("/new", methods=["GET", "POST"])
def add() -> ResponseReturnValue:
    """Make an account with a password that is shown once."""
    here, form = console(), AccountForm()
    if not form.validate_on_submit():
        return render_template("accounts/add.html", form=form), 200 if request.method == "GET" else 400
    password, (role, customer) = passwords.one_time(), form.chosen
    try:
        with here.database.writing() as rows:
            user = users.created(
                rows,
                name=form.name.data,
                password=password,
                role=role,
                customer=customer,
                now=here.clock(),
                by=the_caller().name,
                must_change_password=True,
            )
    except AccountError as error:
        form.name.errors = [str(error)]
        return render_template("accounts/add.html", form=form), 400
    return _shown_once(user, password)


@blueprint.get("/<int:number>")
def show(number: int) -> ResponseReturnValue:
    """Show an account and what can be done about it."""
    with console().database.reading() as rows:
        user = rows.get(User, number)
    if user is None:
        abort(404)
    form = RoleForm(role=user.role, customer=user.customer)
    locked = users.is_locked(user, now=console().clock())
    return render_template("accounts/person.html", user=user, form=form, locked=locked)


@blueprint.post("/<int:number>/password")
def reset_password(number: int) -> ResponseReturnValue:
    """Give an account a random password, which is shown once."""
    here, password = console(), passwords.one_time()
    with here.database.writing() as rows:
        user = _account(rows, number)
        users.reset_password(rows, user, password=password, now=here.clock(), by=the_caller().name)
    return _shown_once(user, password)


@blueprint.post("/<int:number>/role")
def give_role(number: int) -> ResponseReturnValue:
    """Change what an account may do."""
    here, form = console(), RoleForm()
    if not form.validate_on_submit():
        abort(400)
    role, customer = form.chosen
    with here.database.writing() as rows:
        user = _account(rows, number)
        users.give_role(rows, user, role, customer=customer, now=here.clock(), by=the_caller().name)
    flash(f"{user.name} has the role {role} now.")
    return redirect(url_for("people.show", number=number))


Act = Callable[..., None]
ACTS: Mapping[str, tuple[Act, str]] = {
    "disable": (users.disable, "{name} is disabled, and logged out everywhere."),
    "enable": (users.enable, "{name} can log in again."),
    "second-factor-off": (users.turn_off_second_factor, "Log-in asks {name} for no code any more."),
}
"""What can be done to an account at the press of a button, and what is said then."""


@blueprint.post("/<int:number>/<any('disable', 'enable', 'second-factor-off'):act>")
def change(number: int, act: str) -> ResponseReturnValue:
    """Disable an account, enable it, or turn off the second factor of one whose app is lost."""
    here, (do, said) = console(), ACTS[act]
    with here.database.writing() as rows:
        user = _account(rows, number)
        do(rows, user, now=here.clock(), by=the_caller().name)
    flash(said.format(name=user.name))
    return redirect(url_for("people.show", number=number))


def _account(rows: Session, number: int) -> User:
    try:
        return users.numbered(rows, number)
    except AccountError:
        abort(404)


def _shown_once(user: User, password: str) -> ResponseReturnValue:
    return render_template("accounts/one_time.html", user=user, password=password)
