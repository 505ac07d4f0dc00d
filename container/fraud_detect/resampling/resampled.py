"""What a sampler is asked, and what it gives.

Knows shapes. Never knows any sampler.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_detect.schema import Float32Matrix


@dataclass(frozen=True)
class Resampling:
    """How many frauds there should be per legitimate row afterwards, and from how many neighbours they are made.

    `elsewhere` are legitimate rows beside those that are handed over, for samplers that look at frauds alone.
    """

    ratio: float
    k_neighbors: int
    seed: int
    elsewhere: int = 0


@dataclass(frozen=True)
class Resampled:
    """What becomes of some rows.

    `kept`: the places of the real rows that stay, ascending integers, shape (k,), or None for all of them.
    `synthetic`: rows that were made or repeated, all of them frauds, float32, shape (m, width).
    `drawn_share`: the share of the legitimate rows that stay, where those were drawn at random and no fraud was made:
    then probabilities can be corrected exactly. None otherwise.
    """

    kept: NDArray[np.intp] | None
    synthetic: Float32Matrix
    drawn_share: float | None = None


Sampler = Callable[[Float32Matrix, NDArray[np.uint8], Sequence[bool], Resampling], Resampled]
"""Resample features, float32, shape (n, width), NaN where missing, with labels, uint8, shape (n,), 1 = fraud.

The third argument says whether each column holds codes, which are voted on and never averaged; shape (width,). The
rows that are given are left as they are. Raises `TableError` if the rows do not allow what is asked.
"""
