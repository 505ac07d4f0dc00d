"""What the container declares of training: hyperparameters, metrics, objectives, ranges worth searching.

Knows the file that `fraud-detect specification` makes. Never knows the package.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults import Fault

FILE = Path(__file__).parents[2] / "docs/specification.json"
_SAGEMAKERS_OWN = ("sagemaker_", "_")
_ABOVE_ZERO = 1e-6  # SageMaker's ranges are closed; this stands for "above 0"
_MOST = 100  # hyperparameters that SageMaker takes


@dataclass(frozen=True)
class Specification:
    """The declared tables, in the words of SageMaker's API."""

    hyperparameters: Mapping[str, Mapping[str, Any]]
    metrics: list[dict[str, str]]
    objectives: Mapping[str, str]
    ranges: Mapping[str, dict[str, list[dict[str, Any]]]]

    def need_hyperparameters(self, values: Mapping[str, str]) -> None:
        """Raise `Fault` that names all unknown names and all values that no family takes.

        What else may be wrong, such as two values that do not go together, the job itself says.
        """
        faults = [fault for name, value in values.items() for fault in self._faults(name, value)]
        if len(values) > _MOST:
            faults.append(f"there are {len(values)}, more than SageMaker's {_MOST}")
        if faults:
            raise Fault(
                f"Hyperparameters are wrong: {'; '.join(faults)}",
                expected="names and values as docs/hyperparameters.md lists them",
                remedy="Correct them.",
            )

    def _faults(self, name: str, value: str) -> Iterator[str]:
        if name.startswith(_SAGEMAKERS_OWN):
            return
        if name not in self.hyperparameters:
            near = difflib.get_close_matches(name, self.hyperparameters, n=1)
            yield f"`{name}` is unknown" + (f" (did you mean `{near[0]}`?)" if near else "")
        elif not _fits(value, self.hyperparameters[name]):
            yield f"`{name}` is '{value}' (expected {_expectation(self.hyperparameters[name])})"

    def need_objective(self, metric: str) -> str:
        """Return `Maximize` or `Minimize`, the way in which the metric is better."""
        if metric not in self.objectives:
            near = difflib.get_close_matches(metric, self.objectives, n=3) or list(self.objectives)[:3]
            raise Fault(
                f"--objective is '{metric}'",
                expected=f"a metric that may choose a model, such as {', '.join(near)}",
                remedy=f"Correct it; {FILE.name} in docs lists them.",
            )
        return self.objectives[metric]


def read() -> Specification:
    """Return what the checkout's container declares."""
    try:
        found = json.loads(FILE.read_text(encoding="utf-8"))
    except OSError as error:
        raise Fault(
            f"There is no {FILE}", expected="the repository's docs", remedy="Run the script of a whole checkout."
        ) from error
    return Specification(
        hyperparameters={entry["Name"]: entry for entry in found["SupportedHyperParameters"]},
        metrics=found["MetricDefinitions"],
        objectives={each["MetricName"]: each["Type"] for each in found["SupportedTuningJobObjectiveMetrics"]},
        ranges=found["ParameterRanges"],
    )


def _fits(value: str, entry: Mapping[str, Any]) -> bool:
    if entry["Type"] == "FreeText":
        return True
    if entry["Type"] == "Categorical":
        return value in _range(entry)["Values"]
    try:
        number = int(value) if entry["Type"] == "Integer" else float(value)
    except ValueError:
        return False
    low, high = float(_range(entry)["MinValue"]), float(_range(entry)["MaxValue"])
    return (number > 0 if low == _ABOVE_ZERO else number >= low) and number <= high


def _expectation(entry: Mapping[str, Any]) -> str:
    if entry["Type"] == "Categorical":
        return "one of " + ", ".join(_range(entry)["Values"])
    what = "an integer" if entry["Type"] == "Integer" else "a number"
    return f"{what} from {_range(entry)['MinValue']} to {_range(entry)['MaxValue']}"


def _range(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    (found,) = entry["Range"].values()
    return dict(found)
