"""How every model of a job is made: resample, fit, calibrate, choose a threshold, and refit if asked.

Knows families, samplers and evaluation by name. Never knows which rows it is given, what becomes of the model.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.calibration import Calibration
from fraud_detect.artifact.manifest import Threshold
from fraud_detect.estimators.family import Block, Family, FitSettings, Fitted, Hooks, Round, Snapshots
from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.evaluation.calibrate import CALIBRATIONS, exact
from fraud_detect.evaluation.ranking import average_precision_of
from fraud_detect.evaluation.threshold import choose
from fraud_detect.hosts import ALONE, Hosts, in_order, sums
from fraud_detect.resampling.registry import NONE, SMOTE
from fraud_detect.resampling.resampled import Resampled, Resampling
from fraud_detect.schema import ColumnKind, Float32Matrix, Schema
from fraud_detect.tables.table import Rows
from fraud_detect.training.measures import Measures
from fraud_detect.training.parameters import AUTO, BALANCED, EXACT, Hyperparameters
from fraud_detect.training.predictions import Predictions
from fraud_detect.training.together import resample

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Observer:
    """What training tells meanwhile, and how it is told to stop.

    `on_round` gets the stage and the round; a stage is `model`, `comparison`, `fold 1 of 4`, `cv fold 1 of 15` and so
    on, or one of them with `refit` after it. `on_predictions` gets those of each held-out part and fold.
    """

    on_round: Callable[[str, Round], None] = lambda _stage, _round: None
    should_stop: Callable[[], bool] = lambda: False
    on_predictions: Callable[[Predictions], None] = lambda _predictions: None


@dataclass(frozen=True)
class Counts:
    """Rows over all hosts: real ones, those left out of them, and synthetic frauds."""

    rows: int
    frauds: int
    left_out: int
    left_out_frauds: int
    synthetic: int


@dataclass(frozen=True)
class Sample:
    """What a model is fitted on: those of its real `rows` that the resampler of that name keeps, and what it makes.

    Of several hosts, each has its own; `counts` are those of all.
    """

    rows: Rows
    resampler: str
    resampled: Resampled
    counts: Counts

    @classmethod
    def of(cls, rows: Rows, resampler: str, resampled: Resampled, hosts: Hosts) -> Sample:
        """Return the sample with its counts."""
        kept = resampled.kept
        left_out = rows.labels[:0] if kept is None else np.delete(rows.labels, kept)
        own = len(rows), rows.frauds, len(left_out), int(left_out.sum()), len(resampled.synthetic)
        return cls(rows, resampler, resampled, Counts(*sums(hosts, *own)))

    @property
    def frauds(self) -> int:
        """Number of frauds that are fitted on, synthetic ones among them."""
        return self.counts.frauds - self.counts.left_out_frauds + self.counts.synthetic

    @property
    def legitimate(self) -> int:
        """Number of legitimate rows that are fitted on."""
        left_out = self.counts.left_out - self.counts.left_out_frauds
        return self.counts.rows - self.counts.frauds - left_out

    @property
    def is_changed(self) -> bool:
        """Whether anything was made or left out."""
        return self.counts.synthetic > 0 or self.counts.left_out > 0 or self.resampled.kept is not None

    def blocks(self) -> list[Block]:
        """Return the real rows that are kept, copied only if others are not, and the synthetic ones, if any."""
        kept, synthetic = self.resampled.kept, self.resampled.synthetic
        real = self.rows if kept is None else self.rows.take(kept)
        blocks = [Block(real.features, real.labels, real.numbers)]
        if len(synthetic):
            blocks.append(Block(synthetic, np.ones(len(synthetic), dtype=np.uint8)))
        return blocks


@dataclass(frozen=True)
class Candidate:
    """A fitted model with what was chosen on the validation rows, and what it was fitted on.

    `average_precision` is that of its uncalibrated scores on the validation rows, `fraud_weight` what a fraud counted
    against a legitimate row.
    """

    fitted: Fitted
    calibration: Calibration
    threshold: Threshold
    average_precision: float
    fraud_weight: float
    sample: Sample

    @property
    def rows(self) -> Rows:
        """The real rows of the part that it was fitted on, those among them that a resampler left out."""
        return self.sample.rows

    def probabilities(self, features: Float32Matrix) -> NDArray[np.float64]:
        """Return calibrated probabilities, float64, shape (n,), for `features`, float32, shape (n, width)."""
        return self.calibration.apply(self.fitted.scores(features))


@dataclass(frozen=True)
class Procedure:
    """One way of making models, whatever the rows.

    `snapshots` gives what the fit of a stage goes on from, and takes what another one may go on from.
    """

    schema: Schema
    parameters: Hyperparameters
    threads: int
    observer: Observer = field(default_factory=Observer)
    snapshots: Callable[[str], Snapshots] = lambda _stage: Snapshots()
    hosts: Hosts = ALONE

    @property
    def _family(self) -> Family:
        return FAMILIES[self.parameters.algorithm]

    @property
    def has_a_choice(self) -> bool:
        """Whether the better of two candidates is to be taken: of `sample` and of `plain`."""
        return self.parameters.resampler == AUTO

    @cached_property
    def measures(self) -> Measures:
        """How its models are measured. Raises `TableError` if the schema lacks the column of amounts."""
        return Measures.of(self.schema, self.parameters, self.hosts)

    def sample(self, rows: Rows) -> Sample:
        """Return `rows` resampled as the parameters ask: by SMOTE where there is a choice.

        Families that learn nothing from frauds get the rows as they are.
        """
        if not self._family.learns_labels:
            logger.info("%s learns from legitimate rows alone: not resampled", self.parameters.algorithm)
            return self.plain(rows)
        return self._sample(rows, SMOTE if self.has_a_choice else self.parameters.resampler)

    def plain(self, rows: Rows) -> Sample:
        """Return `rows` as they are."""
        return self._sample(rows, NONE)

    def _sample(self, rows: Rows, resampler: str) -> Sample:
        from threadpoolctl import threadpool_limits

        parameters = self.parameters
        categorical = [column.kind is not ColumnKind.NUMBER for column in self.schema.columns]
        resampling = Resampling(parameters.resampling_ratio, parameters.k_neighbors, parameters.seed)
        with threadpool_limits(self.threads):
            resampled = resample(resampler, rows, categorical, resampling, self.hosts)
        return Sample.of(rows, resampler, resampled, self.hosts)

    def model(self, stage: str, training: Rows, validation: Rows) -> Candidate:
        """Return the model that a job would save, made of a fold's parts: resampled, and refitted if asked."""
        return self.refitted(stage, self.chosen(stage, training, validation), validation)

    def chosen(self, stage: str, training: Rows, validation: Rows) -> Candidate:
        """Return the candidate of `training`, and where there is a choice the better of the two."""
        made = self.candidate(stage, self.sample(training), validation)
        if not self.has_a_choice or not made.sample.is_changed or self.observer.should_stop():
            return made
        return better(made, self.candidate(f"{stage} comparison", self.plain(training), validation))

    def candidate(self, stage: str, sample: Sample, validation: Rows) -> Candidate:
        """Return the model of `sample`; the `validation` rows choose rounds, calibration and threshold."""
        parameters = self.parameters
        settings = self._settings(stage, sample)
        fitted = self._fit(sample, validation, settings)
        logger.info("%s: kept %d of at most %d rounds", stage, fitted.rounds, parameters.family.most_rounds)
        own_scores = fitted.scores(validation.features)
        labels, scores = in_order(self.hosts, validation.numbers, validation.labels, own_scores)
        calibration = self._correction(sample) or CALIBRATIONS[parameters.calibration](labels, scores)
        probabilities = calibration.apply(scores)
        threshold = choose(labels, probabilities, parameters.threshold_policy, parameters.threshold_target)
        reached = average_precision_of(labels, scores)
        return Candidate(fitted, calibration, threshold, reached, settings.fraud_weight, sample)

    def refitted(self, stage: str, candidate: Candidate, validation: Rows) -> Candidate:
        """Return `candidate` fitted again, on its rows and `validation`, for as many rounds as it kept.

        Calibration and threshold are carried over, but for the exact correction, which follows what is left out now.
        Without `refit=yes`, or where a stop cuts it short, `candidate` is returned as it is.
        """
        if self.parameters.refit == "no" or self.observer.should_stop():
            return candidate
        sample = self._sample(self._joined(candidate.rows, validation), candidate.sample.resampler)
        settings = self._settings(f"{stage} refit", sample)
        settings = replace(settings, rounds=candidate.fitted.rounds)
        fitted = self._fit(sample, validation, settings)
        if self.observer.should_stop():
            return candidate
        calibration, weight = self._correction(sample) or candidate.calibration, settings.fraud_weight
        return replace(candidate, fitted=fitted, calibration=calibration, fraud_weight=weight, sample=sample)

    def _joined(self, training: Rows, validation: Rows) -> Rows:
        """Return both, `validation` after `training` also in the order of all hosts' rows."""
        if self.hosts.count == 1 or training.numbers is None or validation.numbers is None:
            return training.joined(validation)
        last = int(self.hosts.gather(training.numbers.max(initial=0, keepdims=True)).max())
        return training.joined(replace(validation, numbers=validation.numbers + np.uint32(last)))

    def _correction(self, sample: Sample) -> Calibration | None:
        """Return the exact correction for what `sample` leaves out; None where another calibration is asked for."""
        method: str = self.parameters.calibration
        share, unweighted = sample.resampled.drawn_share, self.parameters.scale_pos_weight == 1
        if method == AUTO and share is not None and unweighted and self._family.gives_probabilities:
            method = EXACT
        return exact(share or 1.0) if method == EXACT else None

    def _fraud_weight(self, sample: Sample) -> float:
        weight = self.parameters.scale_pos_weight
        return sample.legitimate / sample.frauds if weight == BALANCED else float(weight)

    def _fit(self, sample: Sample, validation: Rows, settings: FitSettings) -> Fitted:
        blocks = sample.blocks()
        counts = sample.counts
        fitted_on = counts.rows - counts.left_out + counts.synthetic
        logger.info("fitting on %d rows, %d synthetic", fitted_on, counts.synthetic)
        return self._family.fit(blocks, Block(validation.features, validation.labels), settings)

    def _settings(self, stage: str, sample: Sample) -> FitSettings:
        parameters, observer = self.parameters, self.observer
        return FitSettings(
            parameters=parameters.family,
            measure=partial(average_precision_of, hosts=self.hosts),
            categories=[len(column.categories) for column in self.schema.columns],
            seed=parameters.seed,
            threads=self.threads,
            fraud_weight=self._fraud_weight(sample),
            hooks=Hooks(lambda done: observer.on_round(stage, done), observer.should_stop),
            snapshots=self.snapshots(stage) if parameters.family.can_go_on else Snapshots(),
            hosts=self.hosts,
            scratch=sample.rows.scratch,
        )


def better(made: Candidate, plain: Candidate) -> Candidate:
    """Return whichever has the higher average precision on the validation rows; the plain one if they are alike."""
    chosen = made if made.average_precision > plain.average_precision else plain
    reached = made.average_precision, made.sample.resampler, plain.average_precision
    logger.info("taking %s: average precision %.4f with %s, %.4f without", chosen.sample.resampler, *reached)
    return chosen
