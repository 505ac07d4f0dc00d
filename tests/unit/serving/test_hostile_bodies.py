"""Bodies and headers that were once answered wrongly, slowly or with a 500."""

from __future__ import annotations

import time
from pathlib import Path

import orjson
import pytest

from factories import an_artifact
from fraud_detect.codecs.csv import decode
from fraud_detect.codecs.table import CODECS
from fraud_detect.errors import BadRequest
from fraud_detect.schema import Column, Schema
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

    assert len(decode(b"1\n\n2\n", lenient, {}).to_matrix(lenient)) == 3
    with pytest.raises(BadRequest, match="Row 2, column 'x': got a missing value"):
        decode(b"1\n\n2\n", strict, {}).to_matrix(strict)


def test_lines_of_json_are_one_object_each() -> None:
    lines = CODECS["application/jsonlines"].encode({"probability": [0.5, 0.25]})

    assert [orjson.loads(line) for line in lines.splitlines()] == [{"probability": 0.5}, {"probability": 0.25}]


def test_a_graph_for_another_width_is_refused(tmp_path: Path) -> None:
    from fraud_detect.artifact import bundle
    from fraud_detect.artifact.scorer import Scorer
    from fraud_detect.errors import ArtifactError

    an_artifact(tmp_path)
    scorer = Scorer.open(bundle.read(tmp_path))

    with pytest.raises(ArtifactError, match="rows of 5 features"):
        scorer.check_fit(5)
