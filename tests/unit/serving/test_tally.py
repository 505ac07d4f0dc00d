"""What the rows of an answer come to together is the same however many there are and however they are scored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from factories import an_artifact
from fraud_detect.serving import respond as responding
from fraud_detect.serving.model import Model, load
from fraud_detect.serving.respond import Manner, Request, respond
from fraud_detect.serving.tally import Tally, as_header, tally_of, told, total

THRESHOLD = 0.5
ROWS = b"0,3\n2,1\n-1,5\n"
"""Probabilities of .5, .881 and .269: two of them alerts."""


@pytest.fixture
def model(tmp_path: Path) -> Model:
    an_artifact(tmp_path)
    return load(tmp_path)


def tally(model: Model, body: bytes, **manner: object) -> Tally:
    reply = respond(Request(body, "text/csv"), model, Manner(**manner))  # type: ignore[arg-type]
    assert reply.tally is not None, reply.body
    return reply.tally


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ([0.5], Tally(1, 1, 0.5)),
        ([0.25], Tally(1, 0, 0.25)),
        ([0.5, 0.25, 0.75], Tally(3, 2, 1.5)),
        ([], Tally(0, 0, 0)),
    ],
)
def test_a_row_at_the_threshold_is_an_alert(probabilities: list[float], expected: Tally) -> None:
    assert tally_of(probabilities, THRESHOLD) == expected


def test_tallies_add_up() -> None:
    assert total([Tally(1, 0, 0.25), Tally(3, 2, 1.5)]) == Tally(4, 2, 1.75)


def test_an_answer_has_the_tally_of_what_it_says(model: Model) -> None:
    reply = respond(Request(ROWS, "text/csv", "application/json"), model)
    said = json.loads(reply.body)["predictions"]

    assert reply.tally is not None
    assert reply.tally.alerts == sum(row["predicted_label"] for row in said) == 2
    assert reply.tally.probability_sum == pytest.approx(sum(row["probability"] for row in said))


def test_what_an_answer_says_of_a_row_does_not_matter(model: Model) -> None:
    assert tally(model, ROWS, outputs=("raw_score",)) == tally(model, ROWS)


def test_parts_of_a_body_add_up_to_the_whole(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tally(model, ROWS * 5)
    monkeypatch.setattr(responding, "ROWS_AT_ONCE", 4)

    parts = tally(model, ROWS * 5)

    assert parts[:2] == whole[:2] == (15, 10)
    assert parts.probability_sum == pytest.approx(whole.probability_sum)


def test_a_row_that_cannot_be_scored_is_a_row_and_nothing_else(model: Model) -> None:
    assert tally(model, b"2,1\nx,1\n", error_rows=True)[:2] == (2, 1)


def test_a_refusal_has_none(model: Model) -> None:
    assert respond(Request(b"0\n", "text/csv"), model).tally is None
    assert told(None) == {"rows": None, "alerts": None, "probability_sum": None}


@pytest.mark.parametrize("probability_sum", [0.0, 1e-9, 0.5, 123456.789])
def test_a_header_has_the_numbers_of_a_log_line(probability_sum: float) -> None:
    numbers = as_header(Tally(2, 1, probability_sum)).split(" ")

    assert [json.loads(number) for number in numbers] == list(told(Tally(2, 1, probability_sum)).values())
