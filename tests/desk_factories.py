"""Transactions for a desk over the small model of `console_factories`, and programs that send them."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from console_factories import PASSWORD, parts_of
from fraud_detect.console.accounts import users
from fraud_detect.console.keys import fingerprint
from fraud_detect.console.settings import utc_now
from fraud_detect.console.storage.database import Database
from fraud_detect.console.storage.tables import ApiToken, Role

TRANSACTIONS = "/api/transactions"


def a_transaction(**overrides: Any) -> dict[str, Any]:
    """Return an alert of the customer 4711: the model's `amount` is 3, which is 0.95 as a probability."""
    return {"amount": 3.0, "hour": 12.0, "customer": "4711", **overrides}


def an_innocent_one(**overrides: Any) -> dict[str, Any]:
    """Return a transaction that is no alert."""
    return a_transaction(amount=-3.0, **overrides)


def a_token(app: Flask, name: str = "shop") -> str:
    """Return an API token of a new program."""
    return a_token_in(parts_of(app).database, name)


def a_token_in(database: Database, name: str) -> str:
    """Return an API token of a new program, made by an account named after it."""
    token, owner = secrets.token_urlsafe(24), f"owner-of-{name}"
    with database.writing() as rows:
        made = users.created(rows, name=owner, password=PASSWORD, role=Role.ADMIN, now=utc_now(), by="test")
        rows.add(ApiToken(name=name, token_hash=fingerprint(token), created_at=utc_now(), created_by=made.id))
    return token


class Program:
    """Sends transactions with a token."""

    def __init__(self, app: Flask, name: str = "shop") -> None:
        self.token, self._client = a_token(app, name), app.test_client()

    def send(self, body: Any = None, **overrides: Any) -> Any:
        """Return the answer to a body, or to one alert."""
        sent = a_transaction(**overrides) if body is None else body
        return self._client.post(TRANSACTIONS, json=sent, headers={"Authorization": f"Bearer {self.token}"})


def a_case(app: Flask, **overrides: Any) -> int:
    """File a transaction and return the number of its case."""
    answer = Program(app, name=f"shop{secrets.token_hex(4)}").send(**overrides)
    assert answer.status_code == 201, answer.text
    number: int = answer.json["id"]
    return number


def form_token_of(client: FlaskClient) -> str:
    """Return what JSON requests of a browser carry as X-CSRFToken."""
    return client.get("/desk").text.partition('name="csrf-token" content="')[2].partition('"')[0]


def decided(client: FlaskClient, number: int, state: str, *, seen: int = 0) -> Any:
    """Return the answer to a decision by the API."""
    headers = {"X-CSRFToken": form_token_of(client)}
    return client.post(f"/api/cases/{number}/decision", json={"state": state, "seen": seen}, headers=headers)


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Return what the calls return, each made by a thread of its own."""
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda call=call: answers.append(call())) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
