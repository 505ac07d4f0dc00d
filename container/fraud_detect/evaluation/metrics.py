"""How good scores are: ranking, probabilities, decisions; each with its uncertainty.

Knows rankings. Never knows models, rows' features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.evaluation.ranking import Counts, Labels, Ranking, Scores, average_precision, rank, roc_auc

LEVEL = 0.95
REPLICATES_AT_ONCE = 50  # 50 replicates of 10,000 groups are 8 MB a table
RANKING_METRICS = ("average_precision", "roc_auc", "brier")
DECISION_METRICS = ("precision", "recall", "f1")


@dataclass(frozen=True)
class Evaluation:
    """Metrics of one part at one threshold.

    `intervals` are 95 % bootstrap percentile intervals, empty if not asked for.

    A metric that is not defined (recall without frauds, precision without alerts) is None.
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


def evaluate(
    labels: Labels, probabilities: Scores, threshold: float, *, samples: int = 0, rng: np.random.Generator | None = None
) -> Evaluation:
    """Return the metrics of `probabilities`, shape (n,), in [0, 1], for rows with `labels`, shape (n,), 1 = fraud.

    A row counts as fraud from `threshold` on. With `samples` > 0 that many bootstrap replicates of the rows, drawn
    with `rng`, give the intervals.
    """
    ranking = rank(labels, probabilities, threshold)
    flagged = ranking.scores >= threshold
    metrics = _metrics(ranking, flagged, ranking.frauds, ranking.legitimate)
    caught, alarms = int(ranking.frauds[flagged].sum()), int(ranking.legitimate[flagged].sum())
    frauds = int(ranking.frauds.sum())
    confusion = {
        "true_positives": caught,
        "false_positives": alarms,
        "false_negatives": frauds - caught,
        "true_negatives": len(labels) - frauds - alarms,
    }
    intervals = {} if samples == 0 or rng is None else _intervals(ranking, flagged, samples, rng)
    single = {name: _defined(float(value)) for name, value in metrics.items()}
    return Evaluation(len(labels), frauds, single, confusion, intervals)


def _metrics(
    ranking: Ranking, flagged: NDArray[np.bool_], frauds: Counts, legitimate: Counts
) -> dict[str, NDArray[np.float64]]:
    """Return each metric for counts per group, shape (..., g) -> (...)."""
    caught, alarms = frauds[..., flagged].sum(axis=-1), legitimate[..., flagged].sum(axis=-1)
    total = frauds.sum(axis=-1)
    errors = frauds @ ranking.fraud_errors + legitimate @ ranking.legitimate_errors
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "average_precision": average_precision(frauds, legitimate),
            "roc_auc": roc_auc(frauds, legitimate),
            "brier": errors / (total + legitimate.sum(axis=-1)),
            "precision": caught / (caught + alarms),
            "recall": caught / total,
            "f1": 2 * caught / (total + caught + alarms),
        }


def _intervals(
    ranking: Ranking, flagged: NDArray[np.bool_], samples: int, rng: np.random.Generator
) -> dict[str, tuple[float, float] | None]:
    """Return the percentile interval of each metric over replicates of the rows.

    Drawing rows with replacement is drawing the number of rows of each class in each group from a multinomial
    distribution, which costs as many draws as there are groups.
    """
    counts = np.concatenate((ranking.frauds, ranking.legitimate))
    rows, groups = int(counts.sum()), len(ranking.scores)
    drawn: dict[str, list[NDArray[np.float64]]] = {name: [] for name in (*RANKING_METRICS, *DECISION_METRICS)}
    for start in range(0, samples, REPLICATES_AT_ONCE):
        size = min(REPLICATES_AT_ONCE, samples - start)
        replicates = rng.multinomial(rows, counts / rows, size=size).astype(np.float64)
        for name, values in _metrics(ranking, flagged, replicates[:, :groups], replicates[:, groups:]).items():
            drawn[name].append(values)
    return {name: _interval(np.concatenate(values)) for name, values in drawn.items()}


def _interval(values: NDArray[np.float64]) -> tuple[float, float] | None:
    defined = values[np.isfinite(values)]
    if len(defined) == 0:
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _defined(value: float) -> float | None:
    return value if np.isfinite(value) else None
