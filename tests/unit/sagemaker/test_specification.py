"""What programs that start jobs are told fits together, and is what a job takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.sagemaker import specification
from fraud_detect.sagemaker.hyperparameters import parse

SPECIFICATION = json.loads(specification.as_json())


def test_every_objective_is_a_metric_that_a_job_prints() -> None:
    printed = {metric["Name"] for metric in SPECIFICATION["MetricDefinitions"]}
    assert {objective["MetricName"] for objective in SPECIFICATION["SupportedTuningJobObjectiveMetrics"]} <= printed


def test_no_objective_is_of_rows_that_are_to_choose_nothing() -> None:
    parts = {each["MetricName"].partition(":")[0] for each in SPECIFICATION["SupportedTuningJobObjectiveMetrics"]}
    assert parts == {"validation", "prequential", "cross_validation"}


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        ("validation:average_precision", "Maximize"),
        ("validation:brier", "Minimize"),
        ("validation:expected_cost", "Minimize"),
        ("prequential:card_precision", "Maximize"),
    ],
)
def test_an_objective_says_which_way_is_better(metric: str, direction: str) -> None:
    assert {"MetricName": metric, "Type": direction} in SPECIFICATION["SupportedTuningJobObjectiveMetrics"]


def ends(ranges: dict[str, Any], end: str) -> dict[str, str]:
    """Return a value for each range: one end of it, or its first or last choice."""
    numbers = [*ranges["IntegerParameterRanges"], *ranges["ContinuousParameterRanges"]]
    chosen = {
        each["Name"]: each["Values"][0 if end == "MinValue" else -1] for each in ranges["CategoricalParameterRanges"]
    }
    return {each["Name"]: each[end] for each in numbers} | chosen


@pytest.mark.parametrize("end", ["MinValue", "MaxValue"])
@pytest.mark.parametrize("family", list(FAMILIES))
def test_a_job_takes_both_ends_of_every_range(family: str, end: str) -> None:
    parse({"algorithm": family} | ends(SPECIFICATION["ParameterRanges"][family], end))


@pytest.mark.parametrize("family", list(FAMILIES))
def test_a_logarithmic_range_begins_above_zero(family: str) -> None:
    ranges = SPECIFICATION["ParameterRanges"][family]
    numbers = [*ranges["IntegerParameterRanges"], *ranges["ContinuousParameterRanges"]]
    assert all(float(each["MinValue"]) > 0 for each in numbers if each["ScalingType"] == "Logarithmic")
