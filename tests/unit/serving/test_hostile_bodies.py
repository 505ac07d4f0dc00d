"""Bodies and headers that were once answered wrongly, slowly or with a 500."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import orjson
import pytest

from factories import a_category, a_number, a_schema, an_artifact
from fraud_detect.codecs import json as json_codec
from fraud_detect.codecs.csv import decode
from fraud_detect.codecs.table import WRITERS
from fraud_detect.errors import BadRequest
from fraud_detect.schema import Column, Schema
from fraud_detect.serving import respond as respond_module
from fraud_detect.serving.model import Model, load
from fraud_detect.serving.respond import Request, respond

JSON = "application/json"
DEEP = b"[" * 1000 + b"]" * 1000


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("model")
    an_artifact(folder)
    return load(folder)


@pytest.mark.parametrize(
    "body",
    [
        b'{"instances": [[1, 2], [9, 9]], "instances": [[1, 2]]}',
        b'{"inst\\u0061nces": [[9, 9]], "instances": [[1, 2]]}',
        b'{"instances": [[' + DEEP + b", 2]]}",
        b'{"instances": [{"amount": ' + DEEP + b', "hour": ":"}]}',
    ],
)
def test_a_json_body_that_hides_rows_or_nests_without_end_is_a_400(body: bytes, model: Model) -> None:
    assert respond(Request(body, JSON), model).status == 400


def test_a_line_end_inside_a_row_is_not_passed_over(model: Model) -> None:
    assert respond(Request(b"1,\r2\n", "text/csv"), model).status == 400


def test_a_hundred_thousand_names_are_refused_at_once(model: Model) -> None:
    names = ",".join(f"c{number}" for number in range(100_000))
    start = time.process_time()

    assert respond(Request(f"{names}\n{names}\n".encode(), "text/csv"), model).status == 400
    assert time.process_time() - start < 5


@pytest.mark.parametrize("header", ["text/csv; charset*=utf-8''utf-8", "text/csv; header*=utf-8''absent"])
def test_parameters_with_a_charset_of_their_own_are_read(header: str, model: Model) -> None:
    assert respond(Request(b"1,2\n", header), model).status == 200


def test_a_blank_line_of_a_table_of_one_column_is_a_row_without_its_value() -> None:
    strict, lenient = (Schema(columns=(Column(name="x", missing_allowed=allowed),)) for allowed in (False, True))

    assert len(decode(b"1\n\n2\n", lenient, {})) == 3
    with pytest.raises(BadRequest, match="Row 2, column 'x': got a missing value"):
        decode(b"1\n\n2\n", strict, {})


def test_lines_of_json_are_one_object_each() -> None:
    lines = WRITERS["application/jsonlines"]({"probability": [0.5, 0.25]})

    assert [orjson.loads(line) for line in lines.splitlines()] == [{"probability": 0.5}, {"probability": 0.25}]


def test_a_graph_for_another_width_is_refused(tmp_path: Path) -> None:
    from fraud_detect.artifact import bundle
    from fraud_detect.artifact.scorer import Scorer
    from fraud_detect.errors import ArtifactError

    an_artifact(tmp_path)
    scorer = Scorer.open(bundle.read(tmp_path))

    with pytest.raises(ArtifactError, match="rows of 5 features"):
        scorer.check_fit(5)


@pytest.mark.parametrize("parameters", ["a*=x; a*0=y", f"a*{'1' * 5000}=x", "a*0=x; a*1*=y'z"])
def test_parameters_in_parts_that_are_none_do_no_harm(parameters: str, model: Model) -> None:
    headers = f"text/csv; {parameters}"

    assert respond(Request(b"1,2\n", headers), model).status in (200, 415)
    assert respond(Request(b"1,2\n", "text/csv", headers), model).status in (200, 406)


def test_headers_beyond_all_measure_are_not_looked_at(model: Model) -> None:
    long = "text/csv" + ";a=b" * 1000

    assert respond(Request(b"1,2\n", long), model).status == 415
    assert respond(Request(b"1,2\n", "text/csv", long), model).status == 406


@pytest.mark.parametrize(
    "rows", [b"1," * 999_999 + b"1", b"[1,2]," * 300_000 + b"1", b"[" + b"{}," * 500_000 + b"{}]", b"[1,2]" * 300_000]
)
def test_a_large_body_without_the_models_rows_is_refused_before_it_fills_the_memory(rows: bytes, model: Model) -> None:
    tracemalloc.start()
    reply = respond(Request(b'{"instances": [' + rows + b"]}", JSON), model)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert reply.status == 400
    assert peak < 64 << 20


def test_more_rows_than_an_answer_may_have_are_too_many(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(respond_module, "MOST_ROWS", 2)

    assert respond(Request(b"1,2\n" * 2), model).status == 200
    assert respond(Request(b"1,2\n" * 3), model).status == 413


def test_brackets_within_text_do_not_end_a_row_of_a_large_body() -> None:
    schema = a_schema(a_number("amount"), a_category("merchant", ["a}]b", "c"]))
    row = b'{"amount": 1, "merchant": "a}]b"}'

    assert json_codec.decode(b'{"instances":[' + b" , ".join([row] * 50_000) + b"]}", schema, {}).shape == (50_000, 2)


@pytest.mark.parametrize("end", [b",]}", b"]", b"]}x", b'], "instances": []}', b",,[1,2]]}"])
def test_a_large_body_that_ends_badly_is_refused(end: bytes, model: Model) -> None:
    body = b'{"instances": [' + b",".join([b"[1,2]"] * 300_000) + end

    assert respond(Request(body, JSON), model).status == 400


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b'{"amount": 1, "amount": 2, "hour": 3}', "'amount' twice"),
        (b'[1, {"a": 2}]', "got "),
        (b'[1, ":"]', "got ':'"),
    ],
)
def test_a_row_with_names_that_do_not_belong_is_refused_deep_in_a_large_body(
    row: bytes, said: str, model: Model
) -> None:
    usual = b'{"amount": 1, "hour": 3}' if row.startswith(b"{") else b"[1, 3]"
    body = b'{"instances": [' + b",".join([usual] * 300_000 + [row]) + b"]}"
    reply = respond(Request(body, JSON), model)

    assert reply.status == 400
    assert said in orjson.loads(reply.body)["error"]
