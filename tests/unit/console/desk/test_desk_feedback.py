"""Labels: which decisions become one, and in which form."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from console_factories import a_console, logged_in
from desk_factories import Program, a_transaction, decided
from fraud_detect.console.storage.tables import Role


def labels(client: Any, query: str = "") -> list[dict[str, str]]:
    return [*csv.DictReader(client.get(f"/desk/feedback.csv{query}").text.splitlines())]


def test_confirmed_is_positive_cleared_negative_and_the_rest_is_left_out(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    Program(app).send({"transactions": [a_transaction(amount=float(amount)) for amount in (1, 2, 3, 4)]})
    client = logged_in(app)
    for number, state in ((1, "confirmed"), (2, "cleared"), (3, "escalated")):
        decided(client, number, state)
    assert [(row["amount"], row["is_fraud"]) for row in labels(client)] == [("1.0", "1"), ("2.0", "0")]


def test_the_last_decision_counts(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    Program(app).send()
    client = logged_in(app)
    first = decided(client, 1, "confirmed").json["id"]
    decided(client, 1, "cleared", seen=first)
    assert [row["is_fraud"] for row in labels(client)] == ["0"]


def test_labels_are_written_as_the_model_has_them(tmp_path: Path) -> None:
    app = a_console(tmp_path, artifact={"labels": {"negative": "ok", "positive": "fraud"}})
    Program(app).send()
    client = logged_in(app)
    decided(client, 1, "confirmed")
    assert [row["is_fraud"] for row in labels(client)] == ["fraud"]


def test_who_and_when_are_there_if_asked_for(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    Program(app).send()
    client = logged_in(app, name="ada")
    decided(client, 1, "confirmed")
    (row,) = labels(client, "?extras=1")
    assert (row["decided_by"], row["decided_at"], row["case"]) == ("ada", "2026-06-01T12:00:00+00:00", "1")
    assert set(labels(client)[0]) == {"amount", "hour", "is_fraud"}


def test_text_with_commas_and_quotes_stays_one_cell(tmp_path: Path) -> None:
    app = a_console(tmp_path, artifact={"schema": _with_a_shop()})
    Program(app).send(shop='a, "b"\nc')
    client = logged_in(app)
    decided(client, 1, "confirmed")
    text = client.get("/desk/feedback.csv").text
    assert [*csv.reader(text.splitlines(keepends=True))][1] == ['a, "b"\nc', "3.0", "12.0", "1"]


def _with_a_shop() -> Any:
    from factories import a_schema

    return a_schema().model_copy(update={"ignored": ("shop",)})


@pytest.mark.parametrize("role", [Role.AGENT, Role.CUSTOMER], ids=str)
def test_agents_and_customers_get_no_labels(tmp_path: Path, role: Role) -> None:
    assert logged_in(a_console(tmp_path), role).get("/desk/feedback.csv").status_code == 403
