"""A readable request is answered in the media type that it accepts, whatever form its rows have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from factories import a_category, a_flag, a_number, a_schema, an_artifact
from fraud_detect.artifact.manifest import MODEL
from fraud_detect.schema import Schema
from fraud_detect.serving import respond as respond_module
from fraud_detect.serving.model import Model, load
from fraud_detect.serving.reply import Reply
from fraud_detect.serving.respond import Manner, Request, respond
from training_factories import a_fitted_model

MIXED = a_schema(
    a_number("amount"),
    a_number("hour", missing_allowed=True),
    a_category("merchant", ["food", "fuel, gas"]),
    a_flag("abroad"),
    ignored=["card"],
)
ZERO = b'0,3,"fuel, gas",true\n'


def a_model(folder: Path, schema: Schema | None = None, **overrides: object) -> Model:
    an_artifact(folder, schema=schema, **overrides)
    return load(folder)


def answer(model: Model, body: bytes, content_type: str = "text/csv", accept: str = "") -> Reply:
    reply = respond(Request(body, content_type, accept), model)
    assert reply.status == 200, reply.body
    return reply


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/csv", ZERO),
        ("", ZERO),
        ("*/*", ZERO),
        ("TEXT/CSV; charset=UTF-8", ZERO),
        ("text/csv; header=absent", ZERO),
        ("text/csv", ZERO.replace(b"\n", b"\r\n")),
        ("text/csv", b"\xef\xbb\xbf" + ZERO),
        ("text/csv", b"amount,hour,merchant,abroad\n" + ZERO),
        ("text/csv", b'\xef\xbb\xbfabroad, amount ,merchant,hour\r\n1,0,"fuel, gas",3\r\n'),
        ("text/csv; header=present", b"amount,hour,merchant,abroad\n" + ZERO),
        ("text/csv", b'is_fraud,card,amount,hour,merchant,abroad\n1,x9,0,3,"fuel, gas",true\n'),
        ("application/json", b'{"instances": [[0, 3, "fuel, gas", true]]}'),
        ("application/json; charset=utf-8", b'{"inputs": [[0.0, 3, "fuel, gas", true]]}'),
        ("application/json", b'{"instances": [{"abroad": true, "amount": 0, "merchant": "fuel, gas", "hour": 3}]}'),
        ("application/json", b'{"inputs": [{"amount": "0", "hour": null, "merchant": "food", "abroad": "True"}]}'),
        ("application/jsonlines", b'[0, 3, "fuel, gas", true]\n'),
        ("application/x-ndjson", b'\n{"abroad": true, "amount": 0, "merchant": "fuel, gas", "hour": 3}\n\n'),
    ],
)
def test_one_row_gives_the_same_score_in_every_form(content_type: str, body: bytes, tmp_path: Path) -> None:
    reply = answer(a_model(tmp_path, MIXED), body, content_type, "text/csv")

    assert reply.body == b"1,0.5\n"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/csv", b"0,3\n-1,4\n"),
        ("text/csv", b"hour,amount\n3,0\n4,-1\n"),
        ("text/csv", b"hour,amount,is_fraud\r\n3,0,1\r\n4,-1,0\r\n"),
        ("text/csv", b'hour,"amount"\n3,0\n4,"-1"\n'),
        ("text/csv; header=present", b"hour,amount\n3,0\n4,-1"),
        ("application/json", b'{"instances": [[0, 3], [-1.0, 4]]}'),
        ("application/jsonlines", b'{"hour": 3, "amount": 0}\n{"amount": -1, "hour": 4}\n'),
    ],
)
def test_rows_keep_their_order_and_columns_go_by_name(content_type: str, body: bytes, tmp_path: Path) -> None:
    reply = answer(a_model(tmp_path), body, content_type, "text/csv")

    assert reply.body == b"1,0.5\n0,0.2689414322376251\n"


@pytest.mark.parametrize("cell", ["", "NA", "NaN", "null"])
def test_every_spelling_of_a_missing_value_is_one_where_training_had_some(cell: str, tmp_path: Path) -> None:
    model = a_model(tmp_path, a_schema(a_number("amount", missing_allowed=True), a_number("hour")))

    spelt = answer(model, f"{cell},3\n".encode()).body

    assert spelt == answer(model, b'{"instances": [[null, 3]]}', "application/json", "text/csv").body


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "text/csv"),
        ("*/*", "text/csv"),
        ("text/*", "text/csv"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        ("application/jsonlines", "application/jsonlines"),
        ("application/x-ndjson", "application/jsonlines"),
        ("text/csv;q=0.5, application/json;q=0.9", "application/json"),
        ("text/html, */*;q=0.1", "text/csv"),
        ("text/csv;q=0, */*", "application/json"),
    ],
)
def test_the_answer_has_the_media_type_that_accept_prefers(accept: str, media_type: str, tmp_path: Path) -> None:
    assert answer(a_model(tmp_path), b"0,3\n", "text/csv", accept).media_type == media_type


def test_without_accept_the_answer_has_the_media_type_of_the_request(tmp_path: Path) -> None:
    reply = answer(a_model(tmp_path), b"[0, 3]\n", "application/jsonlines")

    assert reply.media_type == "application/jsonlines"


def test_json_holds_one_object_per_row_under_predictions(tmp_path: Path) -> None:
    reply = answer(a_model(tmp_path), b"0,3\n-1,4\n", accept="application/json")

    assert json.loads(reply.body) == {
        "predictions": [
            {"predicted_label": 1, "probability": 0.5},
            {"predicted_label": 0, "probability": 0.2689414322376251},
        ]
    }


def test_json_lines_hold_one_object_per_line(tmp_path: Path) -> None:
    reply = answer(a_model(tmp_path), b"0,3\n-1,4\n", accept="application/jsonlines")

    assert [json.loads(line)["predicted_label"] for line in reply.body.splitlines()] == [1, 0]


def test_a_probability_at_the_threshold_is_fraud(tmp_path: Path) -> None:
    model = a_model(tmp_path, threshold={"value": 0.5, "policy": "f1"})

    assert answer(model, b"0,3\n-0.001,3\n").body.splitlines()[0].startswith(b"1,")
    assert answer(model, b"0,3\n-0.001,3\n").body.splitlines()[1].startswith(b"0,")


@pytest.mark.parametrize(
    ("labels", "line"),
    [
        ({"negative": "genuine", "positive": "fraud"}, b"fraud,0.5\n"),
        ({"negative": "ok", "positive": 'a "b", c'}, b'"a ""b"", c",0.5\n'),
        ({"negative": False, "positive": True}, b"true,0.5\n"),
    ],
)
def test_labels_are_written_as_in_training(labels: dict[str, object], line: bytes, tmp_path: Path) -> None:
    assert answer(a_model(tmp_path, labels=labels), b"0,3\n").body == line


def test_the_probability_is_the_calibrated_one(tmp_path: Path) -> None:
    model = a_model(tmp_path, calibration={"method": "isotonic", "scores": [0.0, 1.0], "probabilities": [0.0, 0.1]})

    assert answer(model, b"0,3\n").body == b"0,0.05\n"


@pytest.mark.parametrize("accept", ["text/csv", "application/json", "application/jsonlines"])
def test_a_long_answer_put_together_of_parts_is_the_same(
    accept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, body = a_model(tmp_path), b"".join(b"%d,3\n" % amount for amount in range(-3, 4))
    whole = answer(model, body, accept=accept)

    monkeypatch.setattr(respond_module, "ROWS_AT_ONCE", 2)
    parts = answer(model, body, accept=accept)

    assert len(parts.rest) >= 3
    assert parts._replace(body=parts.whole(), rest=()) == whole


@pytest.mark.parametrize("accept", ["text/csv", "application/json", "application/jsonlines"])
def test_a_long_answer_ends_with_one_line_end_where_that_is_asked_for(
    accept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(respond_module, "ROWS_AT_ONCE", 2)
    request = Request(b"1,2\n" * 5, "text/csv", accept)
    said = respond(request, a_model(tmp_path), Manner(line_end=True)).whole()

    assert said.endswith(b"\n")
    assert not said.endswith(b"\n\n")


def test_a_body_is_let_go_of_when_it_is_taken() -> None:
    request = Request(b"1,2\n")

    assert (request.take_body(), request.take_body()) == (b"1,2\n", b"")


@pytest.mark.parametrize("family", ["xgboost", "lightgbm"])
def test_many_rows_of_numbers_score_the_same_with_names_in_any_order(family: str, tmp_path: Path) -> None:
    """The booster itself scores them, in the memory that the reader left them in."""
    fitted = a_fitted_model(family, categories=(0, 0, 0))
    schema = a_schema(*(a_number(name, missing_allowed=True) for name in ("amount", "hour", "code")))
    model = a_model(tmp_path, schema, files={MODEL: fitted.to_onnx(), **fitted.native_files()})
    rows = [(number / 7, number % 24, number % 5) for number in range(200)]
    plain = b"".join(b"%r,%d,%d\n" % row for row in rows)
    named = b"code,amount,hour\n" + b"".join(b"%d,%r,%d\n" % (code, amount, hour) for amount, hour, code in rows)

    assert answer(model, named).body == answer(model, plain).body
    assert answer(model, named + b"1,,2\n").body == answer(model, plain + b",2,1\n").body
