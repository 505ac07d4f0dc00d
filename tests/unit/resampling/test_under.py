"""Legitimate rows left out, at random or by their distance to frauds."""

from __future__ import annotations

import numpy as np
import pytest
from imblearn.under_sampling import NearMiss

from fraud_detect.resampling.encoding import Encoding
from fraud_detect.resampling.resampled import Resampling
from fraud_detect.resampling.under import near_miss, random_under
from fraud_detect.schema import Float32Matrix


def some_rows(seed: int = 0) -> tuple[Float32Matrix, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(2_000) < 0.02).astype(np.uint8)
    return rng.normal(size=(2_000, 4)).astype(np.float32), labels


def test_random_under_says_which_share_it_drew() -> None:
    rows, labels = some_rows()

    found = random_under(rows, labels, [False] * 4, Resampling(0.5, 5, 0))

    assert found.kept is not None
    assert found.drawn_share == pytest.approx((labels[found.kept] == 0).sum() / (labels == 0).sum())


def test_random_under_draws_every_legitimate_row_alike() -> None:
    rows, labels = some_rows()
    times = np.zeros(len(rows))
    for seed in range(300):
        kept = random_under(rows, labels, [False] * 4, Resampling(0.1, 5, seed)).kept
        assert kept is not None
        times[kept] += 1

    share = labels.sum() / 0.1 / (labels == 0).sum()
    assert times[labels == 0].std() / 300 == pytest.approx(np.sqrt(share * (1 - share) / 300), rel=0.1)


def test_what_random_under_did_not_leave_out_is_corrected_as_usual() -> None:
    """With a share of 1 the exact correction would be none at all."""
    rows, labels = some_rows()

    assert random_under(rows, labels, [False] * 4, Resampling(0.01, 5, 0)).drawn_share is None


def test_near_miss_keeps_the_legitimate_rows_next_to_frauds() -> None:
    rows = np.array([[0], [1], [2], [3], [10], [11], [0.4]], dtype=np.float32)
    labels = np.array([0, 0, 0, 0, 0, 0, 1], dtype=np.uint8)

    assert near_miss(rows, labels, [False], Resampling(1 / 3, 5, 0)).kept.tolist() == [0, 1, 2, 6]  # type: ignore[union-attr]


@pytest.mark.parametrize("seed", range(3))
def test_near_miss_is_the_librarys(seed: int) -> None:
    rows, labels = some_rows(seed)
    library = NearMiss(sampling_strategy={0: round(labels.sum() / 0.1)}, n_neighbors=5)
    library.fit_resample(Encoding.of(rows, [False] * 4).apply(rows), labels)

    kept = near_miss(rows, labels, [False] * 4, Resampling(0.1, 5, 0)).kept

    assert kept is not None
    assert kept.tolist() == sorted(library.sample_indices_)
