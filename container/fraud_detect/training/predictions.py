"""What models said of rows that they did not see, as lines of CSV.

Knows rows by their numbers. Never knows models, where the lines go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("part", "row", "repeat", "fold", "label", "probability")
HEADER = (",".join(COLUMNS) + "\n").encode()
ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Predictions:
    """The probabilities of one part, or of one fold of a cross-validation, counted by `repeat` and `fold` from 1.

    `numbers`: of the rows in their channel in the order read, from 1, integers, or None if that is not known.
    `labels`: uint8, 1 = fraud. `probabilities`: float64, calibrated. All of shape (n,).
    """

    part: str
    numbers: NDArray[np.uint32] | None
    labels: NDArray[np.uint8]
    probabilities: NDArray[np.float64]
    repeat: int | None = None
    fold: int | None = None

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of the rows, some at once, `COLUMNS` separated by commas; empty where there is no value.

        A probability has as many digits as it takes to read the same float64 back.
        """
        place = ",".join("" if value is None else str(value) for value in (self.repeat, self.fold))
        for start in range(0, len(self.labels), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            labels, probabilities = self.labels[part].tolist(), self.probabilities[part].tolist()
            numbers = [""] * len(labels) if self.numbers is None else self.numbers[part].tolist()
            rows = zip(numbers, labels, probabilities, strict=True)
            yield "".join(f"{self.part},{row},{place},{label},{value!r}\n" for row, label, value in rows).encode()
