"""XGBoost: gradient-boosted trees by histograms.

Knows XGBoost and its way to ONNX. Never knows files, thresholds, resampling, other families.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fraud_detect.errors import SettingError
from fraud_detect.estimators.family import Block, Family, FamilyParameters, FitSettings, Measure, Round, parameters_of
from fraud_detect.estimators.xgboost_native import NATIVE_FILE
from fraud_detect.estimators.xgboost_onnx import to_onnx
from fraud_detect.schema import Float32Matrix

CPU, CUDA, DRIVER = "cpu", "cuda", "libcuda.so.1"
METRIC = "average_precision"
TRAIN, VALIDATION = "train", "validation"
LEGITIMATE_PER_FRAUD = 10
FEWEST_LEGITIMATE, MOST_FRAUDS = 10_000, 100_000
"""Histogram cuts are taken from the frauds and this many legitimate rows a fraud, so that bins are narrow where frauds
are. docs/decisions/0006 has the measurements."""


class XGBoostParameters(FamilyParameters):
    """Hyperparameters of XGBoost, by its own names."""

    algorithm: Literal["xgboost"] = "xgboost"
    num_round: int = Field(200, ge=1, le=10_000, description="Rounds of boosting at most.")
    early_stopping_rounds: int = Field(
        20, ge=0, le=10_000, description="Rounds without a better validation average precision to stop after; 0 is off."
    )
    eta: float = Field(0.1, gt=0, le=1, description="Learning rate.")
    max_depth: int = Field(6, ge=1, le=16, description="Depth of a tree at most.")
    min_child_weight: float = Field(1, ge=0, le=10_000, description="Least sum of Hessians in a leaf.")
    gamma: float = Field(0, ge=0, le=10_000, description="Least loss reduction for a split.")
    subsample: float = Field(1, gt=0, le=1, description="Share of rows drawn for each round.")
    colsample_bytree: float = Field(1, gt=0, le=1, description="Share of columns drawn for each tree.")
    colsample_bylevel: float = Field(1, gt=0, le=1, description="Share of columns drawn for each level.")
    colsample_bynode: float = Field(1, gt=0, le=1, description="Share of columns drawn for each split.")
    lambda_: float = Field(1, alias="lambda", ge=0, le=10_000, description="L2 regularisation of leaf weights.")
    alpha: float = Field(0, ge=0, le=10_000, description="L1 regularisation of leaf weights.")
    max_delta_step: float = Field(0, ge=0, le=100, description="Largest step of a leaf weight; 0 is no limit.")
    grow_policy: Literal["depthwise", "lossguide"] = Field("depthwise", description="Where trees grow first.")
    max_leaves: int = Field(0, ge=0, le=65_536, description="Leaves of a tree at most; 0 is no limit.")
    max_bin: int = Field(1024, ge=2, le=65_536, description="Histogram bins per column.")
    device: Literal["cpu", "cuda"] = Field("cpu", description="Where trees are grown; cuda needs xgboost with CUDA.")

    @property
    def most_rounds(self) -> int:
        """As `FamilyParameters.most_rounds`."""
        return self.num_round

    def booster_parameters(self) -> dict[str, float | int | str]:
        """Return what XGBoost's `params` take."""
        return self.model_dump(exclude={"algorithm", "num_round", "early_stopping_rounds"}, by_alias=True)


@dataclass(frozen=True)
class FittedXGBoost:
    """A booster cut to the rounds that it keeps."""

    booster: Any
    rounds: int
    width: int

    def scores(self, features: Float32Matrix) -> NDArray[np.float64]:
        """As `Fitted.scores`."""
        scores: NDArray[np.float64] = self.booster.inplace_predict(features).astype(np.float64)
        return scores

    def to_onnx(self) -> bytes:
        """As `Fitted.to_onnx`."""
        return to_onnx(self.booster, self.width)

    def native_files(self) -> Mapping[str, bytes]:
        """As `Fitted.native_files`."""
        return {NATIVE_FILE: bytes(self.booster.save_raw("ubj"))}


def fit(training: Sequence[Block], validation: Block, settings: FitSettings) -> FittedXGBoost:
    """Return the model of the best round by validation average precision, or of all rounds without early stopping.

    Raises `SettingError` where trees are to be grown by CUDA and cannot be.
    """
    import xgboost

    given, types = parameters_of(settings, XGBoostParameters), _types(settings)
    if given.device == CUDA:
        need_cuda()
    parameters = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "disable_default_eval_metric": True,
        "seed": settings.seed,
        "nthread": settings.threads,
        "scale_pos_weight": settings.fraud_weight,
        **given.booster_parameters(),
    }
    with xgboost.config_context(verbosity=0):
        cuts = _cuts((*training, validation), settings)
        max_bin = given.max_bin
        train = xgboost.QuantileDMatrix(_stream(training, types), ref=cuts, max_bin=max_bin, nthread=settings.threads)
        held_out = xgboost.QuantileDMatrix(
            validation.features,
            label=validation.labels,
            ref=train,
            max_bin=max_bin,
            feature_types=types,
            nthread=settings.threads,
        )
        truths = {id(train): training[0].labels, id(held_out): validation.labels}
        booster = xgboost.train(
            parameters,
            train,
            num_boost_round=settings.rounds or given.num_round,
            evals=[(train, TRAIN), (held_out, VALIDATION)],
            custom_metric=_metric(settings.measure, truths),
            callbacks=_callbacks(settings),
            verbose_eval=False,
        )
    booster.set_param({"device": CPU})  # rows to score are there
    return FittedXGBoost(booster, booster.num_boosted_rounds(), validation.features.shape[1])


