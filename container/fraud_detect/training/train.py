"""One job: the model, its comparison, its folds; evaluated and exported.

Knows how models are made and measured. Never knows /opt/ml, exit codes, the environment.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.calibration import NoCalibration
from fraud_detect.artifact.manifest import MODEL, Labels, TrainingData
from fraud_detect.artifact.scorer import Scorer
from fraud_detect.errors import Stopped
from fraud_detect.estimators.family import Fitted
from fraud_detect.evaluation.by_day import by_day
from fraud_detect.evaluation.folds import whole_days
from fraud_detect.evaluation.split import row_hashes
from fraud_detect.hosts import ALONE, Hosts, in_order, sums
from fraud_detect.resampling.registry import NONE
from fraud_detect.schema import Float32Matrix, Schema
from fraud_detect.tables.table import Rows
from fraud_detect.training.candidate import Candidate, Observer, Procedure, better
from fraud_detect.training.checkpoints import Checkpoints
from fraud_detect.training.checkpoints_together import snapshots
from fraud_detect.training.cross_validation import cross_validation, folds
from fraud_detect.training.libraries import versions
from fraud_detect.training.parameters import Hyperparameters
from fraud_detect.training.partition import Parts
from fraud_detect.training.predictions import Predictions
from fraud_detect.training.prequential import prequential

PARITY_ROWS = 5_000
PARITY_TOLERANCE = 1e-5
FEW_FRAUDS = 20
TOO_GOOD = 0.999

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A model as files, the fields of its manifest, and the content of metrics.json."""

    files: Mapping[str, bytes]
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]


@dataclass
class _Training:
    """The steps of one training job, on parts that do not change."""

    parts: Parts
    labels: Labels
    procedure: Procedure

    def run(self) -> Trained:
        """Return the trained model. Raises `Stopped` if a stop was asked for before the first round."""
        parts, procedure = self.parts, self.procedure
        sample = procedure.sample(parts.training)
        if self._stopped():
            raise Stopped("stopped before the first round: there is no model to save")
        made = procedure.candidate("model", sample, parts.validation)
        plain = self._plain(made) if procedure.has_a_choice else None
        chosen = made if plain is None or plain is made else better(made, plain)
        model = procedure.refitted("model", chosen, parts.validation)
        stopped = self._stopped()  # now: a stop that comes later did not cut this model short
        files = {MODEL: model.fitted.to_onnx(), **model.fitted.native_files()}
        check_parity(files[MODEL], model.fitted, _sample(model.rows))
        metrics = {
            **self._metrics(chosen, model),
            "left_out_rows": dict(parts.left_out_rows),
            "resampling": self._resampling(made, plain or self._plain(made), chosen),
            "prequential": prequential(parts.folds, procedure) if parts.folds else None,
            "cross_validation": self._cross_validation(),
            "stopped": stopped,
        }
        _comment(metrics)
        return Trained(files, self._manifest(model, metrics), metrics)

    def _cross_validation(self) -> dict[str, Any] | None:
        if self.procedure.parameters.cv_folds == 0:
            return None
        return cross_validation(self.parts.cross_validated(), self.procedure)

    def _stopped(self) -> bool:
        return self.procedure.observer.should_stop()

    def _plain(self, made: Candidate) -> Candidate | None:
        """Return the model of the plain rows, for comparison; None where a stop leaves no time for it."""
        if not made.sample.is_changed:
            return made
        if self._stopped():
            return None
        plain = self.procedure.candidate("comparison", self.procedure.plain(made.rows), self.parts.validation)
        return None if self._stopped() else plain  # cut short, it would compare unlike things

    def _resampling(self, made: Candidate, plain: Candidate | None, chosen: Candidate) -> dict[str, Any]:
        """Return what was made and left out, by the resampler that there was to compare, and what it came to."""
        sample, procedure = made.sample, self.procedure
        is_plain = procedure.has_a_choice and not chosen.sample.is_changed
        return {
            "resampler": procedure.parameters.resampler,
            "compared": sample.resampler,
            "chosen": NONE if is_plain else chosen.sample.resampler,
            "synthetic_frauds": sample.counts.synthetic,
            "left_out_rows": sample.counts.left_out,
            "left_out_frauds": sample.counts.left_out_frauds,
            "fraud_weight": chosen.fraud_weight,
            "with": self._held_out(made, self.parts.validation) if sample.is_changed else None,
            "without": None if plain is None else self._held_out(plain, self.parts.validation),
        }

    def _held_out(self, model: Candidate, rows: Rows, part: str | None = None) -> dict[str, Any]:
        """Return the figures of `model` on `rows` with intervals; the observer gets the predictions of a `part`."""
        procedure, probabilities = self.procedure, model.probabilities(rows.features)
        if part is not None:
            procedure.observer.on_predictions(self._predictions(part, rows, probabilities))
        samples, threshold = procedure.parameters.bootstrap_samples, model.threshold.value
        return procedure.measures.evaluate(rows, probabilities, threshold, samples=samples).as_json()

    def _predictions(self, part: str, rows: Rows, probabilities: NDArray[np.float64]) -> Predictions:
        hosts, numbers = self.procedure.hosts, rows.numbers
        given: tuple[NDArray[Any], ...] = () if numbers is None else (numbers,)
        labels, probabilities, *numbered = in_order(hosts, numbers, rows.labels, probabilities, *given)
        return Predictions(part, numbered[0] if numbered else None, labels, probabilities)

    def _on_own_rows(self, model: Candidate) -> dict[str, Any]:
        probabilities = model.probabilities(model.rows.features)
        return self.procedure.measures.evaluate(model.rows, probabilities, model.threshold.value).as_json()

    def _metrics(self, chosen: Candidate, model: Candidate) -> dict[str, Any]:
        """Return the figures of `model`; those on validation rows are of the model that was `chosen` by them."""
        test = self.parts.test
        return {
            "train": self._on_own_rows(model),
            "validation": self._held_out(chosen, self.parts.validation, "validation"),
            "test": None if test is None else self._held_out(model, test, "test"),
            "test_by_day": None if test is None else self._by_day(model, test),
            "threshold": model.threshold.model_dump(mode="json"),
            "calibration": model.calibration.model_dump(mode="json"),
            "rounds": model.fitted.rounds,
            "refitted": model is not chosen,
        }

    def _by_day(self, model: Candidate, test: Rows) -> dict[str, Any] | None:
        if test.times is None or test.cards is None:
            return None
        k, columns = self.procedure.parameters.top_k, (test.times, test.cards, test.labels)
        times, cards, labels, probabilities = in_order(
            self.procedure.hosts, test.numbers, *columns, model.probabilities(test.features)
        )
        return {"top_k": k, **by_day(whole_days(times), cards, labels, probabilities, k).as_json()}

    def _manifest(self, model: Candidate, metrics: Mapping[str, Any]) -> dict[str, Any]:
        rows, procedure = model.rows, self.procedure
        return {
            "libraries": versions(procedure.parameters.algorithm),
            "algorithm": procedure.parameters.algorithm,
            "schema": procedure.schema,
            "labels": self.labels,
            "calibration": model.calibration,
            "threshold": model.threshold,
            "hyperparameters": procedure.parameters.by_name(),
            "metrics": {name: metrics[name] for name in ("train", "validation", "test")},
            "training_data": _fingerprint(rows, procedure.hosts),
        }


