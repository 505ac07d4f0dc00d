"""Programs score rows: answers, what is refused, and where the fault is."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from console_factories import SigmoidEndpoint, a_console, form_token, logged_in
from factories import a_number, a_schema
from fraud_detect.console.endpoint import EndpointError, RowsRefused, Unreachable
from fraud_detect.console.score.api import MOST_ROWS
from fraud_detect.console.storage.tables import Role

ROW = {"amount": 2.0, "hour": 3}
SAID = {"expected": "x", "remedy": "Mend http://10.0.0.1."}


def asked(client: FlaskClient, question: Any = None, **more: Any) -> Any:
    """Return the answer to a question as a browser's script sends it."""
    sent = {"json": {"features": ROW} if question is None else question, **more}
    return client.post("/api/score", headers={"X-CSRFToken": form_token(client)}, **sent)


def test_a_row_gets_its_score_verdict_and_reasons(tmp_path: Path) -> None:
    answer = asked(logged_in(a_console(tmp_path))).json
    assert answer == {
        "probability": pytest.approx(0.8808, abs=1e-4),
        "label": 1,
        "verdict": "fraud",
        "threshold": 0.5,
        "reasons": [
            {"feature": "amount", "value": 2.0, "contribution": 2.0, "towards": "fraud", "text": "amount"},
        ],
        "raw_score": 2.0,
        "base_value": 0.0,
        "other_contributions": 0.0,
    }


def test_several_rows_get_a_score_each_in_their_order(tmp_path: Path) -> None:
    rows = [{"amount": amount, "hour": 0} for amount in (-2, 2)]
    answer = asked(logged_in(a_console(tmp_path)), {"rows": rows, "reasons": 0}).json
    assert [(row["verdict"], row["reasons"]) for row in answer["rows"]] == [("legitimate", []), ("fraud", [])]
    assert answer["threshold"] == 0.5


def test_the_endpoint_gets_the_features_alone(tmp_path: Path) -> None:
    endpoint = SigmoidEndpoint()
    asked(logged_in(a_console(tmp_path, endpoint=endpoint)), {"features": {**ROW, "is_fraud": 1}})
    assert endpoint.seen == [ROW]


def test_every_wrong_field_is_named_at_once(tmp_path: Path) -> None:
    answer = asked(logged_in(a_console(tmp_path)), {"features": {"amount": "a lot", "huor": 3}})
    assert (answer.status_code, set(answer.json["fields"])) == (400, {"amount", "hour", "huor"})
    assert answer.json["fields"]["huor"].endswith("Did you mean 'hour'?")
    assert "Got 'a lot'" in answer.json["fields"]["amount"]


def test_faults_of_several_rows_have_the_rows_number(tmp_path: Path) -> None:
    answer = asked(logged_in(a_console(tmp_path)), {"rows": [ROW, {"amount": None, "hour": []}, ROW]})
    assert [(row["row"], set(row["fields"])) for row in answer.json["rows"]] == [(2, {"amount", "hour"})]


def test_nothing_is_scored_where_a_row_is_wrong(tmp_path: Path) -> None:
    endpoint = SigmoidEndpoint()
    asked(logged_in(a_console(tmp_path, endpoint=endpoint)), {"rows": [ROW, {}]})
    assert endpoint.seen == []


@pytest.mark.parametrize(
    "question",
    [
        [],
        {},
        {"features": ROW, "rows": [ROW]},
        {"features": [1, 2]},
        {"rows": ROW},
        {"rows": []},
        {"rows": [ROW] * (MOST_ROWS + 1)},
        {"features": ROW, "reasons": -1},
        {"features": ROW, "reasons": True},
        {"features": ROW, "reasons": "5"},
        {"features": ROW, "top": 5},
    ],
    ids=["list", "nothing", "both", "values", "row", "no rows", "many", "negative", "flag", "text", "unknown"],
)
def test_what_is_no_question_is_refused(question: Any, tmp_path: Path) -> None:
    answer = asked(logged_in(a_console(tmp_path)), question)
    assert (answer.status_code, set(answer.json)) == (400, {"error", "message"})


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"features": {"amount": NaN, "hour": 1}}', "application/json", 400),
        (b"[" * 5000, "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"amount=1", "application/x-www-form-urlencoded", 415),
        (b" " * (1 << 21), "application/json", 413),
    ],
    ids=["cut", "nan", "deep", "bytes", "form", "long"],
)
def test_what_is_no_json_is_refused_in_json(body: bytes, media_type: str, status: int, tmp_path: Path) -> None:
    answer = asked(logged_in(a_console(tmp_path)), json=None, data=body, content_type=media_type)
    assert (answer.status_code, set(answer.json)) == (status, {"error", "message"})


@pytest.mark.parametrize(
    ("fault", "status"),
    [(Unreachable("No http://10.0.0.1", **SAID), 503), (EndpointError("Bad http://10.0.0.1", **SAID), 502)],
    ids=["silent", "useless"],
)
def test_trouble_with_the_endpoint_is_told_without_where_it_is(
    fault: Exception, status: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = asked(logged_in(a_console(tmp_path, endpoint=SigmoidEndpoint(fault=fault))))
    assert (answer.status_code, "10.0.0.1" in answer.text, "10.0.0.1" in caplog.text) == (status, False, True)


DEEP = b"[" * 900 + b"]" * 900


@pytest.mark.parametrize(
    "body",
    [
        b'{"features": {"amount": %b, "hour": 3}}' % DEEP,
        b'{"features": {"amount": 2, "hour": 3}, "reasons": %b}' % DEEP,
    ],
    ids=["a cell", "reasons"],
)
def test_what_is_nested_deeply_is_refused_without_writing_it_out(body: bytes, tmp_path: Path) -> None:
    client = logged_in(a_console(tmp_path))
    headers = {"X-CSRFToken": form_token(client)}
    answer = client.post("/api/score", data=body, content_type="application/json", headers=headers)
    assert (answer.status_code, "[[" in answer.text) == (400, False)


def test_what_the_endpoint_refuses_is_the_callers_fault(tmp_path: Path) -> None:
    fault = RowsRefused("Row 1, column 'hour': got 3", expected="less", remedy="Correct it.")
    answer = asked(logged_in(a_console(tmp_path, endpoint=SigmoidEndpoint(fault=fault))))
    assert (answer.status_code, answer.json["message"]) == (400, str(fault))


def test_rows_of_strange_names_are_scored(tmp_path: Path) -> None:
    names = ("__class__", "<b>", "a'b\"c", "é\N{GRINNING FACE}")
    schema = a_schema(a_number("amount"), *map(a_number, names))
    client = logged_in(a_console(tmp_path, artifact={"schema": schema}))
    assert asked(client, {"features": {"amount": 1, **dict.fromkeys(names, 1)}}).status_code == 200


@pytest.mark.parametrize("role", Role)
def test_staff_may_score_and_customers_not(role: Role, tmp_path: Path) -> None:
    assert asked(logged_in(a_console(tmp_path), role)).status_code == (403 if role is Role.CUSTOMER else 200)


def test_a_script_of_another_site_cannot_ask(tmp_path: Path) -> None:
    assert logged_in(a_console(tmp_path)).post("/api/score", json={"features": ROW}).status_code == 400


def test_nobody_gets_an_answer_without_saying_who_asks(tmp_path: Path) -> None:
    answer = a_console(tmp_path).test_client().post("/api/score", json={"features": ROW})
    assert (answer.status_code, answer.json["error"]) == (401, "unauthorized")
