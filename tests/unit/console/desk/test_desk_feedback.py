"""Labels: which decisions become one, and in which form."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from console_factories import a_console, logged_in
from desk_factories import Program, a_transaction, decided
from factories import a_category, a_number, a_schema
from fraud_detect.console.storage.tables import Role
from fraud_detect.tables.files import sources
from fraud_detect.tables.readers import CsvFile
from fraud_detect.tables.request import Roles


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


def test_training_reads_text_with_a_carriage_return_as_one_cell(tmp_path: Path) -> None:
    app = a_console(tmp_path, artifact={"schema": _with_a_shop()})
    Program(app).send(shop="x\ry")
    client = logged_in(app)
    decided(client, 1, "confirmed")
    (tmp_path / "train").mkdir()
    (tmp_path / "train/feedback.csv").write_bytes(client.get("/desk/feedback.csv").data)
    (source,) = sources(tmp_path / "train")
    roles = Roles(label="is_fraud", features=("shop", "amount", "hour"))
    (frame,) = CsvFile(source).frames(roles, frozenset({"shop"}))
    assert [*frame["f0"]] == ["x\ry"]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\rtext", "'\rtext"),
        ("-5.0", "-5.0"),
        ("Shoes", "Shoes"),
    ],
    ids=["equals", "at", "return", "number", "text"],
)
def test_text_that_the_model_does_not_read_is_no_formula(tmp_path: Path, said: str, written: str) -> None:
    app = a_console(tmp_path, artifact={"schema": _with_a_shop()})
    Program(app).send(shop=said)
    client = logged_in(app)
    decided(client, 1, "confirmed")
    assert rows_of(client)[1][0] == written


def test_a_category_that_the_model_reads_stays_as_it_is(tmp_path: Path) -> None:
    schema = a_schema(a_number("amount"), a_category("hour", ("=1+1", "noon")))
    app = a_console(tmp_path, artifact={"schema": schema})
    Program(app).send(hour="=1+1")
    client = logged_in(app)
    decided(client, 1, "confirmed")
    assert rows_of(client)[1] == ["3.0", "=1+1", "1"]


def rows_of(client: Any) -> list[list[str]]:
    return [*csv.reader(io.StringIO(client.get("/desk/feedback.csv").text, newline=""))]


def _with_a_shop() -> Any:
    return a_schema().model_copy(update={"ignored": ("shop",)})


@pytest.mark.parametrize("role", [Role.AGENT, Role.CUSTOMER], ids=str)
def test_agents_and_customers_get_no_labels(tmp_path: Path, role: Role) -> None:
    assert logged_in(a_console(tmp_path), role).get("/desk/feedback.csv").status_code == 403
