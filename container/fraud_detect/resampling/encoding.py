"""Rows as samplers want them, and back.

Knows numpy. Never knows any sampler.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_detect.schema import Float32Matrix

MISSING_CODE = -1


@dataclass(frozen=True)
class Encoding:
    """Rows as the samplers want them: standardised numbers, codes without gaps, and a flag per number with gaps.

    A missing number becomes the median and is flagged, a missing code one of its own. `fill` are those values,
    `categories` the columns of the encoded rows that hold codes or flags, `numbers` the others.
    """

    fill: NDArray[np.float32]
    center: NDArray[np.float32]
    scale: NDArray[np.float32]
    gaps: NDArray[np.intp]
    numbers: list[int]
    categories: list[int]

    @classmethod
    def of(cls, rows: Float32Matrix, categorical: Sequence[bool]) -> Encoding:
        """Return the encoding by what `rows`, shape (n, width), have, column by column; `categorical` as in `Sampler`.

        Numbers get their median subtracted and are divided by their standard deviation.
        """
        width = rows.shape[1]
        center, scale = np.zeros(width, dtype=np.float32), np.ones(width, dtype=np.float32)
        codes, numbers = np.flatnonzero(categorical), np.flatnonzero(~np.asarray(categorical, dtype=bool))
        for place in numbers:
            center[place], scale[place] = _middle_and_spread(rows[:, place])
        fill = np.where(categorical, np.float32(MISSING_CODE), center)
        gaps = np.array([place for place in numbers if np.isnan(rows[:, place]).any()], dtype=np.intp)
        flags = range(width, width + len(gaps))
        return cls(fill, center, scale, gaps, numbers.tolist(), [*codes.tolist(), *flags])

    def apply(self, rows: Float32Matrix) -> NDArray[np.float32]:
        """Return `rows` with a flag column appended for each column of numbers that has gaps."""
        missing = np.isnan(rows)
        filled = np.where(missing, self.fill, rows)
        return np.hstack(((filled - self.center) / self.scale, missing[:, self.gaps].astype(np.float32)))

    def undo(self, rows: NDArray[np.float32]) -> Float32Matrix:
        """Return rows in the original columns, with the gaps that their codes and flags say."""
        width = len(self.center)
        restored: Float32Matrix = rows[:, :width] * self.scale + self.center
        for column in (place for place in self.categories if place < width):
            restored[restored[:, column] == MISSING_CODE, column] = np.nan
        for place, column in enumerate(self.gaps):
            restored[rows[:, width + place] > 0, column] = np.nan
        return restored


def _middle_and_spread(column: NDArray[np.float32]) -> tuple[float, float]:
    """Return median and standard deviation of what is there; 0 and 1 where they are not defined, or there is none."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="All-NaN slice|Mean of empty slice|Degrees of freedom")
        middle, spread = float(np.nanmedian(column)), float(np.nanstd(column.astype(np.float64)))
    usable = np.isfinite(spread) and np.float32(spread) > 0
    return middle if np.isfinite(middle) else 0.0, spread if usable else 1.0
