"""Choose the probability from which a row counts as fraud.

Knows rankings. Never knows models.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.manifest import Threshold
from fraud_detect.evaluation.ranking import Counts, Labels, Ranking, Scores, rank

logger = logging.getLogger(__name__)

Choice = Callable[[Ranking, Counts, Counts, float], int]


def choose(labels: Labels, probabilities: Scores, policy: str, target: float | None) -> Threshold:
    """Return the threshold that `policy` chooses on calibrated `probabilities`, shape (n,), of rows with `labels`.

    `policy` and its `target`: f1 (none), precision (the least wanted), recall (the least wanted), alert_rate (the
    largest share of rows flagged), cost (what a missed fraud costs in false alarms: the threshold is then
    1 / (1 + target), Elkan 2001, whatever the rows).
    """
    if policy == "cost":
        return Threshold(value=1 / (1 + (target or 0.0)), policy=policy, target=target)
    ranking = rank(labels, probabilities)
    caught, alarms = np.cumsum(ranking.frauds), np.cumsum(ranking.legitimate)
    place = _CHOICES[policy](ranking, caught, alarms, target or 0.0)
    return Threshold(value=_between(probabilities, ranking.scores[place]), policy=policy, target=target)


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


def _by_f1(_: Ranking, caught: Counts, alarms: Counts, _target: float) -> int:
    return int(np.argmax(2 * caught / (caught[-1] + caught + alarms)))


def _by_precision(_: Ranking, caught: Counts, alarms: Counts, target: float) -> int:
    precision = caught / (caught + alarms)
    return _last(precision >= target) if (precision >= target).any() else _best("precision", precision, target)


def _by_recall(_: Ranking, caught: Counts, _alarms: Counts, target: float) -> int:
    return int(np.argmax(caught >= target * caught[-1]))


def _by_alert_rate(_: Ranking, caught: Counts, alarms: Counts, target: float) -> int:
    share = (caught + alarms) / (caught[-1] + alarms[-1])
    return _last(share <= target) if (share <= target).any() else _best("alert_rate", -share, target)


def _last(reached: NDArray[np.bool_]) -> int:
    return int(np.flatnonzero(reached)[-1])


def _best(policy: str, values: Counts, target: float) -> int:
    place = int(np.argmax(values))
    logger.warning(
        "threshold_policy=%s: no threshold reaches the target %g on the validation rows; took the nearest, %.4g",
        policy,
        target,
        abs(values[place]),
    )
    return place


_CHOICES: Mapping[str, Choice] = {
    "f1": _by_f1,
    "precision": _by_precision,
    "recall": _by_recall,
    "alert_rate": _by_alert_rate,
}
POLICIES = (*_CHOICES, "cost")
