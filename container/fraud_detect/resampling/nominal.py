"""Encoded rows for samplers that know numbers only, and back: a column for each code, as SMOTE-NC has it.

Knows scikit-learn's one-hot encoder. Never knows any sampler.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.resampling.encoding import Encoding

ONE = 1 / np.sqrt(2)
"""What a code's own column holds: two rows with different codes then have a squared distance of 1."""


@dataclass(frozen=True)
class Nominal:
    """How the rows of one `encoding` become numbers alone."""

    encoding: Encoding
    one_hot: Any

    @classmethod
    def of(cls, rows: NDArray[np.float32], encoding: Encoding) -> Nominal:
        """Return it for encoded `rows`, shape (n, width with flags)."""
        from sklearn.preprocessing import OneHotEncoder

        codes = rows[:, encoding.categories]
        return cls(encoding, OneHotEncoder(dtype=np.float32).fit(codes) if encoding.categories else None)

    def apply(self, rows: NDArray[np.float32]) -> Any:
        """Return `rows` as they are where there are no codes, else sparse, with a column for each code."""
        from scipy import sparse

        if self.one_hot is None:
            return rows
        numbers = sparse.csr_matrix(rows[:, self.encoding.numbers])
        codes = self.one_hot.transform(rows[:, self.encoding.categories]) * np.float32(ONE)
        return sparse.hstack((numbers, codes), format="csr")

    def undo(self, rows: Any) -> NDArray[np.float32]:
        """Return encoded rows; each has the code whose column has most, that of the nearer end."""
        if self.one_hot is None:
            return np.asarray(rows, dtype=np.float32)
        columns = rows.tocsc()
        start = len(self.encoding.numbers)
        encoded = np.empty((rows.shape[0], start + len(self.encoding.categories)), dtype=np.float32)
        encoded[:, self.encoding.numbers] = columns[:, :start].toarray()
        for place, codes in zip(self.encoding.categories, self.one_hot.categories_, strict=True):
            most = columns[:, start : start + len(codes)].argmax(axis=1)
            encoded[:, place] = codes[np.asarray(most).ravel()]
            start += len(codes)
        return encoded
