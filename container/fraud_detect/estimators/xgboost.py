"""XGBoost: gradient-boosted trees by histograms.

Knows XGBoost and its way to ONNX. Never knows files, thresholds, resampling, other families.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.estimators.family import Block, FitSettings, Measure, Round
from fraud_detect.estimators.xgboost_onnx import to_onnx
from fraud_detect.schema import Float32Matrix

NATIVE_FILE = "model.ubj"
METRIC = "average_precision"
TRAIN, VALIDATION = "train", "validation"
LEGITIMATE_PER_FRAUD = 10
FEWEST_LEGITIMATE, MOST_FRAUDS = 10_000, 100_000
"""Histogram cuts are taken from the frauds and this many legitimate rows a fraud, so that bins are narrow where frauds
are. docs/decisions/0006 has the measurements."""


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
    """Return the model of the best round by validation average precision, or of all rounds without early stopping."""
    import xgboost

    types = _types(settings)
    parameters = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "disable_default_eval_metric": True,
        "seed": settings.seed,
        "nthread": settings.threads,
        **settings.parameters,
    }
    with xgboost.config_context(verbosity=0):
        cuts = _cuts((*training, validation), settings)
        max_bin = settings.parameters.get("max_bin")
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
            num_boost_round=settings.rounds,
            evals=[(train, TRAIN), (held_out, VALIDATION)],
            custom_metric=_metric(settings.measure, truths),
            callbacks=_callbacks(settings),
            verbose_eval=False,
        )
    return FittedXGBoost(booster, booster.num_boosted_rounds(), validation.features.shape[1])


def _cuts(blocks: Sequence[Block], settings: FitSettings) -> Any:
    """Return a matrix of the first block's frauds and some legitimate rows, from which histogram cuts are taken."""
    import xgboost

    real, rng = blocks[0], np.random.default_rng(settings.seed)
    frauds = _drawn(np.flatnonzero(real.labels), MOST_FRAUDS, rng)
    wanted = max(FEWEST_LEGITIMATE, LEGITIMATE_PER_FRAUD * len(frauds))
    rows = np.sort(np.concatenate((frauds, _drawn(np.flatnonzero(real.labels == 0), wanted, rng))))
    return xgboost.QuantileDMatrix(
        np.vstack((real.features[rows], _highest_codes(blocks, settings.categorical))),
        label=np.append(real.labels[rows], 0),
        max_bin=settings.parameters.get("max_bin"),
        feature_types=_types(settings),
        nthread=settings.threads,
    )


def _types(settings: FitSettings) -> list[str]:
    return ["c" if categorical else "float" for categorical in settings.categorical]


def _highest_codes(blocks: Sequence[Block], categorical: Sequence[bool]) -> Float32Matrix:
    """Return one row with the highest code of each category column: XGBoost knows codes up to the highest it sees."""
    row = np.full((1, len(categorical)), np.nan, dtype=np.float32)
    for place in np.flatnonzero(categorical):
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

    class Tell(xgboost.callback.TrainingCallback):
        def after_iteration(self, _model: Any, epoch: int, evals_log: Any) -> bool:
            latest = {name: logged[METRIC][-1] for name, logged in evals_log.items()}
            hooks.on_round(Round(epoch + 1, latest[TRAIN], latest[VALIDATION]))
            return False

    class Stop(xgboost.callback.TrainingCallback):
        def after_iteration(self, _model: Any, _epoch: int, _evals_log: Any) -> bool:
            return hooks.should_stop()

    best = xgboost.callback.EarlyStopping(
        rounds=settings.early_stopping_rounds, metric_name=METRIC, data_name=VALIDATION, maximize=True, save_best=True
    )
    # A callback that ends the training keeps those after it from seeing the round: `Stop` comes last.
    return [Tell(), *([best] if settings.early_stopping_rounds > 0 else []), Stop()]
