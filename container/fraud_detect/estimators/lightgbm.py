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

from fraud_detect.estimators.boosting import Boosting
from fraud_detect.estimators.family import Block, Family, FamilyParameters, FitSettings, Measure, parameters_of
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

    @property
    def can_go_on(self) -> bool:
        """As `FamilyParameters.can_go_on`: what rows are drawn depends on all rounds before in the same process."""
        return self.subsample == 1

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

    begin, width = settings.snapshots.booster, validation.features.shape[1]
    earlier = None if begin is None else lightgbm.Booster(model_str=begin.decode())
    if earlier and settings.snapshots.model:
        return FittedLightGBM(earlier, earlier.current_iteration(), width, settings.threads)
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
    features = [block.features for block in training]
    train = lightgbm.Dataset(
        np.concatenate(features) if earlier else features,  # an earlier booster scores no list
        labels,
        categorical_feature=categories,
        params=parameters,
    )
    held_out = lightgbm.Dataset(validation.features, validation.labels, reference=train)
    patience = 0 if settings.rounds else given.early_stopping_rounds
    boosting = Boosting(settings, patience=patience, most_rounds=settings.rounds or given.num_round)
    booster = lightgbm.train(
        parameters,
        train,
        num_boost_round=boosting.left,
        valid_sets=[train, held_out],
        valid_names=[TRAIN, VALIDATION],
        feval=_metric(settings.measure, {id(train): training[0].labels, id(held_out): validation.labels}),
        callbacks=[*([_draw_anew(settings.seed, boosting)] if given.colsample_bytree < 1 else []), _watch(boosting)],
        init_model=earlier,
    )
    model = _cut(booster, boosting.kept)
    boosting.finish(lambda: model.model_to_string().encode())
    return FittedLightGBM(model, boosting.kept, width, settings.threads)


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


def _draw_anew(seed: int, boosting: Boosting) -> Callable[[Any], None]:
    """Return a callback that makes the columns of a round depend on the seed and its number, not on those before."""

    def draw_anew(state: Any) -> None:
        own = int(np.random.SeedSequence((seed, boosting.done)).generate_state(1)[0] >> 1)
        state.model.reset_parameter({"feature_fraction_seed": own})

    draw_anew.before_iteration = True  # type: ignore[attr-defined]
    return draw_anew


def _watch(boosting: Boosting) -> Callable[[Any], None]:
    """Return a callback that notes each round, and ends the fit where `boosting` does."""
    from lightgbm.callback import EarlyStopException

    def watch(state: Any) -> None:
        latest = {name: figure for name, _, figure, _ in state.evaluation_result_list}
        boosting.add(latest[TRAIN], latest[VALIDATION], lambda: state.model.model_to_string().encode())
        if boosting.is_over:
            raise EarlyStopException(boosting.kept - 1, state.evaluation_result_list)

    return watch


FAMILY = Family(LightGBMParameters, fit)
