"""Hyperparameters between SageMaker's strings and the declared table.

Knows the table's fields. Never knows training.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from fraud_detect.errors import HyperparameterError
from fraud_detect.estimators.registry import DEFAULT, FAMILIES
from fraud_detect.training.parameters import ALGORITHM, BETWEEN_FAULTS, Hyperparameters

IGNORED_PREFIXES = ("sagemaker_", "_")
ALIASES: Mapping[str, str] = {
    "learning_rate": "eta",
    "n_estimators": "num_round",
    "num_boost_round": "num_round",
    "max_leaves": "num_leaves",
    "min_samples_leaf": "min_data_in_leaf",
    "min_child_samples": "min_data_in_leaf",
    "feature_fraction": "colsample_bytree",
    "bagging_fraction": "subsample",
    "lambda_l2": "lambda",
    "reg_lambda": "lambda",
    "reg_alpha": "alpha",
    "min_split_loss": "gamma",
    "n_jobs": "nthread",
    "random_state": "seed",
    "target": "label_column",
}
TUNABLE = (
    *("num_round", "eta", "max_depth", "min_child_weight", "gamma", "subsample", "colsample_bytree", "lambda", "alpha"),
    *(
        "max_bin",
        "num_leaves",
        "min_data_in_leaf",
        "n_estimators",
        "min_samples_leaf",
        "max_features",
        "resampler",
        "resampling_ratio",
        "k_neighbors",
    ),
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
    own = {name: _unquoted(values[name]) for name in given(values)}
    algorithm = own.get(ALGORITHM, DEFAULT)
    if algorithm not in FAMILIES:
        raise _refused([f"`{ALGORITHM}` is '{algorithm}' (expected {_algorithm().expectation()})"])
    entries = {entry.name: entry for entry in table(algorithm)}
    unknown = [_unknown(name, entries, algorithm) for name in own if name not in entries]
    known = {name: value for name, value in own.items() if name in entries}
    try:
        parsed = Hyperparameters.model_validate(known)
    except ValidationError as error:
        raise _refused([*unknown, *dict.fromkeys(_faults(error, entries))]) from None
    if unknown:
        raise _refused(unknown)
    return parsed


def given(values: Mapping[str, Any]) -> Sequence[str]:
    """Return the names in `values` that are ours."""
    return [name for name in values if not name.startswith(IGNORED_PREFIXES)]


def _unquoted(value: Any) -> Any:
    """Take off the JSON quotes that some clients put around strings."""
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value


def _unknown(name: str, known: Mapping[str, object], algorithm: str) -> str:
    others = [family for family in FAMILIES if name in {entry.name for entry in family_table(family)}]
    meant = next(_others_names(name, known), None)
    if others and not meant:
        return f"`{name}` is of {', '.join(others)} (expected those of {ALGORITHM}={algorithm})"
    meant = meant or next(iter(get_close_matches(name, known, n=1)), None)
    unknown = f"unknown to {ALGORITHM}={algorithm}" if others else "unknown"
    return f"`{name}` is {unknown}" + (f" (did you mean `{meant}`?)" if meant else "")


def _others_names(name: str, known: Mapping[str, object]) -> Iterator[str]:
    """Give the `known` names of what other libraries, or families, call `name`."""
    for other, own in ALIASES.items():
        if name in (other, own):
            yield from (each for each in (own, other) if each in known)


def _faults(error: ValidationError, entries: Mapping[str, Entry]) -> Iterator[str]:
    for fault in error.errors():
        if fault["loc"]:  # the name among others: `family` and its name before it, what a value may be after it
            entry = next(entries[str(part)] for part in fault["loc"] if part in entries)
            yield f"`{entry.name}` is '{fault['input']}' (expected {entry.expectation()})"
        else:
            for line in fault["msg"].removeprefix("Value error, ").split(BETWEEN_FAULTS):
                yield line.replace("; expected", " (expected") + ")"


def _refused(faults: Sequence[str]) -> HyperparameterError:
    count = "A hyperparameter is" if len(faults) == 1 else f"{len(faults)} hyperparameters are"
    return HyperparameterError(
        f"{count} wrong: {'; '.join(faults)}",
        expected="names and values as `fraud-detect hyperparameters` lists them",
        remedy="Correct them in the estimator's hyperparameters (input/config/hyperparameters.json).",
    )


@dataclass(frozen=True)
class Entry:
    """One row of the table of hyperparameters; `words` are what may stand for a number."""

    name: str
    kind: str
    low: float | None
    high: float | None
    low_included: bool
    choices: tuple[str, ...]
    default: str | None
    meaning: str
    words: tuple[str, ...] = ()

    def expectation(self) -> str:
        """Return what a value may be, as a noun phrase."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.low is None or self.high is None:
            return "text"
        what = "an integer" if self.kind == "integer" else "a number"
        between = "from {:g} to {:g}" if self.low_included else "above {:g} and up to {:g}"
        return ", or ".join([f"{what} {between.format(self.low, self.high)}", *self.words])

    def range(self) -> str:
        """Return the range as the reference page shows it."""
        if self.choices:
            return ", ".join(self.choices)
        if self.low is None:
            return ""
        return ", ".join([f"{'[' if self.low_included else '('}{self.low:g}, {self.high:g}]", *self.words])


