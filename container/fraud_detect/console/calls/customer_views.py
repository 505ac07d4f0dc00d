"""Calls and the authenticator, at the customer's end.

Knows Flask, the records of calls, enrolment. Never knows cases beyond the amount and time of one.
"""

from __future__ import annotations

import segno
from flask import Blueprint, abort, flash, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from fraud_detect.console import one_time_codes
from fraud_detect.console.access import the_caller
from fraud_detect.console.accounts import passwords, proof
from fraud_detect.console.calls import enrolment, records
from fraud_detect.console.calls.codes import Outcome, Side
from fraud_detect.console.calls.pages import (
    ENTRIES_A_MINUTE,
    LOOKS_A_MINUTE,
    Look,
    browser_key,
    by_session,
    code_form,
    end_call,
    entered,
    give_key,
    keys,
    live,
    looked,
    new_key,
    person,
    seat,
    typed_code,
)
from fraud_detect.console.calls.states import State
from fraud_detect.console.context import console
from fraud_detect.console.limits import limiter
from fraud_detect.console.storage.tables import Case, User

blueprint = Blueprint("my_calls", __name__)
QR_SCALE = 5


def _customer() -> str:
    customer = the_caller().customer
    if customer is None:
        abort(403)
    return customer


@blueprint.get("/my-calls")
def listed() -> ResponseReturnValue:
    """Show whether a call waits for the customer, and those before."""
    return render_template("calls/my_listed.html", **_calls())


@blueprint.get("/my-calls/waiting")
@limiter.limit(LOOKS_A_MINUTE, key_func=by_session)
def waiting() -> ResponseReturnValue:
    """Give the part of the list that changes."""
    found = _calls()
    return jsonify(version=found["calls_version"], html=render_template("calls/my_listed_live.html", **found))


def _calls() -> dict[str, object]:
    here, now = console(), console().clock()
    with here.database.reading() as rows:
        found = records.of_customer(rows, _customer())
        secret = enrolment.found(rows, _customer())
        calls = [(row, records.seen(rows, row, now)) for row in found]
    open_ones = [(row, call) for row, call in calls if call.goes_on]
    version = " ".join(f"{row.id} {call.state}" for row, call in open_ones)
    ready = secret is not None and secret.confirmed_at is not None
    here_now = person().session_id
    return {"open_ones": open_ones, "calls": calls, "calls_version": version, "ready": ready, "here": here_now}


@blueprint.get("/my-calls/<token>")
def call(token: str) -> ResponseReturnValue:
    """Show the call to the browser that joined it; to any of the customer's before that, to join it."""
    look = _mine(token)
    return render_template("calls/my_call.html", look=look, **_context(look))


@blueprint.get("/my-calls/<token>/state")
@limiter.limit(LOOKS_A_MINUTE, key_func=by_session)
def state(token: str) -> ResponseReturnValue:
    """Give the part of the page that changes."""
    look = _mine(token)
    return live("calls/my_call_live.html", look, **_context(look))


@blueprint.post("/my-calls/<token>/join")
@limiter.limit(ENTRIES_A_MINUTE, key_func=by_session)
def join(token: str) -> ResponseReturnValue:
    """Take a code of the customer's app, and let this browser in."""
    code, address = typed_code(), url_for("my_calls.call", token=token)
    if code is None:
        return redirect(url_for("my_calls.call", token=token, said="no code"))
    here, key = console(), new_key()
    with here.database.writing() as rows:
        outcome = records.joined(rows, token, code, person=person(), key=key, keys=keys(), now=here.clock())
    if outcome is Outcome.FOREIGN:
        abort(404)
    if outcome is not Outcome.RIGHT:
        return redirect(url_for("my_calls.call", token=token, said=outcome))
    return give_key(make_response(redirect(address)), key, address)


@blueprint.post("/my-calls/<token>/code")
@limiter.limit(ENTRIES_A_MINUTE, key_func=by_session)
def enter(token: str) -> ResponseReturnValue:
    """Take the bank's code."""
    return redirect(url_for("my_calls.call", token=token, said=entered(token, Side.BANK)))


