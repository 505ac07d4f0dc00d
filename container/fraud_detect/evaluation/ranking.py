"""Counts of frauds and legitimate rows at every distinct score: what all ranking metrics are made of.

Knows scores and labels. Never knows models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint8]
Scores = NDArray[np.floating]
Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """Rows grouped by score, highest first; all arrays float64, shape (g,).

    `scores`: the lowest score of each group. `frauds`, `legitimate`: rows of each class in each group.
    `fraud_errors`, `legitimate_errors`: their mean squared errors, with the score taken as the probability.
    """

    scores: Counts
    frauds: Counts
    legitimate: Counts
    fraud_errors: Counts
    legitimate_errors: Counts


def rank(labels: Labels, scores: Scores, *cuts: float) -> Ranking:
    """Return the ranking of `scores`, shape (n,), of rows with `labels`, shape (n,), 1 = fraud.

    Each distinct fraud score and each of `cuts` is a group with the legitimate rows of exactly that score; the
    legitimate rows between two of them are one group, which changes no metric. So the work after one sort of
    each class depends on the number of frauds, not of rows.
    """
    truth = labels == 1
    points, counts = np.unique(np.concatenate((scores[truth], np.asarray(cuts, scores.dtype))), return_counts=True)
    np.subtract.at(counts, np.searchsorted(points, np.asarray(cuts, scores.dtype)), 1)
    legitimate = np.sort(scores[~truth])
    first = np.searchsorted(legitimate, points, side="left")
    last = np.searchsorted(legitimate, points, side="right")
    edges = np.concatenate(([0], np.column_stack((first, last)).ravel(), [len(legitimate)]))
    rows = np.diff(edges)  # under the first point, at it, between it and the second, at the second, ...
    frauds, lowest = np.zeros(len(rows)), np.zeros(len(rows))
    frauds[1::2], lowest[1::2] = counts, points
    lowest[0::2] = np.append(legitimate, 0)[np.minimum(edges[:-1:2], max(len(legitimate) - 1, 0))]
    squares = np.concatenate(([0.0], np.cumsum(np.square(legitimate, dtype=np.float64))))
    errors = np.diff(squares[edges]) / np.maximum(rows, 1)
    kept = np.flatnonzero((rows + frauds) > 0)[::-1]
    return Ranking(
        lowest[kept], frauds[kept], rows[kept].astype(np.float64), np.square(1.0 - lowest[kept]), errors[kept]
    )


def average_precision(frauds: Counts, legitimate: Counts) -> NDArray[np.float64]:
    """Return the average precision of counts in descending order of score, shape (..., g) -> (...), NaN without frauds.

    The sum over distinct scores of precision times the step in recall, as scikit-learn's `average_precision_score`.
    """
    caught = np.cumsum(frauds, axis=-1)
    flagged = caught + np.cumsum(legitimate, axis=-1)
    precision = np.divide(caught, flagged, out=np.zeros_like(caught), where=flagged > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        result: NDArray[np.float64] = (precision * frauds).sum(axis=-1) / caught[..., -1]
    return result


def average_precision_of(labels: Labels, scores: Scores) -> float:
    """Return the average precision of `scores`, shape (n,), for rows with `labels`, shape (n,); NaN without frauds.

    It takes one sort of each class, and is called after each round.
    """
    truth = labels == 1
    points, counts = np.unique(scores[truth], return_counts=True)
    legitimate = np.sort(scores[~truth])
    alarms = len(legitimate) - np.searchsorted(legitimate, points, side="left")
    caught = np.cumsum(counts[::-1])[::-1]
    if len(points) == 0:
        return float("nan")
    return float((counts * caught / (caught + alarms)).sum() / caught[0])


def roc_auc(frauds: Counts, legitimate: Counts) -> NDArray[np.float64]:
    """Return the area under the ROC curve of counts in descending order of score, shape (..., g) -> (...).

    The share of pairs of a fraud and a legitimate row that are in the right order, ties counting one half; NaN
    without both classes.
    """
    passed = np.cumsum(legitimate, axis=-1)
    total = passed[..., -1:]
    right = frauds * (total - passed + legitimate / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        result: NDArray[np.float64] = right.sum(axis=-1) / (frauds.sum(axis=-1) * total[..., 0])
    return result
