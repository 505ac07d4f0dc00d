"""The configurations of a comparison, from names and `--set NAME=VALUE`.

Knows hyperparameters and the registries. Never knows rows, processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fraud_detect.errors import HyperparameterError
from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.resampling.registry import NONE, SAMPLERS, SMOTE
from fraud_detect.sagemaker.hyperparameters import common_table, family_table, parse
from fraud_detect.training.comparison.plan import Configuration
from fraud_detect.training.parameters import AUTO

OPTIONS = {
    "algorithm": "--algorithms",
    "resampler": "--resamplers",
    "cv_folds": "--folds",
    "cv_repeats": "--repeats",
    "seed": "--seed",
    "nthread": "--jobs",
}
"""Hyperparameters that have an option of their own."""

FOR_ALL = frozenset({"label_column", "positive_label", "missing_labels", "drop_columns", "category_columns"}) | {
    *("unseen_categories", "time_column", "card_column", "split", "amount_column")
}
"""Hyperparameters that decide the rows or the folds, which are the same for all."""

RESAMPLERS = (*SAMPLERS, AUTO)
DEFAULT_RESAMPLERS = (NONE, SMOTE, "random_under")

REMEDY = "Correct --set; `fraud-detect hyperparameters` lists names and values."


def named(names: str | None, known: Iterable[str], option: str, default: Sequence[str]) -> Sequence[str]:
    """Return the names in `names`, which commas separate, each once; `default` where nothing is said.

    Raises
    ------
    HyperparameterError
        If one is not `known`.
    """
    if names is None:
        return default
    given = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    unknown = [name for name in given if name not in known]
    if unknown or not given:
        quoted = ", ".join(f"'{name}'" for name in unknown)
        raise HyperparameterError(
            f"{option} has {quoted or 'no name'}",
            expected=f"names among {', '.join(known)}",
            remedy="Separate several by commas.",
        )
    return given


def configurations(
    algorithms: Sequence[str], resamplers: Sequence[str], settings: Sequence[str], fixed: Mapping[str, str]
) -> Sequence[Configuration]:
    """Return one configuration for each of `algorithms` with each of `resamplers`.

    `settings` are NAME=VALUE for all families that have the name, FAMILY.NAME=VALUE for one; `fixed` are further
    hyperparameters of all, which are not among those that train the best. A family that does not learn from labels
    has nothing to resample, and comes once.

    Raises
    ------
    HyperparameterError
        If a name is unknown, given twice, or has an option of its own, or a value is wrong.
    """
    given = _given(settings, algorithms)
    found = []
    for algorithm in algorithms:
        own = {name: value for (family, name), value in given.items() if family == algorithm}
        for resampler in resamplers if FAMILIES[algorithm].learns_labels else (NONE,):
            values = {"algorithm": algorithm, "resampler": resampler, **own}
            try:
                parameters = parse({**values, **fixed})
            except HyperparameterError as error:
                raise HyperparameterError(error.got, expected=error.expected, remedy=REMEDY) from None
            found.append(Configuration(parameters, values))
    return found


def _given(settings: Sequence[str], algorithms: Sequence[str]) -> Mapping[tuple[str, str], str]:
    """Return the values by family and name; those for one family win over those for all."""
    found: dict[tuple[str, str], str] = {}
    for setting in sorted(settings, key=lambda each: "." in each.partition("=")[0]):
        place, equals, value = setting.partition("=")
        family, _, name = place.strip().rpartition(".")
        _check(setting, family, name, algorithms, equals=equals)
        for algorithm in (family,) if family else _having(name, algorithms):
            found[algorithm, name] = value.strip()
    return found


def _check(setting: str, family: str, name: str, algorithms: Sequence[str], *, equals: str) -> None:
    if not equals or not name:
        raise HyperparameterError(f"--set is '{setting}'", expected="NAME=VALUE or FAMILY.NAME=VALUE", remedy=REMEDY)
    if name in OPTIONS:
        raise HyperparameterError(
            f"--set has `{name}`", expected=f"its own option, {OPTIONS[name]}", remedy=f"Use {OPTIONS[name]}."
        )
    if family and family not in algorithms:
        raise HyperparameterError(
            f"--set has `{family}.{name}`",
            expected=f"a family that is compared: {', '.join(algorithms)}",
            remedy=REMEDY,
        )
    if family and name in FOR_ALL:
        raise HyperparameterError(
            f"--set has `{name}` for {family} alone", expected="the same rows and folds for all", remedy=REMEDY
        )


def _having(name: str, algorithms: Sequence[str]) -> Sequence[str]:
    """Return those of `algorithms` that have the hyperparameter; all where none has it, to hear what is wrong."""
    if name in {entry.name for entry in common_table()}:
        return algorithms
    return [each for each in algorithms if name in {entry.name for entry in family_table(each)}] or algorithms