@blueprint.post("/my-calls/<token>/end")
def end(token: str) -> ResponseReturnValue:
    """End a call of this customer's, also from a browser that did not join it."""
    end_call(token)
    return redirect(url_for("my_calls.listed"))


def _mine(token: str) -> Look:
    look = looked(token)
    may_look = look is not None and look.row.customer == _customer()
    if look is None or not may_look or look.call.customer not in (None, seat()):
        abort(404, "There is no such call, or it was joined in another browser.")
    return look


def _context(look: Look) -> dict[str, object]:
    here, joined = console(), look.call.customer is not None
    with here.database.reading() as rows:
        case = rows.get(Case, look.row.case_id) if joined and look.row.case_id is not None else None
        agent = rows.get_one(User, look.row.agent_id).name
    words = "Code of your authenticator app" if look.call.state is State.OPEN else "The bank's code"
    return {"case": case, "agent": agent, "form": code_form(words)}


@blueprint.get("/enrolment")
def enrolment_page() -> ResponseReturnValue:
    """Show whether an authenticator is set up, and what is needed to set one up."""
    here, me = console(), person()
    with here.database.reading() as rows:
        row = enrolment.found(rows, _customer())
    secret = enrolment.pending(row, seat=seat(), sealed=here.sealed)
    picture = None if secret is None else _picture(one_time_codes.address(secret, me.name))
    return render_template(
        "calls/enrolment.html",
        since=row.confirmed_at if row else None,
        locked=row is not None and enrolment.locked(row, here.clock()),
        secret=secret,
        picture=picture,
        form=code_form("Code that the app shows now" if secret else "Code of the authenticator that is set up now"),
        said_of_password=_PASSWORD_WRONG if request.args.get("said") == "password" else "",
    )


_PASSWORD_WRONG = "The password is wrong, or the account is locked for a while."  # noqa: S105 - not one


def _picture(address: str) -> str:
    """Return the QR code as an address that is the picture itself; dark on light, which some cameras need."""
    made: str = segno.make(address, error="m", micro=False).svg_data_uri(scale=QR_SCALE, dark="#000", light="#fff")
    return made


@blueprint.post("/enrolment/begin")
@limiter.limit(ENTRIES_A_MINUTE, key_func=by_session)
def begin() -> ResponseReturnValue:
    """Make a new secret for who knows the password, and has the authenticator of before where there is one."""
    address, key = url_for("my_calls.enrolment_page"), new_key()
    said = _begun(request.form.get("password", "")[: passwords.LONGEST], key)
    if said is not None:
        return redirect(url_for("my_calls.enrolment_page", said=said))
    return give_key(make_response(redirect(address)), key, address)


def _begun(password: str, key: str) -> str | None:
    """Return None if a secret is made for the browser that gets `key`; else what was wrong."""
    here, now, me, customer = console(), console().clock(), person(), _customer()

    def if_permitted(rows: Session, _: User) -> tuple[str | None]:
        said = enrolment.permitted(rows, customer, typed_code(), person=me, sealed=here.sealed, now=now)
        if said is None:
            enrolment.begun(rows, customer, person=me, key=key, sealed=here.sealed, now=now)
        return (said,)

    made = proof.by_password(here.database, me.name, password, now=now, act=if_permitted)
    if made is not None:
        return made[0]
    with here.database.writing() as rows:
        enrolment.refused(rows, customer, person=me, now=now)
    return "password"


@blueprint.post("/enrolment/confirm")
@limiter.limit(ENTRIES_A_MINUTE, key_func=by_session)
def confirm() -> ResponseReturnValue:
    """Let the new secret count once a code of it is entered."""
    here, code = console(), typed_code()
    said: str | None = "no code"
    if code is not None:
        with here.database.writing() as rows:
            said = enrolment.confirmed(
                rows, _customer(), code, person=person(), key=browser_key(), sealed=here.sealed, now=here.clock()
            )
    if said == Outcome.RIGHT:
        flash("Your authenticator is set up. Calls from the bank can be verified now.")
        said = None
    return redirect(url_for("my_calls.enrolment_page", said=said))
