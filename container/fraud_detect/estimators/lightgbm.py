"""LightGBM: gradient-boosted trees that grow leaf by leaf.

Knows LightGBM. Never knows files, thresholds, resampling, other families.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fraud_detect.estimators.family import Block, Family, FamilyParameters, FitSettings, Measure, Round, parameters_of
from fraud_detect.estimators.lightgbm_native import NATIVE_FILE, need_library
from fraud_detect.estimators.lightgbm_onnx import to_onnx
from fraud_detect.schema import Float32Matrix

METRIC = "average_precision"
TRAIN, VALIDATION = "train", "validation"
FIXED: Mapping[str, Any] = {
    "objective": "binary",
    "metric": "none",
    "deterministic": True,
    "force_col_wise": True,
    "bagging_freq": 1,
    "feature_pre_filter": False,
    "min_data_per_group": 10,
    "verbosity": -1,
}
"""What is not for users to choose. Columns are not left out for what they are in a sample; a group of categories needs
no 100 rows, LightGBM's default, because frauds are few."""


class LightGBMParameters(FamilyParameters):
    """Hyperparameters of LightGBM, by names that it knows."""

    algorithm: Literal["lightgbm"] = "lightgbm"
    num_round: int = Field(400, ge=1, le=10_000, description="Rounds of boosting at most.")
    early_stopping_rounds: int = Field(
        40, ge=0, le=10_000, description="Rounds without a better validation average precision to stop after; 0 is off."
    )
    eta: float = Field(0.05, gt=0, le=1, description="Learning rate.")
    num_leaves: int = Field(15, ge=2, le=65_536, description="Leaves of a tree at most.")
    max_depth: int = Field(64, ge=1, le=64, description="Depth of a tree at most.")
    min_data_in_leaf: int = Field(20, ge=1, le=1_000_000, description="Rows in a leaf at least.")
    lambda_: float = Field(1, alias="lambda", ge=0, le=10_000, description="L2 regularisation of leaf weights.")
    subsample: float = Field(1, gt=0, le=1, description="Share of rows drawn for each round.")
    colsample_bytree: float = Field(1, gt=0, le=1, description="Share of columns drawn for each tree.")
    max_bin: int = Field(4096, ge=2, le=65_535, description="Histogram bins per column.")

    @property
    def most_rounds(self) -> int:
        """As `FamilyParameters.most_rounds`."""
        return self.num_round

    def booster_parameters(self) -> dict[str, Any]:
        """Return what LightGBM's `params` take."""
        return self.model_dump(exclude={"algorithm", "num_round", "early_stopping_rounds"}, by_alias=True)


@dataclass(frozen=True)
class FittedLightGBM:
    """A booster cut to the rounds that it keeps."""

    booster: Any
    rounds: int
    width: int
    threads: int

    def scores(self, features: Float32Matrix) -> NDArray[np.float64]:
        """As `Fitted.scores`."""
        scores: NDArray[np.float64] = self.booster.predict(features, num_threads=self.threads)
        return scores

    def to_onnx(self) -> bytes:
        """As `Fitted.to_onnx`."""
        return to_onnx(self.booster.dump_model(), self.width)

    def native_files(self) -> Mapping[str, bytes]:
        """As `Fitted.native_files`: without the parameters, which a reader does not need."""
        return {NATIVE_FILE: self.booster.model_to_string().partition(PARAMETERS)[0].encode()}


PARAMETERS = "\nparameters:"


def fit(training: Sequence[Block], validation: Block, settings: FitSettings) -> FittedLightGBM:
    """Return the model of the best round by validation average precision, or of all rounds without early stopping.

    Raises `SettingError` where LightGBM's library, or one that it needs, is not installed.
    """
    need_library()
    import lightgbm

    given = parameters_of(settings, LightGBMParameters)
    parameters = {
        **FIXED,
        **given.booster_parameters(),
        "seed": settings.seed,
        "num_threads": settings.threads,
        "scale_pos_weight": settings.fraud_weight,
    }
    categories = np.flatnonzero(settings.categories).tolist()
    labels = np.concatenate([block.labels for block in training])
    train = lightgbm.Dataset(
        [block.features for block in training], labels, categorical_feature=categories, params=parameters
    )
    held_out = lightgbm.Dataset(validation.features, validation.labels, reference=train)
    booster = lightgbm.train(
        parameters,
        train,
        num_boost_round=settings.rounds or given.num_round,
        valid_sets=[train, held_out],
        valid_names=[TRAIN, VALIDATION],
        feval=_metric(settings.measure, {id(train): training[0].labels, id(held_out): validation.labels}),
        callbacks=[_watch(settings, 0 if settings.rounds else given.early_stopping_rounds)],
    )
    kept = booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()
    return FittedLightGBM(_cut(booster, kept), kept, validation.features.shape[1], settings.threads)


def _cut(booster: Any, rounds: int) -> Any:
    """Return a booster of the first `rounds` of `booster`, without its data."""
    import lightgbm

    return lightgbm.Booster(model_str=booster.model_to_string(num_iteration=rounds))


def _metric(measure: Measure, truths: Mapping[int, NDArray[np.uint8]]) -> Callable[..., tuple[str, float, bool]]:
    """Return `measure` as LightGBM calls metrics; rows after those with a truth are synthetic and not measured."""

    def metric(scores: NDArray[np.float64], data: Any) -> tuple[str, float, bool]:
        labels = truths[id(data)]
        return METRIC, measure(labels, scores[: len(labels)]), True

    return metric


def _watch(settings: FitSettings, patience: int) -> Callable[[Any], None]:
    """Return a callback that tells of each round, and ends the fit on a stop or after `patience` rounds in vain."""
    from lightgbm.callback import EarlyStopException

    hooks, best = settings.hooks, Round(0, 0.0, -np.inf)

    def watch(state: Any) -> None:
        nonlocal best
        latest = {name: figure for name, _, figure, _ in state.evaluation_result_list}
        done = Round(state.iteration + 1, latest[TRAIN], latest[VALIDATION])
        hooks.on_round(done)
        if done.validation_average_precision > best.validation_average_precision:
            best = done
        in_vain = patience and done.number - best.number >= patience
        if hooks.should_stop() or in_vain or (patience and done.number == state.end_iteration):
            kept = best if patience else done
            raise EarlyStopException(kept.number - 1, state.evaluation_result_list)

    return watch


FAMILY = Family(LightGBMParameters, fit)
