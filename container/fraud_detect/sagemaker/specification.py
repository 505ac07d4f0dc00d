"""What SageMaker can be told of the container, in the words of its API: for programs that start jobs.

Knows the declared tables. Never knows AWS.
"""

from __future__ import annotations

import json
from typing import Any

from fraud_detect.sagemaker import hyperparameters, metrics
from fraud_detect.training.search_space import FAMILY_SPACES, Dimension

LOWER_IS_BETTER = ("brier", "expected_calibration_error", "expected_cost")
OBJECTIVE_PARTS = ("validation", "prequential", "cross_validation")
"""The parts whose figures may choose a model: the training rows flatter it, and the test rows are to choose nothing."""


def as_json() -> str:
    """Return hyperparameters, metrics, objectives, and by family the ranges worth searching, as JSON.

    `SupportedHyperParameters`, `MetricDefinitions` and `SupportedTuningJobObjectiveMetrics` are as in the request
    CreateAlgorithm, each value of `ParameterRanges` as in CreateHyperParameterTuningJob.
    """
    found = {
        "SupportedHyperParameters": json.loads(hyperparameters.as_sagemaker()),
        "MetricDefinitions": json.loads(metrics.definitions()),
        "SupportedTuningJobObjectiveMetrics": _objectives(),
        "ParameterRanges": {family: _ranges(family) for family in sorted(FAMILY_SPACES)},
    }
    return json.dumps(found, indent=2) + "\n"


def _objectives() -> list[dict[str, str]]:
    return [
        {"MetricName": metrics.label(f"{part}_{figure}"), "Type": _direction(figure)}
        for part in OBJECTIVE_PARTS
        for figure in metrics.FINAL[part]
        if not figure.startswith("oracle_")
    ]


def _direction(figure: str) -> str:
    return "Minimize" if figure in LOWER_IS_BETTER else "Maximize"


def _ranges(family: str) -> dict[str, list[dict[str, Any]]]:
    dimensions = FAMILY_SPACES[family]
    numbers = [dimension for dimension in dimensions if not dimension.choices]
    return {
        "IntegerParameterRanges": [_range(dimension) for dimension in numbers if dimension.is_whole],
        "ContinuousParameterRanges": [_range(dimension) for dimension in numbers if not dimension.is_whole],
        "CategoricalParameterRanges": [
            {"Name": dimension.name, "Values": list(dimension.choices)} for dimension in dimensions if dimension.choices
        ],
    }


def _range(dimension: Dimension) -> dict[str, str]:
    return {
        "Name": dimension.name,
        "MinValue": f"{dimension.low:g}",
        "MaxValue": f"{dimension.high:g}",
        "ScalingType": "Logarithmic" if dimension.log else "Linear",
    }
