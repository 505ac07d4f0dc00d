"""How good scores are: ranking, probabilities, decisions; each with its uncertainty.

Knows rankings. Never knows models, rows' features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.evaluation.ranking import (
    Counts,
    Labels,
    Ranking,
    Scores,
    average_precision,
    calibration_error,
    precision_at,
    rank,
    recall_at,
    roc_auc,
)
from fraud_detect.evaluation.stakes import Stakes, money

LEVEL = 0.95
REPLICATES_AT_ONCE = 50  # 50 replicates of 10,000 groups are 8 MB a table
FALSE_POSITIVE_RATE = 0.01
BINS = 15  # of equal width, as Guo et al. 2017
BIN_EDGES = np.arange(1, BINS) / BINS
DEFAULT_K = 100
RANKING_METRICS = (
    *("average_precision", "roc_auc", "brier"),
    *("recall_at_1_percent_fpr", "precision_at_k", "expected_calibration_error"),
)
DECISION_METRICS = ("precision", "recall", "f1")
MONEY_METRICS = ("expected_cost", "money_saved")
METRICS = (*RANKING_METRICS, *DECISION_METRICS, *MONEY_METRICS)


@dataclass(frozen=True)
class Evaluation:
    """Metrics of one part at one threshold.

    `intervals` are 95 % bootstrap percentile intervals, empty if not asked for.

    A metric that is not defined (recall without frauds, precision without alerts, money without amounts) is None.
    `rows`, `frauds` and `confusion` count rows, whatever their weights.
    """

    rows: int
    frauds: int
    metrics: Mapping[str, float | None]
    confusion: Mapping[str, int]
    intervals: Mapping[str, tuple[float, float] | None]

    def as_json(self) -> dict[str, Any]:
        """Return the evaluation as metrics.json has it."""
        document: dict[str, Any] = {"rows": self.rows, "frauds": self.frauds, **self.metrics}
        document["confusion"] = dict(self.confusion)
        if self.intervals:
            document["intervals"] = {name: interval and list(interval) for name, interval in self.intervals.items()}
        return document


@dataclass(frozen=True)
class _Measured:
    """A ranking with what its metrics depend on beside it."""

    ranking: Ranking
    threshold: float
    k: int

    @property
    def flagged(self) -> NDArray[np.bool_]:
        return self.ranking.scores >= self.threshold

    def metrics(self, fraud_rows: Counts, legitimate_rows: Counts) -> dict[str, NDArray[np.float64]]:
        """Return each metric for numbers of rows per group, shape (..., g) -> (...)."""
        ranking, flagged = self.ranking, self.flagged
        frauds, legitimate = fraud_rows * ranking.fraud_weights, legitimate_rows * ranking.legitimate_weights
        caught, alarms = frauds[..., flagged].sum(axis=-1), legitimate[..., flagged].sum(axis=-1)
        total = frauds.sum(axis=-1)
        errors = frauds @ ranking.fraud_errors + legitimate @ ranking.legitimate_errors
        with np.errstate(invalid="ignore", divide="ignore"):
            return {
                "average_precision": average_precision(frauds, legitimate),
                "roc_auc": roc_auc(frauds, legitimate),
                "brier": errors / (total + legitimate.sum(axis=-1)),
                "recall_at_1_percent_fpr": recall_at(FALSE_POSITIVE_RATE, frauds, legitimate),
                "precision_at_k": precision_at(self.k, frauds, legitimate),
                "expected_calibration_error": calibration_error(ranking, BIN_EDGES, frauds, legitimate),
                "precision": caught / (caught + alarms),
                "recall": caught / total,
                "f1": 2 * caught / (total + caught + alarms),
            }

    def intervals(self, samples: int, rng: np.random.Generator | None) -> dict[str, tuple[float, float] | None]:
        """Return the interval of each metric over replicates of the rows."""
        ranking = self.ranking
        groups = len(ranking.scores)

        def measure(drawn: Counts) -> dict[str, NDArray[np.float64]]:
            return self.metrics(drawn[:, :groups], drawn[:, groups:])

        return _intervals(np.concatenate((ranking.frauds, ranking.legitimate)), measure, samples, rng)

    def confusion(self) -> dict[str, int]:
        """Return how many rows of each class are flagged and how many are not."""
        frauds, legitimate, flagged = self.ranking.frauds, self.ranking.legitimate, self.flagged
        return {
            "true_positives": int(frauds[flagged].sum()),
            "false_positives": int(legitimate[flagged].sum()),
            "false_negatives": int(frauds[~flagged].sum()),
            "true_negatives": int(legitimate[~flagged].sum()),
        }


def evaluate(
    labels: Labels,
    probabilities: Scores,
    threshold: float,
    *,
    k: int = DEFAULT_K,
    weights: Counts | None = None,
    stakes: Stakes | None = None,
    samples: int = 0,
    rng: np.random.Generator | None = None,
) -> Evaluation:
    """Return the metrics of `probabilities`, shape (n,), in [0, 1], for rows with `labels`, shape (n,), 1 = fraud.

    A row counts as fraud from `threshold` on. With `samples` > 0 that many bootstrap replicates of the rows, drawn
    with `rng`, give the intervals.

    Parameters
    ----------
    k : rows with the highest probabilities that `precision_at_k` is about.
    weights : how many rows each row stands for, float64, none below 0, shape (n,); all metrics heed them, and `k`
        counts rows that are stood for. A replicate gives rows of one class and score their mean weight: intervals are
        those of the bootstrap where weights depend on the class alone.
    stakes : the amounts of the same rows; without them what is about money is None.
    """
    measured = _Measured(rank(labels, probabilities, threshold, *BIN_EDGES, weights=weights), threshold, k)
    ranking = measured.ranking
    values = measured.metrics(ranking.frauds, ranking.legitimate)
    intervals = measured.intervals(samples, rng)
    if stakes is not None:
        outcomes = money(stakes, labels, probabilities >= threshold, weights)
        values |= outcomes.totals(outcomes.rows)
        intervals |= _intervals(outcomes.rows, outcomes.totals, samples, rng)
    return Evaluation(
        rows=len(labels),
        frauds=int(ranking.frauds.sum()),
        metrics={name: _defined(float(values.get(name, np.nan))) for name in METRICS},
        confusion=measured.confusion(),
        intervals={name: intervals.get(name) for name in METRICS} if intervals else {},
    )


def _intervals(
    rows: Counts,
    measure: Callable[[Counts], dict[str, NDArray[np.float64]]],
    samples: int,
    rng: np.random.Generator | None,
) -> dict[str, tuple[float, float] | None]:
    """Return the percentile interval of what `measure` makes of replicates of `rows`, counts per group, shape (g,).

    Drawing rows with replacement is drawing the number of rows in each group from a multinomial distribution, which
    costs as many draws as there are groups. Without `samples` or `rng` there are none.
    """
    if samples == 0 or rng is None:
        return {}
    count = int(rows.sum())
    drawn: dict[str, list[NDArray[np.float64]]] = {}
    for start in range(0, samples, REPLICATES_AT_ONCE):
        size = min(REPLICATES_AT_ONCE, samples - start)
        replicates = rng.multinomial(count, rows / count, size=size).astype(np.float64)
        for name, values in measure(replicates).items():
            drawn.setdefault(name, []).append(values)
    return {name: _interval(np.concatenate(values)) for name, values in drawn.items()}


def _interval(values: NDArray[np.float64]) -> tuple[float, float] | None:
    defined = values[np.isfinite(values)]
    if len(defined) == 0:
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _defined(value: float) -> float | None:
    return value if np.isfinite(value) else None
