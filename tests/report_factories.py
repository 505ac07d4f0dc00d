"""Finished jobs for the tests of the report, and what a page holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np

from fraud_detect.evaluation.metrics import evaluate
from fraud_detect.report.data import HeldOut, Job
from fraud_detect.schema import Column, ColumnKind, Float32Matrix, Float64Matrix, Schema

VOID = {"br", "wbr", "input", "meta", "path", "line", "rect", "circle"}
HOSTILE = "<script>alert('x')</script> \"&\" \u4f60\u597d \U0001f600"

COLUMNS = (
    Column(name="amount", missing_allowed=True),
    Column(name="hour"),
    Column(name="country", kind=ColumnKind.CATEGORY, categories=("DE", "FR", HOSTILE), missing_allowed=True),
    Column(name="online", kind=ColumnKind.FLAG),
)


def some_rows(rows: int, seed: int) -> tuple[Float32Matrix, np.ndarray]:
    """Return features of `COLUMNS`, with gaps, and labels of which a tenth are frauds; frauds have higher amounts."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(rows) % 10 == 0).astype(np.uint8)
    columns = rng.normal(size=rows) + 2 * labels, rng.integers(24, size=rows), rng.integers(3, size=rows), labels
    features = np.column_stack(columns).astype(np.float32)
    features[rng.random(rows) < 0.1, 0] = np.nan
    features[rng.random(rows) < 0.1, 2] = np.nan
    return features, labels


def score(features: Float32Matrix) -> np.ndarray:
    """Return the probabilities of a model that looks at the first feature."""
    return 1 / (1 + np.exp(2 - 1.5 * np.nan_to_num(features[:, 0].astype(np.float64))))


def contribute(features: Float32Matrix) -> Float64Matrix:
    """Return the contributions of that model, and of nothing else."""
    contributions = np.zeros((len(features), features.shape[1] + 1))
    contributions[:, 0] = 1.5 * np.nan_to_num(features[:, 0])
    contributions[:, -1] = -2
    return contributions


def held_out_rows(rows: int = 400, **overrides: Any) -> HeldOut:
    """Return test rows with amounts, of 8 days."""
    features, labels = some_rows(rows, seed=1)
    given: dict[str, Any] = {"part": "test", "features": features, "labels": labels, "probabilities": score(features)}
    return HeldOut(**{**given, "amounts": np.arange(rows, dtype=np.float64), "days": 8.0, **overrides})


def a_resampling(resampler: str = "smote", chosen: str = "smote") -> dict[str, Any]:
    """Return what a resampler made, as metrics.json has it."""
    return {"resampler": resampler, "chosen": chosen, "synthetic_frauds": 7, "left_out_rows": 0}


def a_job(
    held_out: HeldOut | None = None,
    columns: Sequence[Column] = COLUMNS,
    *,
    threshold: float = 0.5,
    metrics: dict[str, Any] | None = None,
    **overrides: Any,
) -> Job:
    """Return a finished job whose metrics are those of its held-out rows; `metrics` go over them."""
    held_out = held_out or held_out_rows()
    features, labels = some_rows(1_000, seed=0)
    rng = np.random.default_rng(0)
    figures = evaluate(held_out.labels, held_out.probabilities, threshold, samples=50, rng=rng).as_json()
    resampling = {
        **a_resampling(),
        "with": figures,
        "without": figures,
    }
    document = {
        "train": figures,
        "validation": figures,
        "test": figures if held_out.part == "test" else None,
        "threshold": {"value": threshold, "policy": "f1", "target": None},
        "calibration": {"method": "sigmoid"},
        "rounds": 3,
        "refitted": False,
        "resampling": resampling,
        "test_by_day": None,
        "prequential": None,
        "cross_validation": None,
        "stopped": False,
        **(metrics or {}),
    }
    given: dict[str, Any] = {
        "algorithm": "xgboost",
        "schema": Schema(columns=tuple(columns)),
        "metrics": document,
        "settings": {"seed": 0, "eta": 0.3, "drop_columns": [], "review_cost": 5.0, "precision_k": 100},
        "libraries": {"fraud-detect": "1.2.3"},
        "features": features,
        "labels": labels,
        "held_out": held_out,
    }
    return Job(**{**given, "score": score, "contribute": contribute, **overrides})


def without(job: Job, **overrides: Any) -> Job:
    """Return `job` with other held-out rows."""
    return replace(job, held_out=replace(job.held_out, **overrides))


class Page(HTMLParser):
    """What a page holds; raises `AssertionError` where its elements do not nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: dict[str, list[str]] = {}
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element, which must be of that name."""
        if tag in VOID:
            return
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text by the element that it stands in."""
        if self.open and data.strip():
            self.words.setdefault(self.open[-1], []).append(data.strip())

    def those(self, tag: str, wanted: Callable[[dict[str, str | None]], bool] = bool) -> list[dict[str, str | None]]:
        """Return the attributes of the elements called `tag`."""
        return [attributes for name, attributes in self.elements if name == tag and wanted(attributes)]

    @property
    def text(self) -> str:
        """All text outside of scripts and styles."""
        return " ".join(word for tag, words in self.words.items() if tag not in ("script", "style") for word in words)
