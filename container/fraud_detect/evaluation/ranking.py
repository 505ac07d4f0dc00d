"""Counts of frauds and legitimate rows at every distinct score: what all ranking metrics are made of.

Knows scores and labels. Never knows models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_detect.hosts import ALONE, Hosts

Labels = NDArray[np.uint8]
Scores = NDArray[np.floating]
Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """Rows grouped by score, highest first; all arrays float64, shape (g,).

    `scores`: the lowest score of each group. `frauds`, `legitimate`: rows of each class in each group.
    `fraud_weights`, `legitimate_weights`: their mean weights. `fraud_errors`, `legitimate_errors`: their mean squared
    errors, with the score taken as the probability. `legitimate_scores`: the mean score of the legitimate rows; that
    of the frauds is `scores`. Means are weighted.
    """

    scores: Counts
    frauds: Counts
    legitimate: Counts
    fraud_weights: Counts
    legitimate_weights: Counts
    fraud_errors: Counts
    legitimate_errors: Counts
    legitimate_scores: Counts


def rank(labels: Labels, scores: Scores, *cuts: float, weights: Counts | None = None) -> Ranking:
    """Return the ranking of `scores`, shape (n,), of rows with `labels`, shape (n,), 1 = fraud.

    Each distinct fraud score and each of `cuts` is a group with the legitimate rows of exactly that score; the
    legitimate rows between two of them are one group, which changes no metric. So the work after one sort of
    each class depends on the number of frauds, not of rows.

    `weights`: of each row, float64, none below 0, shape (n,); all 1 if not given.
    """
    truth = labels == 1
    points = np.unique(np.concatenate((scores[truth], np.asarray(cuts, scores.dtype))))
    places = np.searchsorted(points, scores[truth])
    frauds = _interleaved(np.bincount(places, minlength=len(points)))
    fraud_weights = _interleaved(np.bincount(places, weights if weights is None else weights[truth], len(points)))
    legitimate, weight = _sorted(scores[~truth], weights if weights is None else weights[~truth])
    first = np.searchsorted(legitimate, points, side="left")
    last = np.searchsorted(legitimate, points, side="right")
    # under the first point, at it, between it and the second, at the second, ...
    edges = np.concatenate(([0], np.column_stack((first, last)).ravel(), [len(legitimate)]))
    lowest = _interleaved(points)
    lowest[0::2] = np.append(legitimate, 0)[np.minimum(edges[:-1:2], max(len(legitimate) - 1, 0))]
    rows, total = np.diff(edges).astype(np.float64), _sums(weight, edges)
    kept = np.flatnonzero((rows + frauds) > 0)[::-1]
    return Ranking(
        scores=lowest[kept],
        frauds=frauds[kept],
        legitimate=rows[kept],
        fraud_weights=_mean(fraud_weights, frauds)[kept],
        legitimate_weights=_mean(total, rows)[kept],
        fraud_errors=np.square(1.0 - lowest[kept]),
        legitimate_errors=_mean(_sums(weight * np.square(legitimate, dtype=np.float64), edges), total)[kept],
        legitimate_scores=_mean(_sums(weight * legitimate.astype(np.float64), edges), total)[kept],
    )


def _interleaved(values: NDArray[np.number]) -> Counts:
    """Return `values` with a nought before, between and after them: shape (n,) -> (2 n + 1,)."""
    spread = np.zeros(2 * len(values) + 1)
    spread[1::2] = values
    return spread


def _sorted(scores: Scores, weights: Counts | None) -> tuple[Scores, Counts | float]:
    """Return `scores` in ascending order with their weights, which are 1 for all if not given."""
    if weights is None:
        return np.sort(scores), 1.0
    order = np.argsort(scores)
    return scores[order], weights[order]


def _sums(values: Counts | float, edges: NDArray[np.intp]) -> Counts:
    """Return the sum of `values`, shape (n,) or one for all, between each of `edges` and the next."""
    if isinstance(values, float):
        return values * np.diff(edges)
    return np.diff(np.concatenate(([0.0], np.cumsum(values, dtype=np.float64)))[edges])


def _mean(totals: Counts, counts: Counts) -> Counts:
    return np.divide(totals, counts, out=np.zeros(len(totals)), where=counts > 0)


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


def average_precision_of(labels: Labels, scores: Scores, hosts: Hosts = ALONE) -> float:
    """Return the average precision of `scores`, shape (n,), for rows with `labels`, shape (n,); NaN without frauds.

    It takes one sort of each class, and is called after each round. Of several `hosts` it is that of all their rows:
    the scores of frauds are gathered, which are few, and legitimate rows above each of them counted.
    """
    truth = labels == 1
    points, counts = np.unique(hosts.gather(scores[truth]), return_counts=True)
    legitimate = np.sort(scores[~truth])
    alarms = hosts.total(len(legitimate) - np.searchsorted(legitimate, points, side="left"))
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


def recall_at(rate: float, frauds: Counts, legitimate: Counts) -> NDArray[np.float64]:
    """Return the highest recall of a threshold that flags at most the share `rate` of legitimate rows.

    Counts are in descending order of score, shape (..., g) -> (...). Thresholds lie at scores: rows of equal scores
    are flagged together or not at all. 0 if even the highest score flags too many; NaN without both classes.
    """
    caught, passed = np.cumsum(frauds, axis=-1), np.cumsum(legitimate, axis=-1)
    total = passed[..., -1]
    reached = np.where(passed <= rate * total[..., np.newaxis], caught, 0).max(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall: NDArray[np.float64] = np.where(total > 0, reached / caught[..., -1], np.nan)
    return recall


def precision_at(k: int, frauds: Counts, legitimate: Counts) -> NDArray[np.float64]:
    """Return the share of frauds among the `k` rows with the highest scores, of counts (..., g) -> (...).

    Counts are in descending order of score. Where not all rows of one score are among the `k`, those that are come
    from them at random, and the share is its expected value. NaN where there are fewer than `k` rows.
    """
    rows = frauds + legitimate
    before = np.cumsum(rows, axis=-1) - rows
    taken = np.clip(np.divide(k - before, rows, out=np.zeros_like(rows), where=rows > 0), 0, 1)
    share: NDArray[np.float64] = np.where(rows.sum(axis=-1) >= k, (frauds * taken).sum(axis=-1) / k, np.nan)
    return share


def calibration_error(
    ranking: Ranking, edges: NDArray[np.float64], frauds: Counts, legitimate: Counts
) -> NDArray[np.float64]:
    """Return the expected calibration error of counts per group of `ranking`, (..., g) -> (...), scores in [0, 1].

    The rows are put into bins by their score, between ascending `edges`, lower ends included, which `ranking` was cut
    at. It is the mean over rows of the distance between the mean score and the share of frauds in the row's bin
    (Naeini, Cooper, Hauskrecht 2015). NaN without rows.
    """
    bins = np.searchsorted(edges, ranking.scores, side="right")
    starts = np.flatnonzero(np.diff(bins, prepend=-1))
    surplus = frauds * (1 - ranking.scores) - legitimate * ranking.legitimate_scores
    with np.errstate(invalid="ignore", divide="ignore"):
        error: NDArray[np.float64] = np.abs(np.add.reduceat(surplus, starts, axis=-1)).sum(axis=-1) / (
            frauds + legitimate
        ).sum(axis=-1)
    return error
