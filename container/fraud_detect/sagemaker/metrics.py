"""Metrics as log lines, and the regular expressions that find them again.

Knows names and numbers. Never knows how they were measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

PARTS = ("train", "validation", "test")
FINAL = ("average_precision", "roc_auc", "brier", "precision", "recall", "f1")
NUMBER = r"([-+0-9.eE]+)"


def line(values: Mapping[str, float]) -> str:
    """Return `name=value;` for each value, on one line."""
    return " ".join(f"{name}={value:.6g};" for name, value in values.items())


def names() -> list[str]:
    """Return the name of every metric that a job prints: of each round, and once more at the end."""
    return [*(f"{part}_{metric}" for part in PARTS for metric in FINAL), "threshold"]


def definitions() -> str:
    r"""Return SageMaker's `MetricDefinitions` as JSON; `\b` keeps a name from matching inside a longer one."""
    found = [{"Name": name.replace("_", ":", 1), "Regex": rf"\b{name}={NUMBER};"} for name in names()]
    return json.dumps(found, indent=2) + "\n"
