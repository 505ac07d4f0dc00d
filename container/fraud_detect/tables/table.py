"""A table that is ready for training.

Knows numpy and the schema. Never knows files.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.manifest import Labels
from fraud_detect.schema import Float32Matrix, Schema
from fraud_detect.tables.matrix import joined, taken


@dataclass(frozen=True)
class Rows:
    """The rows of a table.

    `features`: float32, shape (n, width), NaN where missing. `labels`: uint8, shape (n,), 1 = fraud.
    `times`: seconds, float64, shape (n,), or None without a time column. `cards`: one number per card, uint64,
    shape (n,), or None without a card column. `numbers`: of the rows in their channel in the order read, from 1,
    uint32, shape (n,), or None for rows that were not read. `scratch`: the folder of files that copies of the features
    lie in, or None for copies in memory.
    """

    features: Float32Matrix
    labels: NDArray[np.uint8]
    times: NDArray[np.float64] | None = None
    cards: NDArray[np.uint64] | None = None
    numbers: NDArray[np.uint32] | None = None
    scratch: Path | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def frauds(self) -> int:
        """Number of rows whose label is positive."""
        return int(self.labels.sum())

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """Return a copy of the rows at `indices`, integers, shape (m,)."""
        return self._at(indices, taken(self.features, indices, self.scratch))

    def between(self, start: int, stop: int) -> Rows:
        """Return the rows from index `start` up to `stop`, which is not included, as a view: nothing is copied."""
        return self._at(slice(start, stop), self.features[start:stop])

    def _at(self, place: NDArray[np.intp] | slice, features: Float32Matrix) -> Rows:
        times = None if self.times is None else self.times[place]
        cards = None if self.cards is None else self.cards[place]
        numbers = None if self.numbers is None else self.numbers[place]
        return Rows(features, self.labels[place], times, cards, numbers, self.scratch)

    def joined(self, other: Rows) -> Rows:
        """Return a copy of these rows with those of `other` after them; what only one of them has is left out."""
        return Rows(
            joined((self.features, other.features), self.scratch),
            np.concatenate((self.labels, other.labels)),
            _joined(self.times, other.times),
            _joined(self.cards, other.cards),
            _joined(self.numbers, other.numbers),
            self.scratch,
        )

    def sha256(self) -> str:
        """Return the checksum of the features and labels, row by row in their order."""
        digest = hashlib.sha256(np.ascontiguousarray(self.features).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()


def _joined(first: NDArray[Any] | None, second: NDArray[Any] | None) -> NDArray[Any] | None:
    return None if first is None or second is None else np.concatenate((first, second))


@dataclass(frozen=True)
class Table:
    """Rows with the schema that encodes them, and how the label column writes its two classes.

    `left_out_rows` of its files had no label and are not in it.
    """

    rows: Rows
    schema: Schema
    labels: Labels
    left_out_rows: int = 0
