"""XGBoost: gradient-boosted trees by histograms.

Knows XGBoost and its way to ONNX. Never knows files, thresholds, resampling, other families.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fraud_detect.errors import SettingError
from fraud_detect.estimators.boosting import Boosting
from fraud_detect.estimators.family import (
    Block,
    Family,
    FamilyParameters,
    FitSettings,
    Measure,
    parameters_of,
)
from fraud_detect.estimators.xgboost_matrices import matrices
from fraud_detect.estimators.xgboost_native import NATIVE_FILE
from fraud_detect.estimators.xgboost_onnx import to_onnx
from fraud_detect.schema import Float32Matrix

CPU, CUDA, DRIVER = "cpu", "cuda", "libcuda.so.1"
HIST, OTHER_METHOD = "hist", "approx"
DRAWING = ("subsample", "colsample_bytree", "colsample_bylevel", "colsample_bynode")

logger = logging.getLogger(__name__)


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
    device: Literal["cpu", "cuda", "auto"] = Field(
        "cpu",
        description="Where trees are grown; cuda needs xgboost with CUDA and a GPU, auto takes them where they are, "
        "else the CPU with a warning.",
    )

    @property
    def most_rounds(self) -> int:
        """As `FamilyParameters.most_rounds`."""
        return self.num_round

    @property
    def fits_from_disk(self) -> bool:
        """As `FamilyParameters.fits_from_disk`: on a GPU, XGBoost's external memory is the machine's."""
        return self.device == CPU

    @property
    def can_go_on(self) -> bool:
        """As `FamilyParameters.can_go_on`: sums on a GPU may differ with the way in which scores were come by."""
        return self.device == CPU

    @property
    def draws(self) -> bool:
        """Whether rows or columns are drawn at random."""
        return any(getattr(self, name) < 1 for name in DRAWING)

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
        if len(features) == 0:
            return np.empty(0)
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

    settings = on_a_device(settings)
    ended = settings.snapshots.model
    with xgboost.config_context(verbosity=0):
        booster = _loaded(ended, settings) if ended else _boosted(training, validation, settings)
    booster.set_param({"device": CPU})  # rows to score are there
    return FittedXGBoost(booster, booster.num_boosted_rounds(), validation.features.shape[1])


def _loaded(model: bytes, settings: FitSettings) -> Any:
    import xgboost

    return xgboost.Booster({"nthread": settings.threads}, model_file=bytearray(model))


def _boosted(training: Sequence[Block], validation: Block, settings: FitSettings) -> Any:
    """Return a booster of the rounds that the model keeps.

    XGBoost's own loop counts rounds from 0 when it goes on, and would draw again what it drew at first.
    """
    import xgboost

    given, begin = parameters_of(settings, XGBoostParameters), settings.snapshots.booster
    patience = 0 if settings.rounds else given.early_stopping_rounds
    boosting = Boosting(settings, patience=patience, most_rounds=settings.rounds or given.num_round)
    train, held_out = matrices(training, validation, settings, given.max_bin)
    truths = ((train, training[0].labels), (held_out, validation.labels))
    booster = xgboost.Booster(_parameters(settings), [train, held_out], model_file=bytearray(begin) if begin else None)
    while not boosting.is_over:
        if given.draws:
            _forget_draws(booster)
        booster.update(train, boosting.done)
        on_train, on_held_out = (_measured(booster, matrix, labels, settings.measure) for matrix, labels in truths)
        boosting.add(on_train, on_held_out, lambda: bytes(booster.save_raw("ubj")))
    model = booster[: boosting.kept]
    boosting.finish(lambda: bytes(model.save_raw("ubj")))
    return model


def _parameters(settings: FitSettings) -> dict[str, Any]:
    return {
        "objective": "binary:logistic",
        "tree_method": HIST,
        "disable_default_eval_metric": True,
        "seed": settings.seed,
        "seed_per_iteration": True,
        "nthread": settings.threads,
        "scale_pos_weight": settings.fraud_weight,
        **parameters_of(settings, XGBoostParameters).booster_parameters(),
    }


def _forget_draws(booster: Any) -> None:
    """Let what the next round draws depend on the seed and its number, and not on the rounds before it.

    The seed of a round is its own, but what draws columns for the trees lives as long as the tree method is the same.
    """
    booster.set_param({"tree_method": OTHER_METHOD})
    booster.num_boosted_rounds()  # a parameter is heeded once it is needed
    booster.set_param({"tree_method": HIST})


def _measured(booster: Any, matrix: Any, labels: NDArray[np.uint8], measure: Measure) -> float:
    """Return `measure` of the first rows: those after the ones with a label are synthetic and not measured."""
    return measure(labels, booster.predict(matrix)[: len(labels)])


def on_a_device(settings: FitSettings) -> FitSettings:
    """Return `settings` with a device that is there.

    XGBoost would go on without a GPU that it was asked for. Raises `SettingError` in its stead.
    """
    given = parameters_of(settings, XGBoostParameters)
    lack = None if given.device == CPU else _lack_of_cuda()
    if lack is not None and given.device == CUDA:
        raise SettingError(
            f"device=cuda, but {lack}",
            expected="XGBoost with CUDA, and a GPU",
            remedy="Set device=auto or cpu, or train with the package `xgboost` in the place of `xgboost-cpu` (the "
            "image by `docker build --build-arg CUDA=1`), where there is a GPU.",
        )
    if lack is not None:
        logger.warning("device=auto: trees are grown on the CPU, since %s", lack)
    device = CPU if given.device == CPU or lack is not None else CUDA
    return replace(settings, parameters=given.model_copy(update={"device": device}))


def _lack_of_cuda() -> str | None:
    """Return what is not there for trees to be grown on a GPU; None if all is."""
    import xgboost

    if not xgboost.build_info().get("USE_CUDA"):
        return "XGBoost is built without CUDA"
    return None if _gpus() else "CUDA finds no GPU here"


def _gpus() -> int:
    """Return how many GPUs NVIDIA's driver finds: https://docs.nvidia.com/cuda/cuda-driver-api/."""
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return 0
    count = ctypes.c_int()
    failed = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    return 0 if failed else count.value


FAMILY = Family(XGBoostParameters, fit, on_many_hosts=True)
