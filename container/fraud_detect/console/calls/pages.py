"""What both ends' pages share: who asks, in which browser, the answer that keeps a page up to date, limits of rate.

Knows Flask, the records of calls. Never knows which end it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import Response, abort, jsonify, render_template, request
from flask_wtf import FlaskForm
from wtforms import StringField

from fraud_detect.console.access import the_caller
from fraud_detect.console.calls import codes, records, states
from fraud_detect.console.calls.codes import Outcome, Shown, Side
from fraud_detect.console.calls.people import Person, Seat
from fraud_detect.console.calls.records import Keys
from fraud_detect.console.calls.states import Call
from fraud_detect.console.context import console
from fraud_detect.console.keys import derived
from fraud_detect.console.storage.tables import Call as Row

COOKIE = "fraud_detect_call"
"""The browser's key to one call, or to a secret that is set up: its path is that one's, so that it may have several."""
KEY_BYTES = 32
ENTRIES_A_MINUTE, LOOKS_A_MINUTE = "12 per minute", "120 per minute"

SAID: Mapping[str, str] = {
    Outcome.WRONG: "This code is wrong.",
    Outcome.LATE: "This code has run out. Enter the one that is shown now.",
    Outcome.REUSED: "This code was used before. Wait for the next one, half a minute at most.",
    Outcome.LOCKED: "Too many wrong codes: no more are taken for now.",
    Outcome.UNEXPECTED: "No code is expected here any more.",
    "no code": "Enter the 6 digits of the code.",
}
"""What is said beside the field; the page's address carries the key."""


class CodeForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """One code."""

    code = StringField("Code")


def code_form(label: str) -> CodeForm:
    """Return the field with what there is to say about the code before."""
    form = CodeForm(formdata=None)
    form.code.label.text = label
    said = SAID.get(request.args.get("said", ""))
    form.code.errors = [said] if said else []
    return form


def typed_code() -> str | None:
    """Return the code of this request's form, if it is one."""
    return codes.tidied(request.form.get("code", "")[:64])


def entered(token: str, side: Side) -> str | None:
    """Take the code of this request's form for that of `side`; return the key of `SAID`, None if it is right.

    Aborts with 404 where the call is not this browser's.
    """
    code, here = typed_code(), console()
    if code is None:
        return "no code"
    with here.database.writing() as rows:
        outcome = records.entered(
            rows, token, side, code, person=person(), key=browser_key(), keys=keys(), now=here.clock()
        )
    if outcome is Outcome.FOREIGN:
        abort(404)
    return None if outcome is Outcome.RIGHT else outcome


def end_call(token: str) -> None:
    """End a call of this person's. Aborts with 404 where it is none."""
    here = console()
    with here.database.writing() as rows:
        if not records.ended(rows, token, person=person(), now=here.clock()):
            abort(404)


def by_session() -> str:
    """Return what limits of rate count by: behind one address may sit a whole call centre."""
    return f"log-in {the_caller().session_id}"


def person() -> Person:
    """Return who sent this request; access has made sure that they are logged in."""
    caller = the_caller()
    if caller.user_id is None or caller.session_id is None:
        abort(403)
    return Person(caller.name, caller.user_id, caller.session_id, caller.customer)


def browser_key() -> str:
    """Return the key that this browser has for the matter at this address; empty if it has none."""
    return request.cookies.get(COOKIE, "")


def seat() -> Seat:
    """Return the place in the matter at this address that would be this browser's."""
    return person().seat(browser_key())


def new_key() -> str:
    """Return a key for a browser that comes into a call."""
    return secrets.token_urlsafe(KEY_BYTES)


def give_key(answer: Response, key: str, path: str) -> Response:
    """Give the browser its key, for the addresses under `path`."""
    secure = console().settings.behind_https
    answer.set_cookie(COOKIE, key, path=path, httponly=True, samesite="Strict", secure=secure)
    return answer


def keys() -> Keys:
    """Return the console's keys for calls."""
    here = console()
    return Keys(here.sealed, derived(here.settings.secret_key, codes.PURPOSE))


@dataclass(frozen=True)
class Look:
    """A call as one end may see it at `now`."""

    row: Row
    call: Call
    shown: Shown | None
    now: datetime

    @property
    def version(self) -> str:
        """What changes when the page has to."""
        tries = (states.proof_of(self.call, side).tries for side in codes.Side)
        return " ".join([self.call.state, *map(str, tries)])


def looked(token: str) -> Look | None:
    """Return the call `token`, with a code only if it is shown in this browser."""
    here, now = console(), console().clock()
    with here.database.reading() as rows:
        row = records.found(rows, token)
        if row is None:
            return None
        call = records.seen(rows, row, now)
        secrets_of = records.looked_up_secrets(rows, row, keys()) if call.state in states.TURNS else {}
    return Look(row, call, states.shown(call, seat(), secrets_of, now=now) if secrets_of else None, now)


def live(template: str, look: Look, **context: object) -> Response:
    """Return what a page needs to be up to date: its part that changes, and the code."""
    shown = look.shown
    return jsonify(
        version=look.version,
        html=render_template(template, look=look, **context),
        code=shown.code if shown else None,
        seconds_left=shown.seconds_left if shown else None,
        over=not look.call.goes_on,
    )
