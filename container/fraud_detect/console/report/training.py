"""What training left for the console: the report's page, and report.json.

Knows the report's folder and the manifest. Never knows cases, Flask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from fraud_detect.artifact.manifest import Manifest
from fraud_detect.report.numbers import short
from fraud_detect.report.words import POLICIES

PAGE, DOCUMENT = "report.html", "report.json"
PARTS = ("test", "validation")
FIGURES: Mapping[str, str] = {
    "average_precision": "Average precision",
    "roc_auc": "ROC AUC",
    "precision": "Precision at the threshold",
    "recall": "Recall at the threshold",
}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Scores(_Strict):
    """Counts of held-out rows in bins of log-odds; `edges` has one number more than the counts."""

    edges: Sequence[float]
    frauds: Sequence[int]
    legitimate: Sequence[int]

    @property
    def rows(self) -> Sequence[int]:
        """Counts of both classes."""
        return [fraud + other for fraud, other in zip(self.frauds, self.legitimate, strict=True)]


class Feature(_Strict):
    """What one feature is worth; `direction` is how its value goes with its contribution, from -1 to 1."""

    name: str
    value: float
    direction: float | None = None


class Importance(_Strict):
    """The features, the most important first; `by` contributions or permutation, on so many rows."""

    by: str
    rows: int
    features: Sequence[Feature]


class Document(_Strict):
    """The content of report.json."""

    training_data: str
    part: str
    threshold: float
    scores: Scores
    importance: Importance


class Figure(_Strict):
    """One figure and its 95 % interval, where it has one."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None


def page(folder: Path) -> bytes | None:
    """Return the report as a page; None where there is none."""
    try:
        return (folder / PAGE).read_bytes()
    except FileNotFoundError:
        return None


def document(folder: Path, manifest: Manifest) -> Document | None:
    """Return report.json; None where there is none that can be read, or it is of another model."""
    try:
        found = Document.model_validate_json((folder / DOCUMENT).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    bins = len(found.scores.edges) - 1
    is_whole = bins > 0 and len(found.scores.frauds) == len(found.scores.legitimate) == bins
    return found if is_whole and found.training_data == manifest.training_data.sha256 else None


def held_out(manifest: Manifest) -> tuple[str, Mapping[str, Any]] | None:
    """Return the part that the model's figures are of, the test rows where there are some, and the figures."""
    for part in PARTS:
        if manifest.metrics.get(part):
            return part, manifest.metrics[part]
    return None


def figures(metrics: Mapping[str, Any]) -> Sequence[Figure]:
    """Return the key figures of a part."""
    intervals = metrics.get("intervals") or {}
    return [_figure(words, metrics.get(name), intervals.get(name)) for name, words in FIGURES.items()]


def _figure(name: str, value: float | None, interval: Sequence[float] | None) -> Figure:
    low, high = interval or (None, None)
    return Figure(name=name, value=value, low=low, high=high)


def alert_rate(metrics: Mapping[str, Any]) -> float | None:
    """Return the share of a part's rows that reach the threshold."""
    confusion = metrics.get("confusion")
    if not confusion or not metrics.get("rows"):
        return None
    return float(confusion["true_positives"] + confusion["false_positives"]) / float(metrics["rows"])


def policy(manifest: Manifest) -> str:
    """Return what chose the threshold, in words."""
    threshold = manifest.threshold
    return POLICIES.get(threshold.policy, threshold.policy).format(target=short(threshold.target))
