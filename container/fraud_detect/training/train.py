"""Fit, calibrate, choose a threshold, evaluate, export.

Knows families, samplers and evaluation by name. Never knows /opt/ml, exit codes, the environment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.calibration import Calibration, NoCalibration
from fraud_detect.artifact.manifest import MODEL, Labels, Threshold, TrainingData
from fraud_detect.artifact.scorer import Scorer
from fraud_detect.errors import Stopped
from fraud_detect.estimators.family import Block, FitSettings, Fitted, Hooks, Round
from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.evaluation.calibrate import CALIBRATIONS
from fraud_detect.evaluation.metrics import Evaluation, evaluate
from fraud_detect.evaluation.ranking import average_precision_of
from fraud_detect.evaluation.threshold import choose
from fraud_detect.resampling import SAMPLERS, Resampling
from fraud_detect.schema import ColumnKind, Float32Matrix, Schema
from fraud_detect.tables.table import Rows
from fraud_detect.training.libraries import versions
from fraud_detect.training.parameters import Hyperparameters
from fraud_detect.training.partition import Parts

ALGORITHM = "xgboost"
PARITY_ROWS = 5_000
PARITY_TOLERANCE = 1e-5
FEW_FRAUDS = 20
TOO_GOOD = 0.999

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Observer:
    """What training tells meanwhile, and how it is told to stop.

    `on_round` gets the stage, `model` or `comparison`, and the round.
    """

    on_round: Callable[[str, Round], None] = lambda _stage, _round: None
    should_stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Trained:
    """A model as files, the fields of its manifest, and the content of metrics.json."""

    files: Mapping[str, bytes]
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]


@dataclass(frozen=True)
class _Candidate:
    """A fitted model with everything that was chosen on the validation rows."""

    fitted: Fitted
    calibration: Calibration
    threshold: Threshold
    validation: Evaluation


@dataclass
class _Training:
    """The steps of one training job, on parts that do not change."""

    parts: Parts
    schema: Schema
    labels: Labels
    parameters: Hyperparameters
    threads: int
    observer: Observer = field(default_factory=Observer)

    def run(self) -> Trained:
        """Return the trained model. Raises `Stopped` if a stop was asked for before the first round."""
        synthetic = self._synthetic()
        if self.observer.should_stop():
            raise Stopped("stopped before the first round: there is no model to save")
        candidate = self._candidate("model", synthetic)
        stopped = self.observer.should_stop()  # now: a stop that comes later did not cut this model short
        plain = self._without_resampling(candidate, synthetic)
        files = {MODEL: candidate.fitted.to_onnx(), **candidate.fitted.native_files()}
        check_parity(files[MODEL], candidate.fitted, _sample(self.parts.training))
        metrics = {**self._metrics(candidate, plain, len(synthetic)), "stopped": stopped}
        _comment(metrics)
        return Trained(files, self._manifest(candidate, metrics), metrics)

    def _synthetic(self) -> Float32Matrix:
        parameters, training = self.parameters, self.parts.training
        resampling = Resampling(parameters.resampling_ratio, parameters.k_neighbors, parameters.seed)
        return SAMPLERS[parameters.resampler](training.features, training.labels, self._categorical(), resampling)

    def _categorical(self) -> list[bool]:
        return [column.kind is not ColumnKind.NUMBER for column in self.schema.columns]

    def _candidate(self, stage: str, synthetic: Float32Matrix) -> _Candidate:
        parts, parameters = self.parts, self.parameters
        blocks = [Block(parts.training.features, parts.training.labels)]
        if len(synthetic):
            blocks.append(Block(synthetic, np.ones(len(synthetic), dtype=np.uint8)))
        held_out = Block(parts.validation.features, parts.validation.labels)
        logger.info("%s: fitting on %d rows, %d synthetic", stage, sum(len(b.labels) for b in blocks), len(synthetic))
        fitted = FAMILIES[ALGORITHM](blocks, held_out, self._settings(stage))
        logger.info("%s: kept %d of at most %d rounds", stage, fitted.rounds, parameters.num_round)
        scores = fitted.scores(held_out.features)
        calibration = CALIBRATIONS[parameters.calibration](held_out.labels, scores)
        probabilities = calibration.apply(scores)
        threshold = choose(held_out.labels, probabilities, parameters.threshold_policy, parameters.threshold_target)
        return _Candidate(fitted, calibration, threshold, self._evaluate(held_out.labels, probabilities, threshold))

    def _settings(self, stage: str) -> FitSettings:
        parameters, observer = self.parameters, self.observer
        return FitSettings(
            rounds=parameters.num_round,
            early_stopping_rounds=parameters.early_stopping_rounds,
            measure=average_precision_of,
            parameters=parameters.booster_parameters(),
            categorical=[column.kind is ColumnKind.CATEGORY for column in self.schema.columns],
            seed=parameters.seed,
            threads=self.threads,
            hooks=Hooks(lambda done: observer.on_round(stage, done), observer.should_stop),
        )

    def _without_resampling(self, candidate: _Candidate, synthetic: Float32Matrix) -> _Candidate | None:
        """Return the model without synthetic rows, for comparison; None where a stop leaves no time for it."""
        if len(synthetic) == 0:
            return candidate
        if self.observer.should_stop():
            return None
        plain = self._candidate("comparison", synthetic[:0])
        return None if self.observer.should_stop() else plain  # cut short, it would compare unlike things

    def _evaluate(
        self, labels: NDArray[np.uint8], probabilities: NDArray[np.float64], threshold: Threshold
    ) -> Evaluation:
        rng = np.random.default_rng(self.parameters.seed)
        return evaluate(labels, probabilities, threshold.value, samples=self.parameters.bootstrap_samples, rng=rng)

    def _metrics(self, candidate: _Candidate, plain: _Candidate | None, synthetic: int) -> dict[str, Any]:
        parts, model = self.parts, candidate.fitted
        probabilities = candidate.calibration.apply(model.scores(parts.training.features))
        train = evaluate(parts.training.labels, probabilities, candidate.threshold.value)
        return {
            "train": train.as_json(),
            "validation": candidate.validation.as_json(),
            "test": None if parts.test is None else self._test(candidate, parts.test).as_json(),
            "threshold": candidate.threshold.model_dump(mode="json"),
            "calibration": candidate.calibration.model_dump(mode="json"),
            "rounds": model.rounds,
            "resampling": {
                "resampler": self.parameters.resampler,
                "synthetic_frauds": synthetic,
                "with": candidate.validation.as_json() if synthetic else None,
                "without": None if plain is None else plain.validation.as_json(),
            },
        }

    def _test(self, candidate: _Candidate, test: Rows) -> Evaluation:
        probabilities = candidate.calibration.apply(candidate.fitted.scores(test.features))
        return self._evaluate(test.labels, probabilities, candidate.threshold)

    def _manifest(self, candidate: _Candidate, metrics: Mapping[str, Any]) -> dict[str, Any]:
        training = self.parts.training
        return {
            "libraries": versions(),
            "algorithm": ALGORITHM,
            "schema": self.schema,
            "labels": self.labels,
            "calibration": candidate.calibration,
            "threshold": candidate.threshold,
            "hyperparameters": self.parameters.model_dump(mode="json", by_alias=True),
            "metrics": {name: metrics[name] for name in ("train", "validation", "test")},
            "training_data": TrainingData(rows=len(training), frauds=training.frauds, sha256=training.sha256()),
        }


def train(
    parts: Parts,
    schema: Schema,
    labels: Labels,
    parameters: Hyperparameters,
    *,
    threads: int,
    observer: Observer | None = None,
) -> Trained:
    """Return the model of `parameters` for `parts`, with and without resampling evaluated on the validation rows.

    Raises
    ------
    Stopped
        If the observer asked to stop before the first round was done.
    TableError
        If the rows do not allow what was asked, such as SMOTE on one fraud.
    RuntimeError
        If the exported model scores differently from the fitted one.
    """
    return _Training(parts, schema, labels, parameters, threads, observer or Observer()).run()


def _comment(metrics: Mapping[str, Any]) -> None:
    """Log what a reader of the metrics should not overlook."""
    resampling, reached = metrics["resampling"], metrics["validation"]["average_precision"]
    if resampling["with"] and resampling["without"]:
        made, plain = (resampling[name]["average_precision"] for name in ("with", "without"))
        logger.info("validation average precision %.3f with %s, %.3f without", made, resampling["resampler"], plain)
    for part in ("validation", "test"):
        frauds = metrics[part]["frauds"] if metrics[part] else FEW_FRAUDS
        if frauds < FEW_FRAUDS:
            logger.warning("the %s part has %d frauds: its figures say little, see their intervals", part, frauds)
    if reached > TOO_GOOD:
        logger.warning("validation average precision is %.4f: does a feature give the label away?", reached)
    if metrics["stopped"]:
        logger.warning("stopped early: the model has %d rounds", metrics["rounds"])


def _sample(rows: Rows) -> Float32Matrix:
    """Return up to `PARITY_ROWS` rows, evenly spaced, and as many frauds."""
    spaced = np.linspace(0, len(rows) - 1, min(PARITY_ROWS, len(rows))).astype(np.intp)
    frauds = np.flatnonzero(rows.labels)[:PARITY_ROWS]
    sample: Float32Matrix = rows.features[np.union1d(spaced, frauds)]
    return sample


def check_parity(graph: bytes, fitted: Fitted, rows: Float32Matrix) -> None:
    """Raise `RuntimeError` if the exported `graph` scores any of `rows` otherwise than the `fitted` model."""
    exported, own = Scorer(graph, NoCalibration()).scores(rows), fitted.scores(rows)
    difference = float(np.abs(exported - own).max())
    logger.info("export: largest difference in score on %d rows is %.1e", len(rows), difference)
    if not difference <= PARITY_TOLERANCE:
        raise RuntimeError(
            f"the exported model differs from the fitted one by {difference:.2e} in score, above {PARITY_TOLERANCE:g}"
        )


def final_metrics(metrics: Mapping[str, Any], names: Sequence[str]) -> dict[str, float]:
    """Return the metrics in `names` of each part as one flat table, `validation_average_precision` and so on."""
    parts = {part: metrics[part] for part in ("train", "validation", "test") if metrics[part] is not None}
    values = {f"{part}_{name}": figures[name] for part, figures in parts.items() for name in names}
    return {name: value for name, value in values.items() if value is not None}
