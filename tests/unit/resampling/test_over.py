"""Frauds made near legitimate rows, or repeated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from imblearn.over_sampling import ADASYN, BorderlineSMOTE

from fraud_detect.errors import TableError
from fraud_detect.resampling.encoding import Encoding
from fraud_detect.resampling.over import adasyn, borderline_smote, random_over
from fraud_detect.resampling.resampled import Resampling, Sampler
from fraud_detect.schema import Float32Matrix


def overlapping(legitimate: int = 3_000, frauds: int = 60, *, seed: int = 0) -> tuple[Float32Matrix, np.ndarray]:
    """Return rows of four numbers in which frauds lie on one side of the others, and labels."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat([0, 1], [legitimate, frauds])).astype(np.uint8)
    return (rng.normal(size=(len(labels), 4)) + 1.5 * labels[:, None]).astype(np.float32), labels


def on_a_line(legitimate: list[float], frauds: list[float]) -> tuple[Float32Matrix, np.ndarray]:
    rows = np.array([*legitimate, *frauds], dtype=np.float32).reshape(-1, 1)
    return rows, np.repeat([0, 1], [len(legitimate), len(frauds)]).astype(np.uint8)


def made(sampler: Sampler, rows: Float32Matrix, labels: np.ndarray, **overrides: Any) -> Float32Matrix:
    given: dict[str, Any] = {"ratio": 0.1, "k_neighbors": 5, "seed": 7, **overrides}
    return sampler(rows, labels, [False] * rows.shape[1], Resampling(**given)).synthetic


@pytest.mark.parametrize(
    ("own", "library"),
    [
        (borderline_smote, BorderlineSMOTE(sampling_strategy={1: 300}, random_state=7)),
        (adasyn, ADASYN(sampling_strategy={1: 300}, random_state=7)),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_made_is_what_the_library_makes_of_all_rows(own: Sampler, library: Any, seed: int) -> None:
    """It is handed the frauds' surroundings alone, which are all that it looks at."""
    rows, labels = overlapping(seed=seed)
    encoding = Encoding.of(rows, [False] * 4)

    of_all, _ = library.fit_resample(encoding.apply(rows), labels)

    assert made(own, rows, labels) == pytest.approx(encoding.undo(of_all[len(rows) :]), abs=1e-5)


@pytest.mark.parametrize("sampler", [borderline_smote, adasyn])
def test_frauds_far_from_the_others_are_not_begun_with(sampler: Sampler) -> None:
    """Those at 100 have no legitimate row near them; those around 0 do."""
    others = np.linspace(-2, 2, 60).tolist()
    rows, labels = on_a_line(others, [*np.linspace(-1, 1, 8), *np.linspace(100, 101, 12)])

    synthetic = made(sampler, rows, labels, ratio=1)

    assert len(synthetic) > 10
    assert (synthetic < 2).all()


@pytest.mark.parametrize("sampler", [borderline_smote, adasyn])
def test_frauds_that_all_lie_apart_are_the_users_fault(sampler: Sampler) -> None:
    rows, labels = on_a_line(np.linspace(0, 1, 200).tolist(), np.linspace(100, 101, 15).tolist())

    with pytest.raises(TableError, match=r"No fraud .* lies near legitimate rows.*resampler=smote or none"):
        made(sampler, rows, labels, ratio=1)


def test_adasyn_makes_none_where_its_shares_all_round_to_none() -> None:
    rows, labels = overlapping()

    assert made(adasyn, rows, labels, ratio=0.0204).shape == (0, 4)


def test_a_fraud_between_legitimate_ones_alone_is_noise_to_borderline_smote() -> None:
    others = np.linspace(-2, 2, 60).tolist()
    rows, labels = on_a_line(others, [0.0, *np.linspace(2, 4, 12)])

    assert (made(borderline_smote, rows, labels, ratio=1, k_neighbors=2) > 0.5).all()


def test_random_over_repeats_frauds_as_they_are() -> None:
    rows, labels = overlapping()
    rows[labels == 1, 0] = np.nan

    repeated = made(random_over, rows, labels)

    assert {row.tobytes() for row in repeated} <= {row.tobytes() for row in rows[labels == 1]}
    assert len(repeated) == 300 - 60
