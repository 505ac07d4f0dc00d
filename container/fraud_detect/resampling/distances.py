"""Nearest neighbours among many rows, in memory that does not grow with the number of pairs.

A distance is Euclid's between standardised numbers, and each code or gap that differs adds 1 to its square, which is
how SMOTE-NC counts it.

Knows numpy, how rows are encoded. Never knows any sampler.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_detect.resampling.encoding import Encoding
from fraud_detect.schema import Float32Matrix

FEW_AT_ONCE, MANY_AT_ONCE = 256, 2_048  # their distances are 4 MB, which processors keep near

Distances = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Points:
    """Some encoded rows: numbers, float64, shape (n, p), and codes, float32, shape (n, c)."""

    numbers: Distances
    codes: NDArray[np.float32]

    def squared_distances(self, others: Points) -> Distances:
        """Return the squares of the distances to `others`, shape (n, m)."""
        squares: Distances = self.numbers @ others.numbers.T
        squares *= -2
        squares += np.square(self.numbers).sum(axis=1)[:, None]
        squares += np.square(others.numbers).sum(axis=1)
        for own, other in zip(self.codes.T, others.codes.T, strict=True):
            squares += own[:, None] != other
        return np.maximum(squares, 0, out=squares)


@dataclass(frozen=True)
class Crowd:
    """Those of `features`, shape (n, width), at `places`, shape (m,); encoded a few at a time, when looked at."""

    features: Float32Matrix
    places: Places
    encoding: Encoding

    def __len__(self) -> int:
        return len(self.places)

    def at(self, members: Places) -> Points:
        """Return the members of these numbers."""
        rows = self.encoding.apply(self.features[self.places[members]])
        return Points(rows[:, self.encoding.numbers].astype(np.float64), rows[:, self.encoding.categories])

    def part(self, members: Places) -> Crowd:
        """Return the members of these numbers as a crowd."""
        return Crowd(self.features, self.places[members], self.encoding)


def _blocks(count: int, size: int) -> Iterator[Places]:
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))


def nearest(queries: Crowd, crowd: Crowd, k: int) -> tuple[Distances, Places]:
    """Return the squared distances from each of `queries` to its `k` nearest of `crowd`, ascending, and their numbers.

    Both of shape (queries, k). A row that is in both is its own neighbour, at 0. `crowd` has at least `k` rows.
    """
    squares, found = np.full((len(queries), k), np.inf), np.full((len(queries), k), -1, dtype=np.intp)
    for asked in _blocks(len(queries), FEW_AT_ONCE):
        points = queries.at(asked)
        for there in _blocks(len(crowd), MANY_AT_ONCE):
            _keep_nearest(squares, found, asked, there, points.squared_distances(crowd.at(there)))
    order = np.argsort(squares, axis=1, kind="stable")
    return np.take_along_axis(squares, order, axis=1), np.take_along_axis(found, order, axis=1)


def sums_of_nearest(queries: Crowd, crowd: Crowd, k: int) -> Distances:
    """Return the sum of the distances from each of `queries` to its `k` nearest of `crowd`, shape (queries,)."""
    parts = (queries.part(members) for members in _blocks(len(queries), MANY_AT_ONCE))
    return np.concatenate([np.sqrt(nearest(part, crowd, k)[0]).sum(axis=1) for part in parts])


def _keep_nearest(squares: Distances, found: Places, asked: Places, there: Places, measured: Distances) -> None:
    """Put those of `there` that are nearer than what was found before in its place."""
    k = squares.shape[1]
    nearer = measured.min(axis=1) < squares[asked].max(axis=1)
    rows, measured = asked[nearer], measured[nearer]
    numbers = np.hstack((found[rows], np.broadcast_to(there, measured.shape)))
    measured = np.hstack((squares[rows], measured))
    best = np.argpartition(measured, k - 1, axis=1)[:, :k]
    squares[rows], found[rows] = (np.take_along_axis(each, best, axis=1) for each in (measured, numbers))


@dataclass(frozen=True)
class Between:
    """For two crowds the squared distance from each row to the nearest one of the other crowd, and its number there."""

    squares: tuple[Distances, Distances]
    numbers: tuple[Places, Places]


def between(one: Crowd, other: Crowd) -> Between:
    """Return the nearest of the other crowd for the rows of both; every pair is measured once."""
    crowds = one, other
    squares = tuple(np.full(len(crowd), np.inf) for crowd in crowds)
    numbers = tuple(np.full(len(crowd), -1, dtype=np.intp) for crowd in crowds)
    for many in _blocks(len(other), MANY_AT_ONCE):
        points = other.at(many)
        for few in _blocks(len(one), FEW_AT_ONCE):
            measured = one.at(few).squared_distances(points)
            for side, members, opposite in ((0, few, many), (1, many, few)):
                _keep_first(squares[side], numbers[side], members, opposite, measured if side == 0 else measured.T)
    return Between((squares[0], squares[1]), (numbers[0], numbers[1]))


def _keep_first(squares: Distances, numbers: Places, asked: Places, there: Places, measured: Distances) -> None:
    first = measured.argmin(axis=1)
    reached = measured[np.arange(len(asked)), first]
    nearer = reached < squares[asked]
    squares[asked[nearer]], numbers[asked[nearer]] = reached[nearer], there[first[nearer]]


def have_nearer(crowd: Crowd, squares: Distances, k: int) -> NDArray[np.bool_]:
    """Return for each row of `crowd` whether `k` others of it are nearer than the squared distance in `squares`.

    A row is looked at for only as long as it is not known: for most that is after the first thousand others.
    """
    counts, left = np.zeros(len(crowd), dtype=np.intp), np.arange(len(crowd))
    for there in _blocks(len(crowd), MANY_AT_ONCE):
        points = crowd.at(there)
        for few in _blocks(len(left), FEW_AT_ONCE):
            asked = left[few]
            measured = crowd.at(asked).squared_distances(points)
            counts[asked] += (measured < squares[asked, None]).sum(axis=1)
        left = left[counts[left] <= k]  # each row counts itself as well
    return counts > k
