"""A tuning job as SageMaker's API takes it: what is varied, how far, and by what the best is chosen.

Knows the API's words. Never knows the command line, what a hyperparameter does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from faults import Fault

_NUMBERS = ("IntegerParameterRanges", "ContinuousParameterRanges")
_CHOICES = "CategoricalParameterRanges"
_ENDS = re.compile(r"([-+0-9.eE]+)\.\.([-+0-9.eE]+)(:log)?")


@dataclass(frozen=True)
class Search:
    """How a tuning job searches: `strategy`, at most `jobs` of which `parallel` at once, for `max_seconds` at most."""

    objective: str
    direction: str
    strategy: str
    jobs: int
    parallel: int
    max_seconds: int | None
    early_stopping: bool
    seed: int | None

    def request(self, ranges: Mapping[str, Any]) -> dict[str, Any]:
        """Return SageMaker's `HyperParameterTuningJobConfig`."""
        limits = {"MaxNumberOfTrainingJobs": self.jobs, "MaxParallelTrainingJobs": self.parallel}
        return {
            "Strategy": self.strategy,
            "HyperParameterTuningJobObjective": {"Type": self.direction, "MetricName": self.objective},
            "ResourceLimits": limits | ({"MaxRuntimeInSeconds": self.max_seconds} if self.max_seconds else {}),
            "ParameterRanges": dict(ranges),
            "TrainingJobEarlyStoppingType": "Auto" if self.early_stopping else "Off",
            **({} if self.seed is None else {"RandomSeed": self.seed}),
        }


def without(ranges: Mapping[str, list[dict[str, Any]]], names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the ranges but those of `names`, which have a value."""
    fixed = set(names)
    return {kind: [entry for entry in entries if entry["Name"] not in fixed] for kind, entries in ranges.items()}


def widened(
    ranges: Mapping[str, list[dict[str, Any]]], own: Mapping[str, str], types: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """Return the ranges with the user's `own`, written LOW..HIGH, LOW..HIGH:log or A,B,C, instead or in addition.

    `types` are the declared types of hyperparameters: Integer, Continuous, Categorical or FreeText.
    """
    found = without(ranges, own)
    for name, text in own.items():
        kind, entry = _entry(name, text, types)
        found[kind].append(entry)
    return found


def _entry(name: str, text: str, types: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    if name not in types:
        raise Fault(
            f"--range names `{name}`",
            expected="a hyperparameter of docs/hyperparameters.md",
            remedy="Correct the name.",
        )
    ends = _ENDS.fullmatch(text)
    if types[name] in ("Integer", "Continuous") and ends:
        low, high, log = ends.groups()
        kind = _NUMBERS[types[name] == "Continuous"]
        scaling = "Logarithmic" if log else "Linear"
        return kind, {"Name": name, "MinValue": low, "MaxValue": high, "ScalingType": scaling}
    if types[name] in ("Categorical", "FreeText") and not ends:
        return _CHOICES, {"Name": name, "Values": text.split(",")}
    raise Fault(
        f"--range of `{name}` is '{text}'",
        expected="LOW..HIGH for numbers, with :log after it to try by orders of magnitude, or A,B,C for choices",
        remedy="Correct it.",
    )


def values_in(ranges: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, str]]:
    """Return sets of hyperparameters that have every end and every choice of the ranges in them."""
    numbers = [entry for kind in _NUMBERS for entry in ranges[kind]]
    ends = [{entry["Name"]: entry[end] for entry in numbers} for end in ("MinValue", "MaxValue")]
    return [*ends, *({entry["Name"]: value} for entry in ranges[_CHOICES] for value in entry["Values"])]


def count(ranges: Mapping[str, list[dict[str, Any]]]) -> int:
    """Return how many hyperparameters are varied."""
    return sum(map(len, ranges.values()))
