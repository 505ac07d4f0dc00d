"""What each feature is worth to the model, and what it did in single rows.

Knows features, labels, what a model says of rows. Never knows families, pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_detect.evaluation.ranking import average_precision_of
from fraud_detect.report.data import Contribute, Job, sample
from fraud_detect.report.numbers import exact, shortened
from fraud_detect.schema import Column, ColumnKind, Float32Matrix, Float64Matrix

SAMPLED_FRAUDS, SAMPLED_LEGITIMATE = 300, 700
PERMUTED_FRAUDS, PERMUTED_LEGITIMATE = 500, 1_500
MOST_PERMUTED_SCORES = 40_000
"""Rows times features: a model that takes a millisecond a row, as nearest neighbours do, is done in a minute."""
FEATURES_IN_SWARM = 12
REASONS = 4
EXAMPLES = 3


@dataclass(frozen=True)
class Importance:
    """The worth of each feature, shape (width,), and the rows it was found on.

    `by` is `contributions` (mean absolute contribution, log-odds) or `permutation` (what average precision loses when
    the feature's values are shuffled). `direction` is the correlation of a feature's value with its contribution.
    """

    by: str
    values: Sequence[float]
    rows: int
    frauds: int
    direction: Sequence[float | None]

    def order(self) -> Sequence[int]:
        """Return the features' places, the most important first."""
        return [int(place) for place in np.argsort(-np.asarray(self.values), kind="stable")]


@dataclass(frozen=True)
class Lane:
    """One feature of a beeswarm: contributions, and each value's rank from 0 to 1, None where missing or no number."""

    column: Column
    contributions: Sequence[float]
    ranks: Sequence[float | None]


@dataclass(frozen=True)
class Reason:
    """One feature's part in a row's score, in log-odds; `text` is its reason code, if it has one."""

    feature: str
    value: str
    contribution: float
    text: str


@dataclass(frozen=True)
class Example:
    """One row: its probability, its largest contributions either way, and the sum of the others."""

    probability: float
    reasons: Sequence[Reason]
    others: float


@dataclass(frozen=True)
class Explained:
    """What contributions tell: lanes of the beeswarm, and examples by what became of them."""

    lanes: Sequence[Lane]
    examples: Mapping[str, Sequence[Example]]


def importance(job: Job, seed: int) -> tuple[Importance, Explained | None]:
    """Return the worth of each feature, and what contributions tell where the model gives them.

    Chance (of a permutation) comes from `seed`.
    """
    if job.contribute is None:
        return _by_permutation(job, np.random.default_rng(seed)), None
    return _by_contributions(job, job.contribute)


def _by_contributions(job: Job, contribute: Contribute) -> tuple[Importance, Explained]:
    held_out = job.held_out
    rows = sample(held_out.labels, SAMPLED_FRAUDS, SAMPLED_LEGITIMATE)
    features = np.ascontiguousarray(held_out.features[rows])
    contributions = contribute(features)[:, :-1]
    values = np.abs(contributions).mean(axis=0)
    numbers = [column.kind is not ColumnKind.CATEGORY for column in job.schema.columns]
    direction = [
        _correlation(features[:, place], contributions[:, place]) if number else None
        for place, number in enumerate(numbers)
    ]
    found = Importance("contributions", values.tolist(), len(rows), int(held_out.labels[rows].sum()), direction)
    places = [place for place in found.order()[:FEATURES_IN_SWARM] if values[place] > 0]
    lanes = [
        Lane(job.schema.columns[place], contributions[:, place].tolist(), _ranks(features[:, place], numbers[place]))
        for place in places
    ]
    return found, Explained(lanes, _examples(job, contribute))


def _correlation(values: NDArray[np.float32], contributions: NDArray[np.float64]) -> float | None:
    there = np.isfinite(values)
    own, theirs = _ranked(values[there]), _ranked(contributions[there])
    if len(own) < 2 or own.std() == 0 or theirs.std() == 0:
        return None
    return float(np.corrcoef(own, theirs)[0, 1])


def _ranked(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return ranks from 0 to 1, equal values sharing their mean rank."""
    distinct, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    if len(distinct) < 2:
        return np.zeros(len(values))
    middles = np.cumsum(counts) - (counts + 1) / 2
    ranks: NDArray[np.float64] = (middles / (len(values) - 1))[places]
    return ranks


def _ranks(values: NDArray[np.float32], number: bool) -> Sequence[float | None]:
    if not number:
        return [None] * len(values)
    there = np.isfinite(values)
    ranks = np.zeros(len(values))
    ranks[there] = _ranked(values[there])
    return [float(rank) if known else None for rank, known in zip(ranks, there, strict=True)]


def _by_permutation(job: Job, rng: np.random.Generator) -> Importance:
    held_out, width = job.held_out, job.schema.width
    most = max(MOST_PERMUTED_SCORES // (width + 1), 50)
    frauds = min(PERMUTED_FRAUDS, max(most // 4, 20))
    rows = sample(held_out.labels, frauds, min(PERMUTED_LEGITIMATE, most - frauds))
    features, labels = np.ascontiguousarray(held_out.features[rows]), held_out.labels[rows]
    whole = average_precision_of(labels, job.score(features))
    values = [
        whole - average_precision_of(labels, job.score(_shuffled(features, place, rng))) for place in range(width)
    ]
    known = [value if np.isfinite(value) else 0.0 for value in values]
    return Importance("permutation", known, len(rows), int(labels.sum()), [None] * width)


def _shuffled(features: Float32Matrix, place: int, rng: np.random.Generator) -> Float32Matrix:
    changed = features.copy()
    changed[:, place] = rng.permutation(changed[:, place])
    return changed


def _examples(job: Job, contribute: Contribute) -> Mapping[str, Sequence[Example]]:
    """Return some caught frauds, some missed ones, and some false alarms: from high to low."""
    held_out = job.held_out
    flagged, fraud = held_out.probabilities >= job.threshold, held_out.labels == 1
    groups = {"caught": flagged & fraud, "missed": ~flagged & fraud, "alarms": flagged & ~fraud}
    chosen = {name: _spread(np.flatnonzero(rows), held_out.probabilities) for name, rows in groups.items()}
    return {name: _explained(job, contribute, rows) for name, rows in chosen.items()}


def _spread(rows: NDArray[np.intp], probabilities: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return up to `EXAMPLES` of `rows`, from the highest probability to the lowest."""
    ranked = rows[np.argsort(-probabilities[rows], kind="stable")]
    places = np.linspace(0, max(len(ranked) - 1, 0), min(EXAMPLES, len(ranked)))
    return ranked[places.astype(np.intp)]


def _explained(job: Job, contribute: Contribute, rows: NDArray[np.intp]) -> Sequence[Example]:
    if len(rows) == 0:
        return []
    features = np.ascontiguousarray(job.held_out.features[rows])
    contributions: Float64Matrix = contribute(features)[:, :-1]
    return [
        _example(job, float(job.held_out.probabilities[row]), features[place], contributions[place])
        for place, row in enumerate(rows)
    ]


def _example(job: Job, probability: float, cells: NDArray[np.float32], contributions: NDArray[np.float64]) -> Example:
    order = np.argsort(-np.abs(contributions), kind="stable")
    shown = [int(place) for place in order[:REASONS] if contributions[place] != 0]
    reasons = [_reason(job, place, cells[place], float(contributions[place])) for place in shown]
    return Example(probability, reasons, float(contributions.sum() - contributions[shown].sum()))


def _reason(job: Job, place: int, value: np.float32, contribution: float) -> Reason:
    column = job.schema.columns[place]
    shown = shortened(column.name), shortened(cell(column, value))
    return Reason(*shown, contribution, job.reason_codes.get(column.name, ""))


def cell(column: Column, value: np.float32) -> str:
    """Return a cell as the table has it."""
    if np.isnan(value):
        return "missing"
    if column.kind is ColumnKind.CATEGORY:
        return column.categories[int(value)]
    if column.kind is ColumnKind.FLAG:
        return "true" if value else "false"
    return exact(float(value))
