"""Lines of predictions can be read back as they were."""

from __future__ import annotations

import csv

import numpy as np

from fraud_detect.training.predictions import HEADER, ROWS_AT_ONCE, Predictions


def some_predictions(count: int = 3, **overrides: object) -> Predictions:
    rng = np.random.default_rng(0)
    given = {
        "part": "cross_validation",
        "numbers": np.arange(10, 10 + count, dtype=np.uint32),
        "labels": (np.arange(count) % 2).astype(np.uint8),
        "probabilities": rng.random(count),
        **overrides,
    }
    return Predictions(**given)  # type: ignore[arg-type]


def read_back(predictions: Predictions) -> list[dict[str, str]]:
    return list(csv.DictReader((HEADER + b"".join(predictions.lines())).decode().splitlines()))


def test_a_line_has_every_column() -> None:
    line = read_back(some_predictions(1, probabilities=np.array([0.25]), repeat=2, fold=3))[0]

    assert line == {
        "part": "cross_validation",
        "row": "10",
        "repeat": "2",
        "fold": "3",
        "label": "0",
        "probability": "0.25",
    }


def test_a_probability_is_the_same_number_again() -> None:
    predictions = some_predictions(100)

    assert [float(line["probability"]) for line in read_back(predictions)] == predictions.probabilities.tolist()


def test_what_is_not_known_is_empty() -> None:
    line = read_back(some_predictions(1, part="test", numbers=None))[0]

    assert (line["row"], line["repeat"], line["fold"]) == ("", "", "")


def test_lines_come_some_at_once() -> None:
    predictions = some_predictions(2 * ROWS_AT_ONCE + 1)

    assert len(list(predictions.lines())) == 3
    assert [int(line["row"]) for line in read_back(predictions)] == list(range(10, 2 * ROWS_AT_ONCE + 11))
