"""Tokens of programs, for administrators.

Knows Flask, tokens. Never knows what programs do.
"""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fraud_detect.console.access import the_caller
from fraud_detect.console.accounts import tokens
from fraud_detect.console.accounts.forms import TokenForm
from fraud_detect.console.accounts.tokens import TokenError
from fraud_detect.console.context import console
from fraud_detect.console.storage.tables import User

blueprint = Blueprint("tokens", __name__, url_prefix="/tokens")


@blueprint.route("", methods=["GET", "POST"])
def listed() -> ResponseReturnValue:
    """List all tokens, or make one, which is shown once."""
    here, caller, form = console(), the_caller(), TokenForm()
    if not form.validate_on_submit():
        return _page(form), 200 if request.method == "GET" else 400
    try:
        with here.database.writing() as rows:
            maker = rows.get_one(User, caller.user_id)
            token = tokens.made(rows, name=form.name.data.strip(), by=maker, actor=caller.name, now=here.clock())
    except TokenError as error:
        form.name.errors = [str(error)]
        return _page(form), 400
    return render_template("accounts/new_token.html", name=form.name.data.strip(), token=token)


@blueprint.post("/<int:number>/revoke")
def revoke(number: int) -> ResponseReturnValue:
    """Let a token work no more."""
    here = console()
    with here.database.writing() as rows:
        tokens.revoke(rows, number, actor=the_caller().name, now=here.clock())
    flash("The token is revoked: whoever shows it is refused.")
    return redirect(url_for("tokens.listed"))


def _page(form: TokenForm) -> str:
    with console().database.reading() as rows:
        found = tokens.listed(rows)
    return render_template("accounts/tokens.html", form=form, tokens=found)
