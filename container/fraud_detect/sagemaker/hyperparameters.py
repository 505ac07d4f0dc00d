"""Hyperparameters between SageMaker's strings and the declared table.

Knows the table's fields. Never knows training.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from fraud_detect.errors import HyperparameterError
from fraud_detect.training.parameters import Hyperparameters

IGNORED_PREFIXES = ("sagemaker_", "_")
ALIASES: Mapping[str, str] = {
    "learning_rate": "eta",
    "n_estimators": "num_round",
    "num_boost_round": "num_round",
    "reg_lambda": "lambda",
    "reg_alpha": "alpha",
    "min_split_loss": "gamma",
    "n_jobs": "nthread",
    "random_state": "seed",
    "target": "label_column",
}
TUNABLE = (
    *("num_round", "eta", "max_depth", "min_child_weight", "gamma", "subsample", "colsample_bytree", "lambda", "alpha"),
    *("max_bin", "scale_pos_weight", "resampler", "resampling_ratio", "k_neighbors"),
)
SMALLEST = 1e-6  # SageMaker's ranges are closed; this stands for "above 0"


def parse(values: Mapping[str, Any]) -> Hyperparameters:
    """Return the hyperparameters that `values` (names to strings) spell, with defaults for the rest.

    SageMaker's own entries (`sagemaker_*`, `_*`) are passed over.

    Raises
    ------
    HyperparameterError
        Naming every fault: unknown names, wrong types, values out of range, what does not go together.
    """
    own = {name: _unquoted(value) for name, value in values.items() if not name.startswith(IGNORED_PREFIXES)}
    entries = {entry.name: entry for entry in table()}
    unknown = [_unknown(name, entries) for name in own if name not in entries]
    known = {name: value for name, value in own.items() if name in entries}
    try:
        parsed = Hyperparameters.model_validate(known)
    except ValidationError as error:
        raise _refused([*unknown, *_faults(error, entries)]) from None
    if unknown:
        raise _refused(unknown)
    return parsed


def _unquoted(value: Any) -> Any:
    """Take off the JSON quotes that some clients put around strings."""
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value


def _unknown(name: str, known: Mapping[str, object]) -> str:
    meant = ALIASES.get(name) or next(iter(get_close_matches(name, known, n=1)), None)
    return f"`{name}` is unknown" + (f" (did you mean `{meant}`?)" if meant else "")


def _faults(error: ValidationError, entries: Mapping[str, Entry]) -> Iterator[str]:
    for fault in error.errors():
        if fault["loc"]:
            entry = entries[str(fault["loc"][0])]
            yield f"`{entry.name}` is '{fault['input']}' (expected {entry.expectation()})"
        else:
            yield fault["msg"].removeprefix("Value error, ").replace("; expected", " (expected") + ")"


def _refused(faults: Sequence[str]) -> HyperparameterError:
    count = "A hyperparameter is" if len(faults) == 1 else f"{len(faults)} hyperparameters are"
    return HyperparameterError(
        f"{count} wrong: {'; '.join(faults)}",
        expected="names and values as `fraud-detect hyperparameters` lists them",
        remedy="Correct them in the estimator's hyperparameters (input/config/hyperparameters.json).",
    )


@dataclass(frozen=True)
class Entry:
    """One row of the table of hyperparameters."""

    name: str
    kind: str
    low: float | None
    high: float | None
    low_included: bool
    choices: tuple[str, ...]
    default: str | None
    meaning: str

    def expectation(self) -> str:
        """Return what a value may be, as a noun phrase."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.low is None or self.high is None:
            return "text"
        what = "an integer" if self.kind == "integer" else "a number"
        if self.low_included:
            return f"{what} from {self.low:g} to {self.high:g}"
        return f"{what} above {self.low:g} and up to {self.high:g}"

    def range(self) -> str:
        """Return the range as the reference page shows it."""
        if self.choices:
            return ", ".join(self.choices)
        return "" if self.low is None else f"{'[' if self.low_included else '('}{self.low:g}, {self.high:g}]"


def table() -> Sequence[Entry]:
    """Return the declared hyperparameters in their order."""
    return [_entry(field.alias or name, field) for name, field in Hyperparameters.model_fields.items()]


def _entry(name: str, field: FieldInfo) -> Entry:
    plain = [kind for kind in (get_args(field.annotation) or (field.annotation,)) if kind is not type(None)]
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    kind = "text" if choices else {int: "integer", float: "number"}.get(plain[0], "text")
    bounds = field.metadata
    low = next((float(str(b.ge if isinstance(b, Ge) else b.gt)) for b in bounds if isinstance(b, Ge | Gt)), None)
    high = next((float(str(b.le if isinstance(b, Le) else b.lt)) for b in bounds if isinstance(b, Le | Lt)), None)
    default = None if field.default in (None, ()) else str(field.default)
    included = any(isinstance(bound, Ge) for bound in bounds)
    return Entry(name, kind, low, high, included, tuple(map(str, choices)), default, field.description or "")


def as_markdown() -> str:
    """Return the reference page."""
    rows = [f"| {' | '.join(_cells(entry))} |" for entry in table()]
    head = ["# Hyperparameters", "", "Made by `fraud-detect hyperparameters --format markdown`.", ""]
    return "\n".join([*head, "| name | type | range | default | meaning |", "|---|---|---|---|---|", *rows]) + "\n"


def _cells(entry: Entry) -> Sequence[str]:
    kind = "choice" if entry.choices else entry.kind
    return f"`{entry.name}`", kind, entry.range(), entry.default or "", entry.meaning


def as_sagemaker() -> str:
    """Return the `SupportedHyperParameters` of SageMaker's CreateAlgorithm request, as JSON."""
    return json.dumps([_specification(entry) for entry in table()], indent=2) + "\n"


def _specification(entry: Entry) -> dict[str, Any]:
    specification: dict[str, Any] = {
        "Name": entry.name,
        "Description": entry.meaning,
        "Type": "FreeText",
        "IsTunable": entry.name in TUNABLE,
        "IsRequired": False,
    }
    if entry.default is not None:
        specification["DefaultValue"] = entry.default
    if entry.choices:
        specification["Type"] = "Categorical"
        specification["Range"] = {"CategoricalParameterRangeSpecification": {"Values": list(entry.choices)}}
    elif entry.low is not None and entry.high is not None:
        name = "Integer" if entry.kind == "integer" else "Continuous"
        low = entry.low if entry.low_included else SMALLEST
        ends = {"MinValue": f"{low:.12g}", "MaxValue": f"{entry.high:.12g}"}
        specification["Type"], specification["Range"] = name, {f"{name}ParameterRangeSpecification": ends}
    return specification
