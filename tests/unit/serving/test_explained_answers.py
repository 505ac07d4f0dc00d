"""Reasons in an answer: how many, of what, and for how many rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from factories import a_number, a_schema, an_artifact
from fraud_detect.artifact.manifest import MODEL
from fraud_detect.serving.model import Model, load
from fraud_detect.serving.respond import Manner, Request, respond
from training_factories import a_fitted_model

ROW = b"0.5,-1.25,3\n"
PLAIN = Manner()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("explained")
    fitted = a_fitted_model(categories=(0, 0, 0))
    schema = a_schema(*(a_number(name, missing_allowed=True) for name in ("amount", "hour", "code")))
    an_artifact(folder, schema=schema, files={MODEL: fitted.to_onnx(), **fitted.native_files()})
    return load(folder)


def explained(model: Model, accept: str, manner: Manner = PLAIN) -> Mapping[str, Any]:
    reply = respond(Request(ROW, "text/csv", accept), model, manner)
    assert reply.status == 200, reply.body
    row: Mapping[str, Any] = json.loads(reply.body)["predictions"][0]
    return row


def test_the_parts_sum_to_the_raw_score(model: Model) -> None:
    row = explained(model, "application/json;explain=1")
    shown = sum(reason["contribution"] for reason in row["reasons"])

    assert row["base_value"] + row["other_contributions"] + shown == pytest.approx(row["raw_score"], abs=1e-5)


def test_as_many_reasons_are_given_as_were_asked_for(model: Model) -> None:
    assert len(explained(model, "application/json;explain=2")["reasons"]) == 2


def test_reasons_among_the_outputs_need_no_accept(model: Model) -> None:
    manner = Manner(outputs=("probability", "reasons"), reasons=1)

    assert len(explained(model, "application/json", manner)["reasons"]) == 1


def test_an_explained_answer_has_the_scores_of_a_plain_one(model: Model) -> None:
    plain, row = explained(model, "application/json"), explained(model, "application/json;explain=3")

    assert {key: row[key] for key in plain} == plain


def test_reasons_in_csv_are_a_cell_of_json(model: Model) -> None:
    reply = respond(Request(ROW, "text/csv", "text/csv;explain=1"), model)

    assert b'"[{""feature"":' in reply.body


def test_more_rows_than_may_be_explained_are_too_many(model: Model) -> None:
    reply = respond(Request(ROW * 3, accept="application/json;explain=1"), model, Manner(max_explained_rows=2))

    assert reply.status == 413
    assert json.loads(reply.body)["error"] == "The body has 3 rows to explain"


def test_plain_scores_have_no_limit_of_rows(model: Model) -> None:
    reply = respond(Request(ROW * 3), model, Manner(max_explained_rows=2))

    assert reply.tally is not None
    assert reply.tally.rows == 3


def test_a_model_without_its_native_file_cannot_explain(tmp_path: Path) -> None:
    an_artifact(tmp_path)

    assert respond(Request(b"0,3\n", accept="application/json;explain=1"), load(tmp_path)).status == 406


def test_the_raw_score_is_what_the_reasons_sum_to_wherever_it_stands(model: Model) -> None:
    first, last = (
        explained(model, "application/json", Manner(outputs=keys))
        for keys in (("raw_score", "reasons"), ("reasons", "raw_score"))
    )

    assert first["raw_score"] == last["raw_score"]
    assert list(first) == ["raw_score", "base_value", "other_contributions", "reasons"]