def table(algorithm: str = DEFAULT) -> Sequence[Entry]:
    """Return the hyperparameters that can be given with `algorithm`, in the order of the page."""
    return [_algorithm(), *common_table(), *family_table(algorithm)]


def common_table() -> Sequence[Entry]:
    """Return the hyperparameters of all families."""
    return [_entry(name, field) for name, field in Hyperparameters.model_fields.items() if name != "family"]


def family_table(algorithm: str) -> Sequence[Entry]:
    """Return the hyperparameters of one family alone."""
    fields = FAMILIES[algorithm].parameters.model_fields.items()
    return [_entry(field.alias or name, field) for name, field in fields if name != ALGORITHM]


def _algorithm() -> Entry:
    return Entry(ALGORITHM, "text", None, None, False, tuple(FAMILIES), DEFAULT, "The family of models.")


def _entry(name: str, field: FieldInfo) -> Entry:
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    plain = [kind for kind in (get_args(field.annotation) or (field.annotation,)) if kind is not type(None)]
    words = tuple(word for kind in plain if get_origin(kind) is Literal for word in get_args(kind))
    number, bounds = plain[0], field.metadata
    if get_origin(number) is Annotated:  # beside words: the bounds are the number's alone
        number, bounds = number.__origin__, [bound for each in number.__metadata__ for bound in each.metadata]
    kind = "text" if choices else {int: "integer", float: "number"}.get(number, "text")
    low = next((float(str(b.ge if isinstance(b, Ge) else b.gt)) for b in bounds if isinstance(b, Ge | Gt)), None)
    high = next((float(str(b.le if isinstance(b, Le) else b.lt)) for b in bounds if isinstance(b, Le | Lt)), None)
    default = None if field.default in (None, ()) else str(field.default)
    included = any(isinstance(bound, Ge) for bound in bounds)
    return Entry(name, kind, low, high, included, tuple(map(str, choices)), default, field.description or "", words)


def as_markdown() -> str:
    """Return the reference page."""
    head = ["# Hyperparameters", "", "Made by `fraud-detect hyperparameters --format markdown`.", ""]
    common = [*_rows([_algorithm(), *common_table()]), ""]
    families = [line for name in FAMILIES for line in (f"## {ALGORITHM}={name}", "", *_rows(family_table(name)), "")]
    return "\n".join([*head, *common, *families])


def _rows(entries: Sequence[Entry]) -> Sequence[str]:
    rows = [f"| {' | '.join(_cells(entry))} |" for entry in entries]
    return ["| name | type | range | default | meaning |", "|---|---|---|---|---|", *rows]


def _cells(entry: Entry) -> Sequence[str]:
    kind = "choice" if entry.choices else entry.kind
    return f"`{entry.name}`", kind, entry.range(), entry.default or "", entry.meaning


def as_sagemaker() -> str:
    """Return the `SupportedHyperParameters` of SageMaker's CreateAlgorithm request, as JSON.

    There each name stands once: one of several families has the widest of their ranges. What only some families have
    has no default: clients send all defaults, and another family would refuse it.
    """
    common = [_specification(entry) for entry in (_algorithm(), *common_table())]
    families = [_specification(replace(_widest(entries), default=None)) for entries in _by_name().values()]
    return json.dumps([*common, *families], indent=2) + "\n"


def _by_name() -> Mapping[str, Sequence[Entry]]:
    """Return the entries of all families by name, each with the families' names in its meaning."""
    found: dict[str, list[Entry]] = {}
    for family in FAMILIES:
        for entry in family_table(family):
            found.setdefault(entry.name, []).append(replace(entry, meaning=f"{family}: {entry.meaning}"))
    return found


def _widest(entries: Sequence[Entry]) -> Entry:
    """Return one entry that allows what any of `entries`, of one name, does."""
    first = entries[0]
    lows = [entry.low for entry in entries if entry.low is not None]
    highs = [entry.high for entry in entries if entry.high is not None]
    low = min(lows, default=None)
    return replace(
        first,
        low=low,
        high=max(highs, default=None),
        low_included=any(entry.low_included for entry in entries if entry.low == low),
        choices=tuple(dict.fromkeys(choice for entry in entries for choice in entry.choices)),
        meaning=" ".join(dict.fromkeys(entry.meaning for entry in entries)),
    )


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
    elif entry.low is not None and entry.high is not None and not entry.words:
        name = "Integer" if entry.kind == "integer" else "Continuous"
        low = entry.low if entry.low_included else SMALLEST
        ends = {"MinValue": f"{low:.12g}", "MaxValue": f"{entry.high:.12g}"}
        specification["Type"], specification["Range"] = name, {f"{name}ParameterRangeSpecification": ends}
    return specification
