"""What a score means, for people and for programs.

Knows scores, the manifest and reasons. Never knows Flask, rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fraud_detect.artifact.manifest import Manifest, Threshold
from fraud_detect.console.endpoint import Reason, Score
from fraud_detect.console.reasons import FRAUD, LEGITIMATE, Bar, Sum, bars, sum_of, towards

LEAST_PERCENT = 0.1


@dataclass(frozen=True)
class Answer:
    """A score as a page shows it. `agrees`: whether the endpoint, too, draws the line where the manifest does."""

    probability: float
    percent: str
    verdict: str
    bars: Sequence[Bar]
    sum: Sum | None
    agrees: bool


def answer_of(score: Score, manifest: Manifest) -> Answer:
    """Return what `score` means by the threshold of `manifest`."""
    verdict = verdict_of(score, manifest)
    return Answer(
        probability=score.probability,
        percent=percent(score.probability),
        verdict=verdict,
        bars=bars(score.reasons),
        sum=sum_of(score),
        agrees=score.label is None or score.label == _label(verdict, manifest),
    )


def verdict_of(score: Score, manifest: Manifest) -> str:
    """Return which side of the threshold a score is on."""
    return FRAUD if score.probability >= manifest.threshold.value else LEGITIMATE


def _label(verdict: str, manifest: Manifest) -> object:
    return manifest.labels.positive if verdict == FRAUD else manifest.labels.negative


def percent(probability: float) -> str:
    """Return a probability in percent, with one decimal: more would say more than the model knows."""
    value = 100 * probability
    if value < LEAST_PERCENT:
        return f"less than {LEAST_PERCENT} %"
    if value > 100 - LEAST_PERCENT:
        return f"more than {100 - LEAST_PERCENT} %"
    return f"{value:.1f} %"


def threshold_in_words(threshold: Threshold) -> str:
    """Return where the line is and why there."""
    if threshold.value > 1:
        return "No probability counts as fraud: no threshold reached what was asked for in training."
    reason = _POLICIES[threshold.policy](threshold.target) if threshold.policy in _POLICIES else threshold.policy
    return f"Fraud from {100 * threshold.value:.3g} % on: {reason}."


_POLICIES: Mapping[str, Callable[[float | None], str]] = {
    "f1": lambda _: "the best balance of precision and recall (F1) on held-out rows",
    "precision": lambda target: f"{_share(target)} or more of the alerts are fraud, on held-out rows",
    "recall": lambda target: f"{_share(target)} or more of the frauds are caught, on held-out rows",
    "cost": lambda target: f"a missed fraud costs as much as {target or 0:g} false alarms",
    "alert_rate": lambda target: f"{_share(target)} of the held-out rows at most are alerts",
}
"""What each policy of training chose the threshold for."""


def _share(target: float | None) -> str:
    return f"{100 * (target or 0):g} %"


def document_of(score: Score, manifest: Manifest) -> dict[str, Any]:
    """Return a score as the API gives it."""
    verdict = verdict_of(score, manifest)
    return {
        "probability": score.probability,
        "label": _label(verdict, manifest) if score.label is None else score.label,
        "verdict": verdict,
        "reasons": [_reason(reason) for reason in score.reasons],
        "raw_score": score.raw_score,
        "base_value": score.base_value,
        "other_contributions": score.other_contributions,
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "feature": reason.feature,
        "value": reason.value,
        "contribution": reason.contribution,
        "towards": towards(reason),
        "text": reason.text or reason.feature,
    }
