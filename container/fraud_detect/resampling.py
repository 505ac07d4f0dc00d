"""Synthetic frauds by imbalanced-learn's samplers, by name.

Knows imbalanced-learn, features and labels of the training part. Never knows models, splits, files.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_detect.errors import TableError
from fraud_detect.schema import Float32Matrix

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resampling:
    """How many frauds there should be per legitimate row afterwards, and from how many neighbours they are made."""

    ratio: float
    k_neighbors: int
    seed: int


def none(
    features: Float32Matrix, _labels: NDArray[np.uint8], _categorical: Sequence[bool], _resampling: Resampling
) -> Float32Matrix:
    """Return no synthetic rows, shape (0, width)."""
    return features[:0]


def smote(
    features: Float32Matrix, labels: NDArray[np.uint8], categorical: Sequence[bool], resampling: Resampling
) -> Float32Matrix:
    """Return synthetic frauds, float32, shape (m, width), by SMOTE (Chawla et al. 2002), SMOTE-NC with categories.

    SMOTE looks at frauds only, so only they are handed to it: memory is that of the frauds and of the result.
    Distances are taken between standardised columns. A missing number is replaced by its median for the distance,
    and is missing in the synthetic row if it is in most of its neighbours.

    Parameters
    ----------
    features : float32, shape (n, width), NaN where missing.
    labels : uint8, shape (n,), 1 = fraud.
    categorical : whether each column holds codes, which are voted on and never averaged; shape (width,).

    Raises
    ------
    TableError
        If there are fewer than two frauds.
    """
    frauds = features[labels == 1]
    wanted = round(resampling.ratio * (len(labels) - len(frauds)))
    if wanted <= len(frauds):
        logger.info("smote: %d frauds already reach the ratio %g; none made", len(frauds), resampling.ratio)
        return features[:0]
    neighbours = _neighbours(len(frauds), resampling.k_neighbors)
    encoding = _Encoding.of(frauds, categorical)
    synthetic = encoding.undo(_sample(encoding.apply(frauds), encoding.categories, wanted, neighbours, resampling.seed))
    logger.info("smote: %d frauds made from %d, k_neighbors=%d", len(synthetic), len(frauds), neighbours)
    return synthetic


def _neighbours(frauds: int, wanted: int) -> int:
    if frauds < 2:
        raise TableError(
            f"The training part has {frauds} fraud rows",
            expected="at least 2 to make synthetic ones between",
            remedy="Add frauds, or set resampler=none.",
        )
    if frauds <= wanted:
        logger.warning("smote: %d frauds allow k_neighbors=%d, not %d", frauds, frauds - 1, wanted)
    return min(wanted, frauds - 1)


def _sample(
    frauds: NDArray[np.float32], categories: Sequence[int], wanted: int, neighbours: int, seed: int
) -> NDArray[np.float32]:
    """Return the rows that the sampler adds to reach `wanted` frauds."""
    from imblearn.over_sampling import SMOTE, SMOTENC

    other = frauds[:1]  # the samplers insist on a second class, and never look at its rows
    rows, labels = np.concatenate((other, frauds)), np.append(0, np.ones(len(frauds), dtype=np.int8))
    options = {"sampling_strategy": {1: wanted}, "k_neighbors": neighbours, "random_state": seed}
    numeric = len(categories) < frauds.shape[1]
    if not numeric:
        raise TableError(
            "The table has no number column",
            expected="at least one for SMOTE to work between rows",
            remedy="Set resampler=none.",
        )
    sampler = SMOTENC(categorical_features=categories, **options) if categories else SMOTE(**options)
    with warnings.catch_warnings():
        # True and wanted: the one row of the other class is no majority.
        warnings.filterwarnings("ignore", message="After over-sampling, the number of samples")
        resampled, _ = sampler.fit_resample(rows, labels)
    made: NDArray[np.float32] = np.asarray(resampled[len(rows) :], dtype=np.float32)
    return made


@dataclass(frozen=True)
class _Encoding:
    """Rows as the samplers want them: standardised numbers, codes without gaps, and a flag per column with gaps."""

    center: NDArray[np.float32]
    scale: NDArray[np.float32]
    gaps: NDArray[np.intp]
    categories: list[int]

    @classmethod
    def of(cls, frauds: Float32Matrix, categorical: Sequence[bool]) -> _Encoding:
        codes = np.asarray(categorical, dtype=bool)
        gaps = np.flatnonzero(np.isnan(frauds).any(axis=0))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="All-NaN slice|Mean of empty slice|Degrees of freedom")
            center, scale = np.nanmedian(frauds, axis=0), np.nanstd(frauds, axis=0, dtype=np.float64)
        center = np.where(codes | ~np.isfinite(center), 0, center)
        scale = np.where(codes | ~np.isfinite(scale) | (scale == 0), 1, scale)
        flags = range(frauds.shape[1], frauds.shape[1] + len(gaps))
        return cls(center.astype(np.float32), scale.astype(np.float32), gaps, [*np.flatnonzero(codes).tolist(), *flags])

    def apply(self, rows: Float32Matrix) -> NDArray[np.float32]:
        """Return `rows` with a flag column appended for each column that has gaps."""
        missing = np.isnan(rows)
        filled = np.where(missing, self.center, rows)  # a missing code becomes 0; its flag tells it from the real one
        return np.hstack(((filled - self.center) / self.scale, missing[:, self.gaps].astype(np.float32)))

    def undo(self, rows: NDArray[np.float32]) -> Float32Matrix:
        """Return rows in the original columns, with the gaps that their flags say."""
        width = len(self.center)
        restored: Float32Matrix = rows[:, :width] * self.scale + self.center
        for place, column in enumerate(self.gaps):
            restored[rows[:, width + place] > 0, column] = np.nan
        return restored


Sampler = Callable[[Float32Matrix, NDArray[np.uint8], Sequence[bool], Resampling], Float32Matrix]
SAMPLERS: Mapping[str, Sampler] = {"smote": smote, "none": none}
