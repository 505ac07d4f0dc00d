"""Choose the probability from which a row counts as fraud.

Knows rankings. Never knows models.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import numpy as np

from fraud_detect.artifact.manifest import Threshold
from fraud_detect.evaluation.ranking import Counts, Labels, Ranking, Scores, rank

logger = logging.getLogger(__name__)

Choice = Callable[[Ranking, Scores, float], float]
"""The lowest probability to flag, by the ranking, the probabilities, and the target."""


def choose(labels: Labels, probabilities: Scores, policy: str, target: float | None) -> Threshold:
    """Return the threshold that `policy` chooses on calibrated `probabilities`, shape (n,), of rows with `labels`.

    `policy` and its `target`: f1 (none), precision (the least wanted), recall (the least wanted), alert_rate (the
    largest share of rows flagged), cost (what a missed fraud costs in false alarms: the threshold is then
    1 / (1 + target), Elkan 2001, whatever the rows).
    """
    if policy == "cost":
        return Threshold(value=1 / (1 + (target or 0.0)), policy=policy, target=target)
    lowest = _CHOICES[policy](rank(labels, probabilities), probabilities, target or 0.0)
    return Threshold(value=_between(probabilities, lowest), policy=policy, target=target)


def _between(probabilities: Scores, lowest: float) -> float:
    """Return the middle between the `lowest` flagged probability and the next one under it.

    A score that differs in its last bit between two machines then falls on the same side.
    """
    under = probabilities[probabilities < lowest]
    if len(under) == 0:
        return float(lowest)
    highest = under.max()
    middle = highest + (lowest - highest) / 2
    return float(middle if middle > highest else lowest)  # between neighbours of float64 there is no middle


def _by_f1(ranking: Ranking, _: Scores, _target: float) -> float:
    caught, alarms = _counted(ranking)
    return float(ranking.scores[np.argmax(2 * caught / (caught[-1] + caught + alarms))])


def _by_precision(ranking: Ranking, _: Scores, target: float) -> float:
    caught, alarms = _counted(ranking)
    precision = caught / (caught + alarms)
    reached = np.flatnonzero(precision >= target)
    if len(reached) == 0:
        _warn("precision", target, precision.max())
        return float(ranking.scores[np.argmax(precision)])
    return float(ranking.scores[np.argmax(caught == caught[reached[-1]])])  # the fewest alerts of that recall


def _by_recall(ranking: Ranking, _: Scores, target: float) -> float:
    caught, _alarms = _counted(ranking)
    return float(ranking.scores[np.argmax(caught >= target * caught[-1])])


def _by_alert_rate(_: Ranking, probabilities: Scores, target: float) -> float:
    """Go by single rows, not by the groups of the ranking, which hold all legitimate rows between two frauds."""
    values, counts = np.unique(probabilities, return_counts=True)
    shares = np.cumsum(counts[::-1])[::-1] / len(probabilities)
    if shares[-1] > target:
        _warn("alert_rate", target, shares[-1])
    return float(values[min(int(np.count_nonzero(shares > target)), len(values) - 1)])


def _counted(ranking: Ranking) -> tuple[Counts, Counts]:
    """Return how many frauds and legitimate rows are flagged from each group on upwards."""
    return np.cumsum(ranking.frauds), np.cumsum(ranking.legitimate)


def _warn(policy: str, target: float, nearest: float) -> None:
    logger.warning(
        "threshold_policy=%s: no threshold reaches the target %g on the validation rows; took the nearest, %.4g",
        policy,
        target,
        nearest,
    )


_CHOICES: Mapping[str, Choice] = {
    "f1": _by_f1,
    "precision": _by_precision,
    "recall": _by_recall,
    "alert_rate": _by_alert_rate,
}
POLICIES = (*_CHOICES, "cost")
