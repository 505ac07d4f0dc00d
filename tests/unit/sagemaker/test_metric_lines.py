"""The regular expressions of the metric definitions find exactly the lines that are printed for them."""

from __future__ import annotations

import json
import re

import pytest

from fraud_detect.entrypoints.rounds import LogLines
from fraud_detect.estimators.family import Round
from fraud_detect.sagemaker.metrics import FINAL, PARTS, definitions, line, names

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
    assert found(line({name: 0.125})) == {name.replace("_", ":", 1): "0.125"}


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


def test_every_final_figure_of_every_part_has_a_definition() -> None:
    assert {f"{part}:{metric}" for part in PARTS for metric in FINAL} | {"threshold"} == set(DEFINITIONS)
