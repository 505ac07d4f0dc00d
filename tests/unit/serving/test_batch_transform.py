"""A batch transform gets one row back for each row it sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from factories import a_category, a_number, a_schema, an_artifact
from fraud_detect.serving.model import Model, load
from fraud_detect.serving.respond import Manner, Request, respond

BATCH = Manner(line_end=True, error_rows=True)
LINES = "application/jsonlines"


@pytest.fixture
def model(tmp_path: Path) -> Model:
    an_artifact(tmp_path)
    return load(tmp_path)


def lines(model: Model, body: bytes, content_type: str = "text/csv", accept: str = "") -> list[bytes]:
    reply = respond(Request(body, content_type, accept), model, BATCH)
    assert reply.status == 200, reply.body
    assert reply.body.endswith(b"\n")
    return reply.body.removesuffix(b"\n").split(b"\n")


def test_a_row_that_does_not_fit_is_an_error_row_in_its_place(model: Model) -> None:
    assert lines(model, b"0,3\nx,3\n1,2,3\n,\n0,4\n") == [b"1,0.5", b"ERROR,", b"ERROR,", b"ERROR,", b"1,0.5"]


def test_rows_that_all_fit_are_answered_as_ever(model: Model) -> None:
    assert lines(model, b"0,3\n0,4") == [b"1,0.5", b"1,0.5"]


def test_rows_that_all_fail_are_as_many_error_rows(model: Model) -> None:
    assert lines(model, b"x\ny\n") == [b"ERROR,", b"ERROR,"]


def test_a_header_is_no_row(model: Model) -> None:
    assert lines(model, b"hour,amount\n3,0\nx,0\n") == [b"1,0.5", b"ERROR,"]


def test_lines_of_json_have_error_rows_too(model: Model) -> None:
    first, second = lines(model, b'{"amount": 0, "hour": 3}\n{"amount": 0}\n', LINES)

    assert json.loads(first) == {"predicted_label": 1, "probability": 0.5}
    assert json.loads(second) == {"predicted_label": "ERROR", "probability": None}


def test_text_with_a_comma_does_not_shift_the_rows(tmp_path: Path) -> None:
    an_artifact(tmp_path, schema=a_schema(a_number("amount"), a_category("merchant", ["fuel, gas"])))

    assert lines(load(tmp_path), b'0,"fuel, gas"\n0,food\n') == [b"1,0.5", b"ERROR,"]


def test_without_being_asked_for_a_row_that_does_not_fit_refuses_all(model: Model) -> None:
    assert respond(Request(b"0,3\nx,3\n"), model, Manner(line_end=True)).status == 400


def test_a_document_of_json_is_refused_as_a_whole(model: Model) -> None:
    body = b'{"instances": [[0, 3], ["x", 3]]}'

    assert respond(Request(body, "application/json"), model, BATCH).status == 400


def test_a_document_of_json_ends_its_line_in_a_batch_transform(model: Model) -> None:
    assert lines(model, b"0,3\n", accept="application/json")[0].startswith(b'{"predictions":')


def test_a_row_that_may_go_on_in_the_next_line_is_not_counted_by_guess(tmp_path: Path) -> None:
    an_artifact(tmp_path, schema=a_schema(a_number("amount"), a_category("merchant", ["a\nb"])))
    body = b'0,"a\nb"\nx,"a\nb"\n'

    assert respond(Request(body), load(tmp_path), BATCH).status == 400
