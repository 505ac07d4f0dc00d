"""What a report tells programs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fraud_detect.report.page import report
from report_factories import a_job, held_out_rows


def test_every_held_out_row_is_in_one_bin_of_its_class() -> None:
    scores = report(a_job(held_out_rows(400))).document["scores"]
    assert (sum(scores["frauds"]), sum(scores["legitimate"])) == (40, 360)


@pytest.mark.parametrize(("probability", "place"), [(0.0, 0), (0.5, 115), (1.0, 229)])
def test_a_row_is_in_the_bin_of_its_log_odds(probability: float, place: int) -> None:
    held_out = held_out_rows(400, probabilities=np.full(400, probability))
    scores = report(a_job(held_out)).document["scores"]
    assert (scores["edges"][115], scores["legitimate"][place]) == (0.0, 360)


def test_features_come_with_the_most_important_first() -> None:
    importance = report(a_job()).document["importance"]
    assert (importance["by"], importance["features"][0]["name"]) == ("contributions", "amount")
    assert len(importance["features"]) == 4


def test_the_same_job_gives_the_same_document_and_it_is_json() -> None:
    first, second = (json.dumps(report(a_job()).document, allow_nan=False) for _ in range(2))
    assert first == second
