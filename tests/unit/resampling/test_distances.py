"""Neighbours by blocks are those of all pairs at once."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from fraud_detect.resampling import distances
from fraud_detect.resampling.distances import Crowd, between, have_nearer, nearest, sums_of_nearest
from fraud_detect.resampling.encoding import Encoding

CATEGORICAL = (False, False, True)


@pytest.fixture(autouse=True, params=[(3, 5), (512, 4_096)])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = request.param
    monkeypatch.setattr(distances, "FEW_AT_ONCE", few)
    monkeypatch.setattr(distances, "MANY_AT_ONCE", many)


def two_crowds(seed: int = 0) -> tuple[Crowd, Crowd, np.ndarray]:
    """Return crowds of 20 and 41 rows with gaps and codes, and the squares of the distances of all 61."""
    rng = np.random.default_rng(seed)
    rows = np.column_stack((rng.normal(size=(61, 2)), rng.integers(3, size=61))).astype(np.float32)
    rows[rng.random((61, 3)) < 0.1] = np.nan
    encoding = Encoding.of(rows, CATEGORICAL)
    encoded = encoding.apply(rows).astype(np.float64)
    squares = pairwise_distances(encoded[:, encoding.numbers], metric="sqeuclidean")
    for column in encoding.categories:
        squares += encoded[:, [column]] != encoded[:, column]
    places = rng.permutation(61)
    crowds = Crowd(rows, places[:20], encoding), Crowd(rows, places[20:], encoding)
    return *crowds, squares[np.ix_(places, places)]


def test_the_nearest_are_those_of_all_pairs() -> None:
    one, other, squares = two_crowds()
    expected = np.sort(squares[:20, 20:], axis=1)[:, :4]

    found, numbers = nearest(one, other, 4)

    assert found == pytest.approx(expected)
    assert np.take_along_axis(squares[:20, 20:], numbers, axis=1) == pytest.approx(expected)


def test_sums_are_of_distances() -> None:
    one, other, squares = two_crowds()

    assert sums_of_nearest(one, other, 3) == pytest.approx(
        np.sqrt(np.sort(squares[:20, 20:], axis=1)[:, :3]).sum(axis=1)
    )


def test_the_nearest_of_the_other_crowd_are_found_for_both() -> None:
    one, other, squares = two_crowds()

    found = between(one, other)

    assert found.squares[0] == pytest.approx(squares[:20, 20:].min(axis=1))
    assert found.squares[1] == pytest.approx(squares[:20, 20:].min(axis=0))
    assert (squares[:20, 20:].argmin(axis=1) == found.numbers[0]).mean() > 0.9  # but for ties of categories
    assert (squares[:20, 20:].argmin(axis=0) == found.numbers[1]).mean() > 0.9


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("limit", [0.5, 1.5])
def test_rows_with_enough_neighbours_within_a_limit_are_told(k: int, limit: float) -> None:
    _, other, squares = two_crowds()
    expected = (squares[20:, 20:] < limit).sum(axis=1) > k

    found = have_nearer(other, np.full(41, limit), k)

    assert 0 < expected.sum() < 41
    assert found.tolist() == expected.tolist()
