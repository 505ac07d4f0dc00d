"""Metrics as log lines, and the regular expressions that find them again.

Knows names and numbers. Never knows how they were measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

FIGURES = (
    *("average_precision", "roc_auc", "brier", "precision", "recall", "f1"),
    *("recall_at_1_percent_fpr", "precision_at_k", "expected_calibration_error", "expected_cost", "money_saved"),
)
CARD_FIGURES = ("card_precision", "oracle_card_precision")
FINAL: Mapping[str, Sequence[str]] = {
    "train": ("average_precision", "roc_auc", "f1"),
    "validation": FIGURES,
    "test": (*FIGURES, *CARD_FIGURES),
    "prequential": ("average_precision", "roc_auc", "f1", "money_saved", *CARD_FIGURES),
    "cross_validation": ("average_precision", "roc_auc", "f1", "precision_at_k", "money_saved"),
}
"""The figures that are printed at the end, by part: SageMaker takes 40 definitions, metrics.json has all figures."""
TUNING = "tuning_best_average_precision"
NUMBER = r"([-+0-9.eE]+)"


def line(values: Mapping[str, float]) -> str:
    """Return `name=value;` for each value, on one line."""
    return " ".join(f"{name}={value:.6g};" for name, value in values.items())


def names() -> list[str]:
    """Return the name of every metric that a job prints: of each round, and once more at the end."""
    return [*(f"{part}_{figure}" for part, figures in FINAL.items() for figure in figures), "threshold", TUNING]


def definitions() -> str:
    r"""Return SageMaker's `MetricDefinitions` as JSON; `\b` keeps a name from matching inside a longer one."""
    found = [{"Name": label(name), "Regex": rf"\b{name}={NUMBER};"} for name in names()]
    return json.dumps(found, indent=2) + "\n"


def label(name: str) -> str:
    """Return SageMaker's name of a metric: a colon after the part."""
    part = next((part for part in FINAL if name.startswith(f"{part}_")), name.partition("_")[0])
    return name.replace(f"{part}_", f"{part}:", 1)