def train(
    parts: Parts,
    schema: Schema,
    labels: Labels,
    parameters: Hyperparameters,
    *,
    threads: int,
    observer: Observer | None = None,
    checkpoints: Checkpoints | None = None,
    hosts: Hosts = ALONE,
) -> Trained:
    """Return the model of `parameters` for `parts`, with and without resampling evaluated on the validation rows.

    The folds of `parts` come last, so that a stop loses folds and not the model. What `checkpoints` have of a fit is
    not done again; the rest of the job is. Several `hosts` have a part of the rows each; all get the same model, and it
    is that of all rows.

    Raises
    ------
    Stopped
        If the observer asked to stop before the first round was done.
    TableError
        If the rows do not allow what was asked, such as SMOTE on one fraud.
    RuntimeError
        If the exported model scores differently from the fitted one.
    """
    begin = partial(snapshots, checkpoints, hosts)
    procedure = Procedure(schema, parameters, threads, observer or Observer(), begin, hosts)
    _check(parts, procedure)
    return _Training(parts, labels, procedure).run()


def _check(parts: Parts, procedure: Procedure) -> None:
    """Raise `TableError` for what would fail only after the model is made."""
    _ = procedure.measures
    if procedure.parameters.cv_folds > 0:
        folds(parts.cross_validated(), procedure.parameters)


def _fingerprint(rows: Rows, hosts: Hosts) -> TrainingData:
    """Return what identifies the rows: on several hosts the checksum of their hashes, which need not be gathered."""
    frauds, count = sums(hosts, rows.frauds, len(rows))
    if hosts.count == 1:
        return TrainingData(rows=count, frauds=frauds, sha256=rows.sha256())
    hashes, labels = in_order(hosts, rows.numbers, row_hashes(rows.features, 0), rows.labels)
    digest = hashlib.sha256(hashes.tobytes() + labels.tobytes()).hexdigest()
    return TrainingData(rows=count, frauds=frauds, sha256=digest)


def _comment(metrics: Mapping[str, Any]) -> None:
    """Log what a reader of the metrics should not overlook."""
    resampling, reached = metrics["resampling"], metrics["validation"]["average_precision"]
    if resampling["with"] and resampling["without"]:
        made, plain = (resampling[name]["average_precision"] for name in ("with", "without"))
        logger.info("validation average precision %.3f with %s, %.3f without", made, resampling["compared"], plain)
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
    if len(rows) == 0:
        return  # of a host that has none to train on
    exported, own = Scorer(graph, NoCalibration()).scores(rows), fitted.scores(rows)
    difference = float(np.abs(exported - own).max())
    logger.info("export: largest difference in score on %d rows is %.1e", len(rows), difference)
    if not difference <= PARITY_TOLERANCE:
        raise RuntimeError(
            f"the exported model differs from the fitted one by {difference:.2e} in score, above {PARITY_TOLERANCE:g}"
        )


def final_metrics(metrics: Mapping[str, Any], names: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Return the metrics in `names`, by part, as one flat table, `validation_average_precision` and so on.

    The parts `prequential` and `cross_validation` have the means over their folds; `card_precision` is the mean over
    days.
    """
    parts = {part: dict(metrics[part]) for part in ("train", "validation", "test") if metrics[part] is not None}
    if metrics["test_by_day"] is not None:
        parts["test"] |= metrics["test_by_day"]
    for part in ("prequential", "cross_validation"):
        if metrics[part] is not None:
            parts[part] = metrics[part]["mean"]
    values = {f"{part}_{name}": figures.get(name) for part, figures in parts.items() for name in names.get(part, ())}
    return {name: value for name, value in values.items() if value is not None}
