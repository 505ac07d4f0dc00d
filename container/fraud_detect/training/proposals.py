"""What of a job's hyperparameters is fixed, what a search may vary, and the hyperparameters that come of it.

Knows families, resamplers and their spaces. Never knows rows, and how values are chosen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import ValidationError

from fraud_detect.errors import HyperparameterError
from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.resampling.registry import NONE, SAMPLERS, SMOTE
from fraud_detect.training.parameters import ALGORITHM, AUTO, EXACT, Hyperparameters, names_of
from fraud_detect.training.search_space import FAMILY_SPACES, FAST, RESAMPLER_SPACES, RESAMPLERS, WEIGHT, Dimension

RESAMPLER = "resampler"
OF_SEARCHES = ("tune_minutes", "tune_trials", "tune_algorithms")
WITHOUT_EFFECT = (
    *OF_SEARCHES,
    *("nthread", "calibration", "threshold_policy", "threshold_target", "bootstrap_samples", "refit", "top_k"),
    *("cv_folds", "cv_repeats", "report", "examples", "checkpoint_rounds", "checkpoint_mismatch", "external_memory"),
)
"""Hyperparameters that change nothing of a trial: with others of them a search goes on."""


@dataclass(frozen=True)
class Proposal:
    """A family and a resampler, and values of some of the hyperparameters that the search varies, by name."""

    algorithm: str
    resampler: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return all of it by name."""
        return {ALGORITHM: self.algorithm, RESAMPLER: self.resampler, **self.values}


