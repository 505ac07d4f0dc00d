"""Calls between an agent's browser and a customer's, with the authenticator app of the customer."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from console_factories import NOON, PASSWORD, Turned, a_console, form_token, logged_in, parts_of
from fraud_detect.console import one_time_codes
from fraud_detect.console.calls import records, states
from fraud_detect.console.calls.codes import Side
from fraud_detect.console.calls.people import Seat
from fraud_detect.console.calls.states import Call
from fraud_detect.console.storage.tables import AuditEntry, Role

AGENT, CUSTOMER, STRANGER = Seat(1, "agent's key"), Seat(2, "customer's key"), Seat(3, "another key")
SECRETS = {Side.BANK: "BANKBANKBANKBANKBANKBANKBANKBANK", Side.CUSTOMER: "CUSTOMERCUSTOMERCUSTOMERCUSTOMER"}
STEP = timedelta(seconds=30)
_DIGITS = re.compile(r"data-code[^>]*>(\d{3}) (\d{3})<")
_SECRET = re.compile(r'class="call-secret"[^>]*>([A-Z2-7 ]+)<')
_TOKEN = re.compile(r"calls/([\w-]{43})")


def code(side: Side, now: datetime = NOON) -> str:
    """Return the code of `side` in a call of `SECRETS`."""
    return one_time_codes.code_at(SECRETS[side], one_time_codes.step_at(now))


def wrong_code(*right: str) -> str:
    """Return six digits that are none of `right`."""
    return next(tried for tried in ("000000", "111111", "222222", "333333", "444444") if tried not in right)


def a_call(**overrides: Any) -> Call:
    """Return a call that was just opened."""
    return Call(**{"token": "t", "agent": AGENT, "opened_at": NOON, **overrides})


def a_joined_call() -> Call:
    """Return a call that waits for the bank's code."""
    return states.joined(a_call(), CUSTOMER, now=NOON)


def enter(call: Call, side: Side, given: str, *, now: datetime = NOON, seat: Seat | None = None) -> Any:
    """Return the call and the outcome after `given` was entered opposite of `side`, or by `seat`."""
    opposite = CUSTOMER if side is Side.BANK else AGENT
    return states.entered(call, side, given, seat=seat or opposite, secrets=SECRETS, now=now)


def a_call_that_knows_the_bank() -> Call:
    """Return a call that waits for the customer's code."""
    return enter(a_joined_call(), Side.BANK, code(Side.BANK))[0]


def a_verified_call() -> Call:
    """Return a call in which both have proven themselves."""
    return enter(a_call_that_knows_the_bank(), Side.CUSTOMER, code(Side.CUSTOMER))[0]


@dataclass
class Desk:
    """A console with one agent's browser, one customer's, and the customer's app, once it is set up."""

    app: Flask
    clock: Turned
    agent: FlaskClient
    customer: FlaskClient
    secret: str = ""
    token: str = ""

    def app_code(self, steps: int = 0) -> str:
        """Return what the customer's app shows, or would so many steps later."""
        return one_time_codes.code_at(self.secret, one_time_codes.step_at(self.clock.now) + steps)

    def set_up(self) -> None:
        """Set the customer's app up."""
        send(self.customer, "/enrolment/begin", page="/enrolment", password=PASSWORD)
        self.secret = shown_secret(self.customer)
        answer = send(self.customer, "/enrolment/confirm", page="/enrolment", code=self.app_code())
        assert "is set up" in self.customer.get(answer.location).text
        self.clock.turn(seconds=30)

    def open(self) -> None:
        """Open a call with the customer."""
        answer = send(self.agent, "/calls/open", page="/calls/", customer="eve")
        assert answer.status_code == 302, answer.text
        self.token = token_in(answer.location)

    def join(self) -> None:
        """Let the customer's browser join."""
        answer = self.enter(self.customer, "join", self.app_code())
        assert "said" not in answer.location

    def verify_bank(self) -> None:
        """Let the customer enter the bank's code."""
        answer = self.enter(self.customer, "code", shown_code(self.agent.get(self.agents)))
        assert "said" not in answer.location

    def verify_customer(self) -> None:
        """Let the agent enter the customer's code."""
        answer = self.enter(self.agent, "code", shown_code(self.customer.get(self.customers)))
        assert "said" not in answer.location

    def enter(self, client: FlaskClient, where: str, given: str) -> Any:
        """Enter a code in one end's page."""
        end = self.agents if client is self.agent else self.customers
        return send(client, f"{end}/{where}", page="/", code=given)

    @property
    def agents(self) -> str:
        """The address of the agent's page."""
        return f"/calls/{self.token}"

    @property
    def customers(self) -> str:
        """The address of the customer's page."""
        return f"/my-calls/{self.token}"

    def state(self) -> str:
        """Return the call's state, as it is kept."""
        with parts_of(self.app).database.reading() as rows:
            row = records.found(rows, self.token)
        assert row is not None
        return row.state

    def attempts(self, action: str = "call code") -> list[str]:
        """Return the details of the audit log's lines of `action`."""
        lines = select(AuditEntry.detail).where(AuditEntry.action == action).order_by(AuditEntry.id)
        with parts_of(self.app).database.reading() as rows:
            return list(rows.scalars(lines))


def a_desk(root: Path, **overrides: Any) -> Desk:
    """Return a console with an agent and the customer `eve`, whose account has the same name."""
    clock = Turned()
    app = a_console(root, clock=clock, **overrides)
    return Desk(app, clock, logged_in(app, Role.AGENT), logged_in(app, Role.CUSTOMER, name="eve"))


def a_desk_with_a_call(root: Path, **overrides: Any) -> Desk:
    """Return one on which the agent has just opened a call with the customer."""
    desk = a_desk(root, **overrides)
    desk.set_up()
    desk.open()
    return desk


def a_desk_with_a_joined_call(root: Path, **overrides: Any) -> Desk:
    """Return one on which the customer has joined."""
    desk = a_desk_with_a_call(root, **overrides)
    desk.join()
    return desk


def send(client: FlaskClient, path: str, *, page: str, **fields: Any) -> Any:
    """Send a form as `page` would: any page of the session has its token."""
    return client.post(path, data={"csrf_token": token_of(client, page), **fields})


def token_of(client: FlaskClient, page: str) -> str:
    """Return the form token of the browser's session."""
    text = client.get(page, follow_redirects=True).text
    found = re.search(r'name="csrf-token" content="([^"]+)"', text)
    assert found is not None, text
    return found.group(1)


def again_logged_in(app: Flask, name: str) -> FlaskClient:
    """Return another browser, logged in to the account `name`."""
    client = app.test_client()
    fields = {"csrf_token": form_token(client), "name": name, "password": PASSWORD}
    assert client.post("/log-in", data=fields).status_code == 302
    return client


def shown_code(answer: Any) -> str:
    """Return the code that a page shows."""
    found = _DIGITS.search(answer.text)
    assert found is not None, answer.text
    return "".join(found.groups())


def shows_a_code(answer: Any) -> bool:
    """Return whether a page shows a code."""
    return _DIGITS.search(answer.text) is not None


def shown_secret(client: FlaskClient) -> str:
    """Return the secret that the page of the authenticator shows as text."""
    found = _SECRET.search(html.unescape(client.get("/enrolment").text))
    assert found is not None
    return found.group(1).replace(" ", "")


def token_in(address: str) -> str:
    """Return the token of the call at `address`."""
    found = _TOKEN.search(address)
    assert found is not None, address
    return found.group(1)
