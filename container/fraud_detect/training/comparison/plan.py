"""What a comparison runs: configurations, and one cell for each fold of each.

Knows names and hyperparameters. Never knows rows, processes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from fraud_detect.training.libraries import versions
from fraud_detect.training.parameters import Hyperparameters

Pair = tuple[str, str]
"""An algorithm and a resampler."""

RUN_ALIKE = frozenset({"cv_folds", "cv_repeats", "nthread", "bootstrap_samples", "test_fraction"})
"""Hyperparameters that change no cell's result."""


@dataclass(frozen=True)
class Configuration:
    """One way of making models; `given` are the hyperparameters that train it, where they are not the defaults."""

    parameters: Hyperparameters
    given: Mapping[str, str]

    @property
    def pair(self) -> Pair:
        """Return its algorithm and resampler."""
        return self.parameters.algorithm, self.parameters.resampler

    def digest(self) -> str:
        """Return a checksum of what decides its results on given folds: hyperparameters and versions of libraries."""
        values = {name: value for name, value in self.parameters.by_name().items() if name not in RUN_ALIKE}
        document = {"hyperparameters": values, "libraries": dict(versions(self.parameters.algorithm))}
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, order=True)
class Cell:
    """One configuration on one fold of one repeat, both counted from 1."""

    algorithm: str
    resampler: str
    repeat: int
    fold: int

    @property
    def pair(self) -> Pair:
        """Return its algorithm and resampler."""
        return self.algorithm, self.resampler

    def __str__(self) -> str:
        return f"{self.algorithm} with {self.resampler}, repeat {self.repeat}, fold {self.fold}"
