"""Matrices in memory, or in files without a name that the system keeps in memory as far as there is room.

Knows numpy. Never knows what the numbers are.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fraud_detect.schema import Float32Matrix

ROWS_AT_ONCE = 1 << 16


def empty(shape: tuple[int, int], scratch: Path | None) -> Float32Matrix:
    """Return a matrix of any content: in memory, or in a file in the folder `scratch`, which goes away with it."""
    if scratch is None or 0 in shape:
        return np.empty(shape, dtype=np.float32)
    with tempfile.TemporaryFile(dir=scratch) as file:
        return np.memmap(file, dtype=np.float32, mode="w+", shape=shape)


def taken(matrix: Float32Matrix, indices: NDArray[np.intp], scratch: Path | None) -> Float32Matrix:
    """Return a copy of the rows at `indices`, integers, shape (m,)."""
    if scratch is None:
        copied: Float32Matrix = matrix[indices]
        return copied
    found = empty((len(indices), matrix.shape[1]), scratch)
    for start in range(0, len(indices), ROWS_AT_ONCE):
        found[start : start + ROWS_AT_ONCE] = matrix[indices[start : start + ROWS_AT_ONCE]]
    return found


def joined(matrices: Sequence[Float32Matrix], scratch: Path | None) -> Float32Matrix:
    """Return a copy of the rows of all `matrices`, one after the other."""
    whole = empty((sum(map(len, matrices)), matrices[0].shape[1]), scratch)
    np.concatenate(matrices, out=whole)
    return whole