@dataclass(frozen=True)
class Space:
    """What varies: `algorithms`, `resamplers`, and what of theirs is not `fixed`, which are values by name.

    The first of the algorithms is the one that the job would have without a search, and so is the first of the
    resamplers, unless the job `chooses` between that one and none.
    """

    fixed: Mapping[str, Any]
    algorithms: Sequence[str]
    resamplers: Sequence[str]
    chooses: bool

    @classmethod
    def around(cls, parameters: Hyperparameters, given: Collection[str]) -> Self:
        """Return the space in which what was `given` of `parameters`, by name, stays as it is.

        Raises
        ------
        HyperparameterError
            If `algorithm` is given, and `tune_algorithms` without it.
        """
        fixed = {name: value for name, value in parameters.by_name().items() if name in given}
        fixed = {name: value for name, value in fixed.items() if name not in (ALGORITHM, *OF_SEARCHES)}
        chooses = parameters.resampler == AUTO
        resamplers = [SMOTE, NONE] if chooses else [parameters.resampler]
        if RESAMPLER not in fixed:
            resamplers += [name for name in RESAMPLERS if name in SAMPLERS and name not in resamplers]
        elif chooses:
            del fixed[RESAMPLER]
        return cls(fixed, _algorithms(parameters, given), resamplers, chooses)

    def dimensions(self, algorithm: str, resampler: str) -> Mapping[str, Dimension]:
        """Return what can vary with this family and this resampler, each under a name that no other one has."""
        family = FAMILIES[algorithm]
        takes_weights = family.takes_weights and family.learns_labels and self.fixed.get("calibration") != EXACT
        weight = [WEIGHT] if takes_weights else []
        owned = {
            algorithm: [*FAMILY_SPACES.get(algorithm, ()), *weight],
            resampler: RESAMPLER_SPACES.get(resampler, ()),
        }
        return {
            f"{owner}.{each.name}": each
            for owner, dimensions in owned.items()
            for each in dimensions
            if each.name not in self.fixed
        }

    def values(self, proposal: Proposal) -> Mapping[str, Any]:
        """Return the values that `proposal` comes to of what can vary, where the search could come to them."""
        try:
            values = self.hyperparameters(proposal).by_name()
        except HyperparameterError:
            return {}
        dimensions = self.dimensions(proposal.algorithm, proposal.resampler).values()
        return {each.name: values[each.name] for each in dimensions if each.contains(values[each.name])}

    @property
    def plain(self) -> str:
        """No resampler, or the one that is given."""
        return NONE if NONE in self.resamplers else self.resamplers[0]

    def varies_resampler(self, algorithm: str) -> bool:
        """Return whether there is a choice of resamplers: legitimate rows alone are the same after most of them."""
        return FAMILIES[algorithm].learns_labels and len(self.resamplers) > 1

    @property
    def trials_of_the_job(self) -> int:
        """How many of the first trials the job as it is comes to: where it chooses, it is the better of two."""
        return 2 if self.chooses else 1

    def as_it_is(self) -> Proposal:
        """Return the job without a search."""
        return Proposal(self.algorithms[0], AUTO if self.chooses else self.resamplers[0])

    def first(self) -> Sequence[Proposal]:
        """Return what is tried before anything is learnt: the job as it is, and each family's defaults as they are."""
        as_it_is, *others = self.algorithms
        proposals = [
            Proposal(as_it_is, self.resamplers[0]),
            *(Proposal(name, self.plain) for name in (as_it_is, *others)),
        ]
        return list({(each.algorithm, each.resampler): each for each in proposals}.values())

    def hyperparameters(self, proposal: Proposal) -> Hyperparameters:
        """Return the hyperparameters of a job without a search that come of `proposal`.

        Raises
        ------
        HyperparameterError
            If something that was fixed does not go with its family.
        """
        values = self.given_of(proposal)
        try:
            return Hyperparameters.model_validate(values)
        except ValidationError as error:
            fault = error.errors()[0]
            name = fault["loc"][-1] if fault["loc"] else "hyperparameters"
            raise HyperparameterError(
                f"`{name}` does not go with {ALGORITHM}={proposal.algorithm}",
                expected=fault["msg"].removeprefix("Value error, "),
                remedy="Leave it out, or the family out of `tune_algorithms`.",
            ) from None

    def given_of(self, proposal: Proposal) -> dict[str, Any]:
        """Return what to give, by name, for a job to be as `proposal`: all that is not a default."""
        of_others = {name for family in FAMILIES.values() for name in names_of(family.parameters)}
        of_others -= {*names_of(FAMILIES[proposal.algorithm].parameters)}
        fixed = {name: value for name, value in self.fixed.items() if name not in of_others}
        return {**fixed, **proposal.as_json()}

    def fingerprint(self) -> dict[str, Any]:
        """Return what must be the same for a search to go on."""
        defaults = Hyperparameters.model_validate({ALGORITHM: self.algorithms[0]}).by_name()
        varied = _varied()
        fixed = {
            name: value
            for name, value in sorted(self.fixed.items())
            if name not in WITHOUT_EFFECT and (name in varied or value != defaults.get(name))
        }
        return {"hyperparameters": fixed, "algorithms": list(self.algorithms), "resamplers": list(self.resamplers)}


def _varied() -> set[str]:
    """Return the names of all that some search varies: that such a one is fixed tells, be it at its default."""
    spaces = (*FAMILY_SPACES.values(), *RESAMPLER_SPACES.values(), (WEIGHT,))
    return {RESAMPLER, *(dimension.name for space in spaces for dimension in space)}


def _algorithms(parameters: Hyperparameters, given: Collection[str]) -> Sequence[str]:
    own, named = parameters.algorithm, parameters.tune_algorithms
    if not named:
        fast = [name for name in FAST if name in FAMILIES and name != own]
        return [own, *([] if ALGORITHM in given else fast)]
    if own in named:
        return [own, *(name for name in named if name != own)]
    if ALGORITHM in given:
        raise HyperparameterError(
            f"`{ALGORITHM}` is {own}, which is not in `tune_algorithms`",
            expected=f"one of {', '.join(named)}, or none",
            remedy=f"Leave `{ALGORITHM}` out to search all of them.",
        )
    return named
