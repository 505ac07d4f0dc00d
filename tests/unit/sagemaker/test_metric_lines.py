"""The regular expressions of the metric definitions find exactly the lines that are printed for them."""

from __future__ import annotations

import json
import re

import pytest

from fraud_detect.entrypoints.rounds import LogLines
from fraud_detect.estimators.family import Round
from fraud_detect.evaluation.metrics import METRICS
from fraud_detect.sagemaker.metrics import FIGURES, FINAL, definitions, label, line, names

DEFINITIONS = {entry["Name"]: entry["Regex"] for entry in json.loads(definitions())}
MOST_DEFINITIONS = 40


def found(text: str) -> dict[str, str]:
    """Return what SageMaker would take from one line, by the name of the metric."""
    matches = {name: re.search(regex, text) for name, regex in DEFINITIONS.items()}
    return {name: match.group(1) for name, match in matches.items() if match}


def printed(stage: str, capsys: pytest.CaptureFixture[str]) -> str:
    LogLines().on_round(stage, Round(7, 0.5, 0.25))
    return capsys.readouterr().out


def test_there_are_no_more_definitions_than_sagemaker_takes() -> None:
    assert len(DEFINITIONS) == len(names()) <= MOST_DEFINITIONS


@pytest.mark.parametrize("name", names())
def test_a_metric_is_found_in_its_own_line_and_no_other_is(name: str) -> None:
    assert found(line({name: 0.125})) == {label(name): "0.125"}


@pytest.mark.parametrize("value", [0.0, 1.0, 1e-07, -0.5, 1.5e10, 1 / 3])
def test_every_number_is_found_whole(value: float) -> None:
    assert float(found(line({"threshold": value}))["threshold"]) == pytest.approx(value, rel=1e-5)


def test_a_figure_that_is_not_defined_is_not_found() -> None:
    assert found(line({"validation_average_precision": float("nan")})) == {}


def test_a_round_is_one_line_with_both_of_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed("model", capsys)

    assert text == "round=7; train_average_precision=0.5; validation_average_precision=0.25;\n"
    assert found(text) == {"train:average_precision": "0.5", "validation:average_precision": "0.25"}


def test_a_round_of_the_comparison_is_not_taken_for_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed("comparison", capsys)

    assert "comparison_validation_average_precision=0.25;" in text
    assert found(text) == {}


def test_a_round_of_a_fold_is_not_taken_for_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed("fold 2 of 4", capsys)

    assert "fold_2_of_4_round=7; fold_2_of_4_train_average_precision=0.5;" in text
    assert found(text) == {}


def test_a_round_of_a_cross_validation_is_not_taken_for_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed("cv fold 2 of 15", capsys)

    assert "cv_fold_2_of_15_round=7;" in text
    assert found(text) == {}


def test_every_final_figure_of_every_part_has_a_definition() -> None:
    figures = {f"{part}:{figure}" for part, figures in FINAL.items() for figure in figures}

    assert figures | {"threshold", "tuning:best_average_precision"} == set(DEFINITIONS)


def test_what_is_printed_of_held_out_parts_are_all_their_metrics() -> None:
    assert set(FIGURES) == set(METRICS)
