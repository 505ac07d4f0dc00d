"""A table that is ready for training.

Knows numpy and the schema. Never knows files.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.manifest import Labels
from fraud_detect.schema import Float32Matrix, Schema


@dataclass(frozen=True)
class Rows:
    """The rows of a table.

    `features`: float32, shape (n, width), NaN where missing. `labels`: uint8, shape (n,), 1 = fraud.
    `times`: seconds, float64, shape (n,), or None without a time column.
    """

    features: Float32Matrix
    labels: NDArray[np.uint8]
    times: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def frauds(self) -> int:
        """Number of rows whose label is positive."""
        return int(self.labels.sum())

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """Return a copy of the rows at `indices`, integers, shape (m,)."""
        times = None if self.times is None else self.times[indices]
        return Rows(self.features[indices], self.labels[indices], times)

    def sha256(self) -> str:
        """Return the checksum of the features and labels, row by row in their order."""
        digest = hashlib.sha256(np.ascontiguousarray(self.features).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()


@dataclass(frozen=True)
class Table:
    """Rows with the schema that encodes them, and how the label column writes its two classes."""

    rows: Rows
    schema: Schema
    labels: Labels