def need_cuda() -> None:
    """Raise `SettingError` unless XGBoost is built with CUDA and the machine has a GPU: it would go on without."""
    import xgboost

    remedy = "Set device=cpu, or train with the package `xgboost` in the place of `xgboost-cpu`, where there is a GPU."
    if not xgboost.build_info().get("USE_CUDA"):
        raise SettingError("device=cuda, but XGBoost is built without CUDA", expected="a build with it", remedy=remedy)
    if not _gpus():
        raise SettingError("device=cuda, but CUDA finds no GPU here", expected="one at least", remedy=remedy)


def _gpus() -> int:
    """Return how many GPUs NVIDIA's driver finds: https://docs.nvidia.com/cuda/cuda-driver-api/."""
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return 0
    count = ctypes.c_int()
    failed = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    return 0 if failed else count.value


def _cuts(blocks: Sequence[Block], settings: FitSettings) -> Any:
    """Return a matrix of the first block's frauds and some legitimate rows, from which histogram cuts are taken."""
    import xgboost

    real, rng = blocks[0], np.random.default_rng(settings.seed)
    frauds = _drawn(np.flatnonzero(real.labels), MOST_FRAUDS, rng)
    wanted = max(FEWEST_LEGITIMATE, LEGITIMATE_PER_FRAUD * len(frauds))
    rows = np.sort(np.concatenate((frauds, _drawn(np.flatnonzero(real.labels == 0), wanted, rng))))
    return xgboost.QuantileDMatrix(
        np.vstack((real.features[rows], _highest_codes(blocks, settings.categories))),
        label=np.append(real.labels[rows], 0),
        max_bin=parameters_of(settings, XGBoostParameters).max_bin,
        feature_types=_types(settings),
        nthread=settings.threads,
    )


def _types(settings: FitSettings) -> list[str]:
    return ["c" if categories else "float" for categories in settings.categories]


def _highest_codes(blocks: Sequence[Block], categories: Sequence[int]) -> Float32Matrix:
    """Return one row with the highest code of each category column: XGBoost knows codes up to the highest it sees."""
    row = np.full((1, len(categories)), np.nan, dtype=np.float32)
    for place in np.flatnonzero(categories):
        row[0, place] = max(np.nanmax(block.features[:, place], initial=0) for block in blocks)
    return row


def _drawn(indices: NDArray[np.intp], most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    return indices if len(indices) <= most else rng.choice(indices, most, replace=False)


def _metric(measure: Measure, truths: Mapping[int, NDArray[np.uint8]]) -> Callable[..., tuple[str, float]]:
    """Return `measure` as XGBoost calls metrics; rows after those with a truth are synthetic and not measured."""

    def custom_metric(scores: NDArray[np.float32], matrix: Any) -> tuple[str, float]:
        labels = truths[id(matrix)]
        return METRIC, measure(labels, scores[: len(labels)])

    return custom_metric


def _stream(blocks: Sequence[Block], types: Sequence[str]) -> Any:
    """Return the blocks as XGBoost takes data in parts, so that they need not be copied into one matrix."""
    import xgboost

    class Stream(xgboost.DataIter):
        def __init__(self) -> None:
            self._left = list(blocks)
            super().__init__()

        def next(self, input_data: Callable[..., None]) -> bool:
            if not self._left:
                return False
            block = self._left.pop(0)
            input_data(data=block.features, label=block.labels, feature_types=list(types))
            return True

        def reset(self) -> None:
            self._left = list(blocks)

    return Stream()


def _callbacks(settings: FitSettings) -> list[Any]:
    import xgboost

    hooks = settings.hooks
    patience = 0 if settings.rounds else parameters_of(settings, XGBoostParameters).early_stopping_rounds

    class Tell(xgboost.callback.TrainingCallback):
        def after_iteration(self, _model: Any, epoch: int, evals_log: Any) -> bool:
            latest = {name: logged[METRIC][-1] for name, logged in evals_log.items()}
            hooks.on_round(Round(epoch + 1, latest[TRAIN], latest[VALIDATION]))
            return False

    class Stop(xgboost.callback.TrainingCallback):
        def after_iteration(self, _model: Any, _epoch: int, _evals_log: Any) -> bool:
            return hooks.should_stop()

    best = xgboost.callback.EarlyStopping(
        rounds=patience, metric_name=METRIC, data_name=VALIDATION, maximize=True, save_best=True
    )
    # A callback that ends the training keeps those after it from seeing the round: `Stop` comes last.
    return [Tell(), *([best] if patience else []), Stop()]


FAMILY = Family(XGBoostParameters, fit)
