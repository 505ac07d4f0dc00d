"""How probabilities and features are distributed, frauds beside legitimate rows.

Knows numbers, labels, the schema. Never knows models, pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.calibration import log_odds
from fraud_detect.report.data import Labels, Probabilities, sample, spaced
from fraud_detect.report.numbers import shortened
from fraud_detect.schema import Column, ColumnKind, Float32Matrix, Schema

SCORE_BINS = 30
SCORE_ENDS = (-11.5, 11.5)
"""In log-odds: probabilities from 0.00001 to 0.99999."""
VALUE_BINS = 20
RELIABILITY_BINS = 10
CATEGORIES_SHOWN = 6
SAMPLED_FRAUDS, SAMPLED_LEGITIMATE = 5_000, 20_000


@dataclass(frozen=True)
class Histogram:
    """Shares of each class in bins of `edges`, shape (b + 1,), or of the categories in `names`; shape (b,)."""

    edges: Sequence[float]
    frauds: Sequence[float]
    legitimate: Sequence[float]
    names: Sequence[str] = ()


@dataclass(frozen=True)
class Profile:
    """One feature in the training rows.

    `missing` is a share of all rows. For numbers, `low`, `middle` and `high` are the 1st percentile, the median and the
    99th of all rows, and `fraud_middle`, `legitimate_middle` the medians by class; all None where no cell is there, and
    for features of another kind.
    """

    column: Column
    missing: float
    histogram: Histogram
    low: float | None = None
    middle: float | None = None
    high: float | None = None
    fraud_middle: float | None = None
    legitimate_middle: float | None = None


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows of similar probability: their mean probability, the share of frauds, and its 95 % interval (Wilson)."""

    rows: int
    frauds: int
    predicted: float
    low: float
    high: float

    @property
    def observed(self) -> float:
        """Share of frauds."""
        return self.frauds / self.rows


def on_scale(probabilities: Probabilities) -> NDArray[np.float64]:
    """Return the log-odds of `probabilities`, float64, shape (n,), within `SCORE_ENDS`."""
    return np.clip(log_odds(probabilities), *SCORE_ENDS)


def scores_by_class(labels: Labels, probabilities: Probabilities) -> Histogram:
    """Return the histogram of the log-odds of `probabilities`, shape (n,)."""
    return _histogram(on_scale(probabilities), labels, np.linspace(*SCORE_ENDS, SCORE_BINS + 1))


def _histogram(values: NDArray[np.float64], labels: Labels, edges: NDArray[np.float64]) -> Histogram:
    frauds, legitimate = (
        np.histogram(values[labels == label], edges)[0] / max(1, (labels == label).sum()) for label in (1, 0)
    )
    return Histogram(edges.tolist(), frauds.tolist(), legitimate.tolist())


def reliability(labels: Labels, probabilities: Probabilities) -> Sequence[ReliabilityBin]:
    """Return up to `RELIABILITY_BINS` bins of ascending probability with about equally many *expected* frauds.

    The bins go by probabilities alone, so that labels do not choose them. Equal probabilities are in one bin.
    """
    order = np.argsort(probabilities, kind="stable")
    ranked = probabilities[order]
    expected = np.cumsum(ranked)
    bins = np.minimum((expected / max(expected[-1], 1e-300) * RELIABILITY_BINS).astype(int), RELIABILITY_BINS - 1)
    first_of_equal = np.searchsorted(ranked, ranked, side="left")
    bins = bins[first_of_equal]
    found = []
    for number in np.unique(bins):
        rows = order[bins == number]
        found.append(_bin(labels[rows], probabilities[rows]))
    return found


def _bin(labels: Labels, probabilities: Probabilities) -> ReliabilityBin:
    n, frauds = len(labels), int(labels.sum())
    share, z = frauds / n, 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    return ReliabilityBin(n, frauds, float(probabilities.mean()), max(middle - half, 0.0), min(middle + half, 1.0))


def profiles(features: Float32Matrix, labels: Labels, schema: Schema, places: Sequence[int]) -> Sequence[Profile]:
    """Return the profiles of the features at `places`, of rows in `features`, float32, shape (n, width)."""
    rows = sample(labels, SAMPLED_FRAUDS, SAMPLED_LEGITIMATE)
    every = spaced(np.arange(len(labels)), SAMPLED_FRAUDS + SAMPLED_LEGITIMATE)
    return [
        _profile(schema.columns[place], features[rows, place], labels[rows], features[every, place]) for place in places
    ]


def _profile(column: Column, by_class: NDArray[np.float32], labels: Labels, every: NDArray[np.float32]) -> Profile:
    """Return the profile by a sample of each class, and by one of all rows for what is said of all."""
    missing = float(np.isnan(every).mean())
    there = ~np.isnan(by_class)
    sampled, labels = by_class[there].astype(np.float64), labels[there]
    if column.kind is not ColumnKind.NUMBER:
        return Profile(column, missing, _categories(column, sampled.astype(int), labels))
    if len(sampled) == 0 or missing == 1:
        return Profile(column, missing, Histogram((), (), ()))
    low, middle, high = (float(value) for value in np.nanquantile(every.astype(np.float64), (0.01, 0.5, 0.99)))
    ends = _ends(sampled, labels, low, high)
    histogram = _histogram(np.clip(sampled, *ends), labels, np.linspace(*ends, VALUE_BINS + 1))
    medians = [float(np.median(sampled[labels == label])) if (labels == label).any() else None for label in (1, 0)]
    return Profile(column, missing, histogram, low, middle, high, *medians)


def _ends(values: NDArray[np.float64], labels: Labels, low: float, high: float) -> tuple[float, float]:
    """Return where a histogram begins and ends: from `low` to `high`, and further to hold most frauds too."""
    frauds = values[labels == 1]
    if len(frauds):
        low, high = min(low, float(np.quantile(frauds, 0.05))), max(high, float(np.quantile(frauds, 0.95)))
    return (low, high) if low < high else (low - 0.5, low + 0.5)


def _categories(column: Column, codes: NDArray[np.int_], labels: Labels) -> Histogram:
    """Return the shares of the most frequent categories, the rest as one."""
    names = column.categories or ("false", "true")
    counts = np.array([np.bincount(codes[labels == label], minlength=len(names)) for label in (1, 0)])
    order = np.argsort(-counts.sum(axis=0), kind="stable")
    shown, rest = order[:CATEGORIES_SHOWN], order[CATEGORIES_SHOWN:]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labelled = [shortened(names[code]) for code in shown] + ([f"{len(rest)} others"] if len(rest) else [])
    frauds, legitimate = ([*each[shown], *([each[rest].sum()] if len(rest) else [])] for each in shares)
    return Histogram((), [float(share) for share in frauds], [float(share) for share in legitimate], labelled)
