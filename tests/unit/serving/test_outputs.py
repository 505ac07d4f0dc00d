"""An answer says of each row what was asked for, in that order."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from factories import an_artifact
from fraud_detect.serving.model import Model, load
from fraud_detect.serving.outputs import OUTPUTS
from fraud_detect.serving.respond import Manner, Request, respond

ROWS = b"0,3\n2,1\n-1,5\n"


@pytest.fixture
def model(tmp_path: Path) -> Model:
    an_artifact(tmp_path, labels={"negative": "no", "positive": "yes"})
    return load(tmp_path)


def predictions(model: Model, outputs: tuple[str, ...], accept: str = "application/json") -> list[dict[str, object]]:
    reply = respond(Request(ROWS, "text/csv", accept), model, Manner(outputs=outputs))
    assert reply.status == 200, reply.body
    said: list[dict[str, object]] = json.loads(reply.body)["predictions"]
    return said


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_the_columns_stand_in_the_order_asked_for(model: Model) -> None:
    assert list(predictions(model, ("probability", "predicted_label"))[0]) == ["probability", "predicted_label"]


def test_probabilities_and_labels_list_the_negative_class_first(model: Model) -> None:
    row = predictions(model, ("labels", "probabilities"))[1]

    assert row["labels"] == ["no", "yes"]
    assert row["probabilities"] == pytest.approx([1 - sigmoid(2), sigmoid(2)])


def test_the_raw_score_is_the_log_odds_before_calibration(tmp_path: Path) -> None:
    an_artifact(tmp_path, calibration={"method": "sigmoid", "slope": 3.0, "intercept": 1.0})

    rows = predictions(load(tmp_path), ("raw_score", "probability"))

    assert [row["raw_score"] for row in rows] == pytest.approx([0, 2, -1], abs=1e-5)
    assert [row["probability"] for row in rows] == pytest.approx([sigmoid(1), sigmoid(7), sigmoid(-2)], abs=1e-6)


def test_lists_are_one_cell_of_json_in_csv(model: Model) -> None:
    reply = respond(Request(ROWS, "text/csv"), model, Manner(outputs=("labels", "probability")))
    cells = next(csv.reader([reply.body.decode().splitlines()[0]]))

    assert (json.loads(cells[0]), float(cells[1])) == (["no", "yes"], 0.5)


@pytest.mark.parametrize("key", [key for key in OUTPUTS if key != "reasons"])
def test_every_key_gives_a_value_for_every_row(key: str, model: Model) -> None:
    assert [list(row) for row in predictions(model, (key,))] == [[key]] * 3


@pytest.mark.parametrize("accept", ["application/json;explain=5", "text/csv; explain=1", "*/*;explain=3"])
def test_a_family_that_cannot_explain_says_so(accept: str, tmp_path: Path) -> None:
    an_artifact(tmp_path, algorithm="nearest_neighbours")
    reply = respond(Request(ROWS, "text/csv", accept), load(tmp_path))

    assert reply.status == 406
    assert "nearest_neighbours cannot explain" in json.loads(reply.body)["error"]


@pytest.mark.parametrize("number", ["0", "-1", "many", "1001", "5.0", "", "9" * 5000])
def test_a_number_of_reasons_that_is_none_is_not_acceptable(number: str, model: Model) -> None:
    assert respond(Request(ROWS, "text/csv", f"application/json;explain={number}"), model).status == 406


def test_the_default_accept_counts_where_the_request_has_none(model: Model) -> None:
    manner = Manner(default_accept="application/jsonlines")

    assert respond(Request(ROWS), model, manner).media_type == "application/jsonlines"
    assert respond(Request(ROWS, accept="text/csv"), model, manner).media_type == "text/csv"
