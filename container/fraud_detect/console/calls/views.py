"""Calls, at the agent's end.

Knows Flask, the records of calls, cases. Never knows what customers see.
"""

from __future__ import annotations

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from fraud_detect.console.calls import enrolment, records
from fraud_detect.console.calls.codes import Side
from fraud_detect.console.calls.pages import (
    ENTRIES_A_MINUTE,
    LOOKS_A_MINUTE,
    Look,
    by_session,
    code_form,
    end_call,
    entered,
    give_key,
    live,
    looked,
    new_key,
    person,
    seat,
)
from fraud_detect.console.context import console
from fraud_detect.console.limits import limiter
from fraud_detect.console.row_numbers import row_number
from fraud_detect.console.storage.tables import Case
from fraud_detect.errors import UserError

blueprint = Blueprint("calls", __name__, url_prefix="/calls")
LONGEST_CUSTOMER, HIGHEST_CASE = 128, 2**31 - 1


@blueprint.get("/")
def listed() -> ResponseReturnValue:
    """Show the agent's calls, and the form that opens one."""
    here, now = console(), console().clock()
    with here.database.reading() as rows:
        found = records.of_agent(rows, person().user_id)
        calls = [(row, records.seen(rows, row, now)) for row in found]
    return render_template("calls/listed.html", calls=calls, here=person().session_id)


@blueprint.route("/open", methods=["GET", "POST"])
@limiter.limit(ENTRIES_A_MINUTE, methods=["POST"], key_func=by_session)
def open() -> ResponseReturnValue:  # noqa: A001 - the name of the page
    """Ask whether to open a call for a case or a customer, or open it."""
    here, now = console(), console().clock()
    case_id = request.values.get("case", type=row_number)
    if request.method == "GET":
        with here.database.reading() as rows:
            customer, case = _wanted(rows, case_id)
            secret = enrolment.found(rows, customer)
        return render_template("calls/open.html", customer=customer, case=case, secret=secret, now=now, fault=None)
    key = new_key()
    try:
        with here.database.writing() as rows:
            customer, case = _wanted(rows, case_id)
            token = records.opened(rows, customer, case_id=case_id, agent=person(), key=key, now=now)
    except records.CallError as error:
        return render_template("calls/open.html", customer=customer, case=case, secret=None, now=now, fault=error), 409
    address = url_for("calls.call", token=token)
    return give_key(make_response(redirect(address)), key, address)


def _wanted(rows: Session, case_id: int | None) -> tuple[str, Case | None]:
    """Return whom to call, and about which case."""
    if "case" not in request.values:
        return _named(request.values.get("customer", "").strip()), None
    case = None if case_id is None or not 0 < case_id <= HIGHEST_CASE else rows.get(Case, case_id)
    if case is None:
        abort(404, "There is no such case.")
    if not case.customer:
        raise UserError(
            "The case names no customer",
            expected="a case of a transaction that says whose it is",
            remedy="Enter the customer under Calls.",
        )
    return case.customer, case


def _named(customer: str) -> str:
    """Return the customer's name, if it can be one."""
    if not 0 < len(customer) <= LONGEST_CUSTOMER or not customer.isprintable():
        raise UserError(
            f"The customer's name has {len(customer)} characters, or such as cannot be printed",
            expected=f"1 to {LONGEST_CUSTOMER} characters, as transactions name the customer",
            remedy="Enter it again under Calls.",
        )
    return customer


@blueprint.get("/<token>")
def call(token: str) -> ResponseReturnValue:
    """Show the call to the one browser that opened it."""
    look = _mine(token)
    return render_template("calls/call.html", look=look, **_context(look))


@blueprint.get("/<token>/state")
@limiter.limit(LOOKS_A_MINUTE, key_func=by_session)
def state(token: str) -> ResponseReturnValue:
    """Give the part of the page that changes."""
    look = _mine(token)
    return live("calls/call_live.html", look, **_context(look))


@blueprint.post("/<token>/code")
@limiter.limit(ENTRIES_A_MINUTE, key_func=by_session)
def enter(token: str) -> ResponseReturnValue:
    """Take the customer's code."""
    return redirect(url_for("calls.call", token=token, said=entered(token, Side.CUSTOMER)))


@blueprint.post("/<token>/end")
def end(token: str) -> ResponseReturnValue:
    """End a call of this agent's."""
    end_call(token)
    return redirect(url_for("calls.listed"))


@blueprint.post("/reset")
@limiter.limit(ENTRIES_A_MINUTE, key_func=by_session)
def reset() -> ResponseReturnValue:
    """Take a customer's authenticator away, for one that was lost."""
    here, customer = console(), _named(request.form.get("customer", "").strip())
    with here.database.writing() as rows:
        there = records.reset(rows, customer, by=person(), now=here.clock())
    flash(f"The authenticator of {customer} is reset." if there else f"{customer} has no authenticator.")
    return redirect(url_for("calls.listed"))


def _mine(token: str) -> Look:
    look = looked(token)
    if look is None or look.call.agent != seat():
        abort(404, "There is no such call, or it was opened in another browser.")
    return look


def _context(look: Look) -> dict[str, object]:
    here = console()
    with here.database.reading() as rows:
        case = None if look.row.case_id is None else rows.get(Case, look.row.case_id)
        secret = enrolment.found(rows, look.row.customer)
    fresh = secret is not None and enrolment.fresh(secret, look.now)
    locked = secret is not None and enrolment.locked(secret, look.now)
    return {"case": case, "fresh": fresh, "locked": locked, "form": code_form("The customer's code")}
