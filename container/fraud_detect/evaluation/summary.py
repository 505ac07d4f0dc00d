"""Figures of several folds or days, summed up.

Knows numbers. Never knows what they are of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np


def over_folds(folds: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """Return the mean and the standard deviation of each figure in `names` over `folds`, as metrics.json has them."""
    return {
        "mean": {name: mean(fold[name] for fold in folds) for name in names},
        "standard_deviation": {name: standard_deviation(fold[name] for fold in folds) for name in names},
    }


def mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of the values that are there, or None if none is."""
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None


def standard_deviation(values: Iterable[float | None]) -> float | None:
    """Return the sample standard deviation (n - 1) of the values that are there, or None of fewer than two."""
    there = [value for value in values if value is not None]
    return float(np.std(there, ddof=1)) if len(there) > 1 else None
