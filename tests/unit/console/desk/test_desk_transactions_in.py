"""POST /api/transactions: what is answered, what is kept, what is refused."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DataError

from console_factories import SigmoidEndpoint, a_console, logged_in, parts_of
from desk_factories import TRANSACTIONS, Program, a_transaction, an_innocent_one, at_once, form_token_of
from fraud_detect.console.courtesy import THINGS_BETWEEN
from fraud_detect.console.desk.transactions import MOST_TRANSACTIONS
from fraud_detect.console.endpoint import EndpointError, RowsRefused
from fraud_detect.console.storage.tables import Case, Role


def cases(app: Any) -> list[Case]:
    with parts_of(app).database.reading() as rows:
        return [*rows.query(Case).order_by(Case.id)]


def test_an_alert_is_answered_with_its_case(tmp_path: Path) -> None:
    answer = Program(a_console(tmp_path)).send()
    assert (answer.status_code, answer.json["alert"], answer.json["state"]) == (201, True, "open")
    assert answer.json["case"] == f"/cases/{answer.json['id']}"


def test_the_expected_loss_is_probability_times_amount(tmp_path: Path) -> None:
    said = Program(a_console(tmp_path)).send().json
    assert said["expected_loss"] == pytest.approx(3.0 * said["probability"])


def test_below_the_threshold_it_is_no_alert_and_has_no_reasons(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    assert Program(app).send(an_innocent_one()).json["state"] == "passed"
    assert cases(app)[0].reasons == []


def test_work_in_the_background_hears_that_a_transaction_came(tmp_path: Path) -> None:
    app, rests = a_console(tmp_path), list[float]()
    courtesy = parts_of(app).courtesy
    list(courtesy.among(range(1_000), rests.append))
    assert rests == []
    Program(app).send()
    list(courtesy.among(range(1_000), rests.append))
    assert len(rests) == 1_000 // THINGS_BETWEEN


def test_an_alert_is_kept_with_its_reasons(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    Program(app).send()
    assert [reason["feature"] for reason in cases(app)[0].reasons] == ["amount"]


def test_what_the_model_does_not_know_is_kept_and_not_sent(tmp_path: Path) -> None:
    endpoint = SigmoidEndpoint()
    app = a_console(tmp_path, endpoint=endpoint)
    Program(app).send(shop="9", occurred_at="2026-06-01T10:00:00+02:00")
    assert dict(endpoint.seen[0]) == {"amount": 3.0, "hour": 12.0}
    assert (cases(app)[0].context, str(cases(app)[0].occurred_at)) == ({"shop": "9"}, "2026-06-01 08:00:00+00:00")


@pytest.mark.parametrize(
    ("said", "read"),
    [("1899-12-31T23:59:59Z", None), ("1900-01-01", "1900-01-01 00:00:00+00:00"), ("9999-12-31", None)],
    ids=["before", "first", "after"],
)
def test_a_time_far_away_in_the_models_own_column_is_kept_as_text(tmp_path: Path, said: str, read: str | None) -> None:
    app = a_console(tmp_path, artifact={"hyperparameters": {"time_column": "AT"}})
    Program(app).send(AT=said)
    (case,) = cases(app)
    assert (case.context["AT"], case.occurred_at and str(case.occurred_at)) == (said, read)


def test_the_models_own_columns_name_customer_amount_and_time(tmp_path: Path) -> None:
    named = {"card_column": "CARD", "amount_column": "amount", "time_column": "AT"}
    app = a_console(tmp_path, artifact={"hyperparameters": named})
    Program(app).send({"amount": 3.0, "hour": 1.0, "CARD": 12, "AT": "2026-06-01 10:00:00"})
    (case,) = cases(app)
    assert (case.customer, case.amount, str(case.occurred_at)) == ("12", 3.0, "2026-06-01 10:00:00+00:00")


def test_the_same_id_again_is_the_same_case(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    program = Program(app)
    first, again = program.send(id="a-1"), program.send(id="a-1")
    assert (again.status_code, again.json) == (200, first.json)
    assert len(cases(app)) == 1


def test_the_same_id_with_other_content_is_a_conflict(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    program = Program(app)
    program.send(id="a-1")
    assert (program.send(id="a-1", hour=13.0).status_code, len(cases(app))) == (409, 1)


def test_an_id_twice_in_one_request_is_one_case(tmp_path: Path) -> None:
    one = a_transaction(id="a-1")
    said = Program(a_console(tmp_path)).send({"transactions": [one, a_transaction(), one]}).json["transactions"]
    assert [case["id"] for case in said] == [1, 2, 1]


def test_many_are_answered_in_their_order(tmp_path: Path) -> None:
    rows = [a_transaction(amount=float(amount)) for amount in (-1, 4, -2, 5)]
    said = Program(a_console(tmp_path)).send({"transactions": rows}).json["transactions"]
    assert [case["alert"] for case in said] == [False, True, False, True]


def test_nothing_is_kept_while_the_endpoint_is_down(tmp_path: Path) -> None:
    fault = EndpointError("The endpoint does not answer", expected="a server", remedy="Start it.")
    app = a_console(tmp_path, endpoint=SigmoidEndpoint(fault=fault))
    answer = Program(app).send()
    assert (answer.status_code, answer.headers["Retry-After"], cases(app)) == (503, "2", [])


def test_a_row_that_does_not_fit_the_model_takes_no_turn_at_the_endpoint(tmp_path: Path) -> None:
    endpoint = SigmoidEndpoint()
    program = Program(a_console(tmp_path, endpoint=endpoint))
    assert (program.send(hour="late").status_code, endpoint.seen) == (400, [])


def test_a_row_that_the_model_refuses_is_named(tmp_path: Path) -> None:
    fault = RowsRefused("Row 1, column 'hour': got 'x'", expected="a number", remedy="Correct it.")
    answer = Program(a_console(tmp_path, endpoint=SigmoidEndpoint(fault=fault))).send()
    assert (answer.status_code, "Row 1, column 'hour'" in answer.json["message"]) == (400, True)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ([], "list"),
        ("text", "text"),
        ({"transactions": []}, "0 rows"),
        ({"transactions": [1]}, "Row 1"),
        ({"transactions": [{}], "id": "x"}, "beside"),
        ({"transactions": [a_transaction()] * (MOST_TRANSACTIONS + 1)}, "1001 rows"),
        ({"transactions": [a_transaction(), a_transaction(amount=[1])]}, "Row 2, column 'amount'"),
        (a_transaction(customer={"a": 1}), "column 'customer'"),
        (a_transaction(customer="x" * 129), "column 'customer'"),
        (a_transaction(id=True), "column 'id'"),
        (a_transaction(id="a\0b"), "column 'id'"),
        (a_transaction(occurred_at="yesterday"), "column 'occurred_at'"),
        (a_transaction(occurred_at="0001-01-01T00:00:00+14:00"), "column 'occurred_at'"),
        (a_transaction(occurred_at="9999-12-31T23:59:59Z"), "ISO 8601, of the years 1900 to 9998"),
        (a_transaction(amount="much"), "column 'amount'"),
        (a_transaction(note="x" * 9000), "beside the model's features"),
        (a_transaction(note=json.loads("[" * 300 + "]" * 300)), "too deep to keep"),
        (a_transaction(hour="0" * 1001), "column 'hour'"),
        ({"transactions": [a_transaction(), a_transaction(hour="late")]}, "Row 2, column 'hour': got 'late'"),
        ({"transactions": [a_transaction(), {"amount": 3.0}]}, "Row 2, column 'hour': got nothing"),
        (a_transaction(hour=None), "Row 1, column 'hour': got a missing value"),
        (a_transaction(hour=1e39), "Row 1, column 'hour': got 1e+39"),
    ],
    ids=lambda value: value if isinstance(value, str) else "body",
)
def test_what_is_no_transaction_is_refused(tmp_path: Path, body: Any, named: str) -> None:
    app = a_console(tmp_path)
    answer = Program(app).send(body)
    assert (answer.status_code, named in answer.json["message"], cases(app)) == (400, True, [])


def test_a_body_that_is_no_json_is_refused(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    headers = {"Authorization": f"Bearer {Program(app).token}"}
    assert app.test_client().post(TRANSACTIONS, data="{", headers=headers).status_code == 400


def test_a_value_deeper_than_python_recurses_is_named_by_its_kind(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    headers = {"Authorization": f"Bearer {Program(app).token}"}
    answer = app.test_client().post(TRANSACTIONS, data='{"id": ' + "[" * 1000 + "]" * 1000 + "}", headers=headers)
    assert (answer.status_code, "column 'id': got JSON's list" in answer.json["message"]) == (400, True)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RowsRefused("Row 1, column 'hour': got 3", expected="another hour", remedy="Correct it."), 400),
        (EndpointError("It answered 500", expected="200", remedy="Its log says more."), 503),
        (DataError("INSERT", {}, ValueError("no such number")), 400),
        (ZeroDivisionError("a bug"), 500),
    ],
    ids=["refused", "endpoint", "database", "bug"],
)
def test_one_bad_request_does_not_spoil_those_that_wait_with_it(tmp_path: Path, error: Exception, status: int) -> None:
    app = a_console(tmp_path, endpoint=_Picky(fault_at_3=error))
    programs = [Program(app, f"shop{number}") for number in range(6)]
    statuses = at_once([lambda p=p, n=n: p.send(hour=float(n)).status_code for n, p in enumerate(programs)])
    assert sorted(statuses) == [201, 201, 201, 201, 201, status]


@dataclass
class _Picky(SigmoidEndpoint):
    """Fails at a row whose hour is 3, and is slow, so that requests wait together."""

    fault_at_3: Exception = field(default_factory=Exception)

    def score(self, rows: Any, *, reasons: int = 0) -> Any:
        threading.Event().wait(0.05)
        if any(row["hour"] == 3.0 for row in rows):
            raise self.fault_at_3
        return super().score(rows, reasons=reasons)


def test_an_id_that_many_send_at_once_is_one_case(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    programs = [Program(app, f"shop{number}") for number in range(8)]
    numbers = at_once([lambda p=p: p.send(id="same").json["id"] for p in programs])
    assert (set(numbers), len(cases(app))) == ({1}, 1)


def test_an_analyst_sends_with_the_form_token_of_the_session(tmp_path: Path) -> None:
    client = logged_in(a_console(tmp_path))
    assert client.post(TRANSACTIONS, json=a_transaction()).status_code == 400
    headers = {"X-CSRFToken": form_token_of(client)}
    assert client.post(TRANSACTIONS, json=a_transaction(), headers=headers).status_code == 201


@pytest.mark.parametrize("role", [Role.AGENT, Role.CUSTOMER], ids=str)
def test_agents_and_customers_send_nothing(tmp_path: Path, role: Role) -> None:
    client = logged_in(a_console(tmp_path), role)
    assert client.post(TRANSACTIONS, json=a_transaction()).status_code == 403


def test_the_label_is_neither_sent_nor_kept(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    label = parts_of(app).manifest.table_schema.label or ""
    Program(app).send(**{label: 1})
    assert label
    assert cases(app)[0].context == {}


def test_an_id_that_two_consoles_take_at_once_is_one_case(tmp_path: Path) -> None:
    apps = [a_console(tmp_path), a_console(tmp_path)]
    programs = [Program(app, f"shop{number}") for number, app in enumerate(apps * 3)]
    calls = [lambda n=n, program=program: program.send(id=f"same-{n % 2}") for n, program in enumerate(programs)]
    assert {answer.status_code for answer in at_once(calls)} <= {200, 201}
    assert sorted(str(case.key) for case in cases(apps[0])) == ["same-0", "same-1"]
