"""What rows pass through before a model that needs numbers of one scale without gaps, in NumPy and in ONNX.

Missing numbers become the mean; numbers are scaled; a category becomes one column for each of its codes, all zeros
where it is missing. Both forms compute in float64 and in the same order, so that they give the same numbers.

Knows numpy and ONNX. Never knows models, which family asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.scorer import INPUT
from fraud_detect.estimators.family import Block
from fraud_detect.schema import Float32Matrix, Float64Matrix

PREPARED = "prepared"
CHUNK_ROWS = 16_384
"""Rows that are prepared at a time."""
FARTHEST = 1e6
"""Scaled numbers are kept within this, either way: the squares and sums that models make of them stay finite."""


@dataclass(frozen=True)
class Preparation:
    """The means that stand for missing numbers, and how numbers are scaled: `(number - offset) * factor`.

    `mean`, `offset`, `factor`: float64, shape (width,). `categories`: number of codes of each column, 0 for numbers.
    `farthest`: what scaled numbers are kept within; infinite where they are not scaled.
    """

    mean: NDArray[np.float64]
    offset: NDArray[np.float64]
    factor: NDArray[np.float64]
    categories: tuple[int, ...]
    farthest: float = FARTHEST

    @classmethod
    def of(cls, blocks: Sequence[Block], categories: Sequence[int], scaling: str) -> Preparation:
        """Return the preparation for the rows of `blocks` by one of `SCALINGS`."""
        counts, sums = (sum(each) for each in zip(*(_counted(block) for block in blocks), strict=True))
        mean = np.divide(sums, counts, out=np.zeros(len(categories)), where=counts > 0)
        offset, factor = SCALINGS[scaling](blocks, mean)
        return cls(mean, offset, factor, tuple(categories), np.inf if scaling == "none" else FARTHEST)

    @property
    def width(self) -> int:
        """Number of columns of prepared rows."""
        return sum(count or 1 for count in self.categories)

    @property
    def sources(self) -> NDArray[np.intp]:
        """For each column of prepared rows the column that it comes from, shape (`width`,)."""
        return np.repeat(np.arange(len(self.categories)), [count or 1 for count in self.categories])

    def apply(self, features: Float32Matrix) -> Float64Matrix:
        """Return `features`, float32, shape (n, width), as float64, shape (n, `self.width`), without gaps."""
        places = self._places()
        numbers = features[:, places.numbers].astype(np.float64)
        gaps = np.isnan(numbers)
        numbers[gaps] = np.broadcast_to(self.mean[places.numbers], numbers.shape)[gaps]
        scaled = (numbers - self.offset[places.numbers]) * self.factor[places.numbers]
        codes = [features[:, [column]] == np.arange(self.categories[column]) for column in places.codes]
        parts = [np.clip(scaled, -self.farthest, self.farthest), *(each.astype(np.float64) for each in codes)]
        prepared: Float64Matrix = np.hstack(parts)[:, places.order]
        return prepared

    def to_nodes(self) -> tuple[list[Any], list[Any]]:
        """Return the ONNX nodes from `features` to `PREPARED`, float64, shape (n, `width`), and their constants."""
        from onnx import helper, numpy_helper

        places = self._places()
        constants = {
            "numbers": places.numbers.astype(np.int64),
            "means": self.mean[places.numbers].reshape(1, -1),
            "offsets": self.offset[places.numbers].reshape(1, -1),
            "factors": self.factor[places.numbers].reshape(1, -1),
            "lowest": np.array(-self.farthest),
            "highest": np.array(self.farthest),
        }
        nodes = [
            helper.make_node("Gather", [INPUT, "numbers"], ["given_numbers"], axis=1),
            helper.make_node("IsNaN", ["given_numbers"], ["gaps"]),
            helper.make_node("Cast", ["given_numbers"], ["wide_numbers"], to=_DOUBLE),
            helper.make_node("Where", ["gaps", "means", "wide_numbers"], ["filled"]),
            helper.make_node("Sub", ["filled", "offsets"], ["centred"]),
            helper.make_node("Mul", ["centred", "factors"], ["scaled"]),
            helper.make_node("Clip", ["scaled", "lowest", "highest"], ["part_numbers"]),
        ]
        parts = ["part_numbers"]
        for column in places.codes:
            name = f"codes_{column}"
            constants[f"column_{column}"] = np.array([column], dtype=np.int64)
            constants[name] = np.arange(self.categories[column], dtype=np.float32).reshape(1, -1)
            nodes += [
                helper.make_node("Gather", [INPUT, f"column_{column}"], [f"given_{column}"], axis=1),
                helper.make_node("Equal", [f"given_{column}", name], [f"equal_{column}"]),
                helper.make_node("Cast", [f"equal_{column}"], [f"part_{column}"], to=_DOUBLE),
            ]
            parts.append(f"part_{column}")
        constants["order"] = places.order.astype(np.int64)
        nodes += [
            helper.make_node("Concat", parts, ["parts"], axis=1),
            helper.make_node("Gather", ["parts", "order"], [PREPARED], axis=1),
        ]
        return nodes, [numpy_helper.from_array(value, name) for name, value in constants.items()]

    def sum_nodes(self, taken: str, given: str) -> tuple[list[Any], list[Any]]:
        """Return the ONNX nodes that sum `taken`, float64, shape (n, `width`), by the column that each comes from.

        `given` is float64, shape (n, width of the features). With them come their constants.
        """
        from onnx import helper, numpy_helper

        if not any(self.categories):
            return [helper.make_node("Identity", [taken], [given])], []
        sizes = np.array([count or 1 for count in self.categories], dtype=np.int64)
        parts = [f"{given}_{column}" for column in range(len(sizes))]
        sums = [f"{part}_sum" for part in parts]
        nodes = [
            helper.make_node("Split", [taken, "sizes"], parts, axis=1),
            *(
                helper.make_node("ReduceSum", [part, "along_row"], [each])
                for part, each in zip(parts, sums, strict=True)
            ),
            helper.make_node("Concat", sums, [given], axis=1),
        ]
        constants = {"sizes": sizes, "along_row": np.array([1], dtype=np.int64)}
        return nodes, [numpy_helper.from_array(value, name) for name, value in constants.items()]

    def _places(self) -> _Places:
        categories = np.array(self.categories)
        numbers, codes = np.flatnonzero(categories == 0), np.flatnonzero(categories)
        sources = np.concatenate((numbers, *(np.repeat(column, categories[column]) for column in codes)))
        return _Places(numbers, codes.tolist(), np.argsort(sources, kind="stable"))


@dataclass(frozen=True)
class _Places:
    """Columns of numbers, columns of codes, and the order that brings numbers and then codes back to the schema's."""

    numbers: NDArray[np.intp]
    codes: list[int]
    order: NDArray[np.intp]


_DOUBLE = 11  # TensorProto.DOUBLE


def _counted(block: Block) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how many numbers each column has, and their sums, float64, shape (width,)."""
    there = np.isfinite(block.features)
    counts: NDArray[np.float64] = there.sum(axis=0).astype(np.float64)
    sums: NDArray[np.float64] = np.sum(block.features, axis=0, dtype=np.float64, where=there)
    return counts, sums


Offsets = tuple[NDArray[np.float64], NDArray[np.float64]]


def _standard(blocks: Sequence[Block], mean: NDArray[np.float64]) -> Offsets:
    """Return the means and the inverse standard deviations; 1 for a column of one value."""
    squares, counts = np.zeros(len(mean)), np.zeros(len(mean))
    for block in blocks:
        for column in range(len(mean)):  # one at a time: a float64 copy of the whole matrix is twice its size
            numbers = block.features[:, column]
            numbers = numbers[np.isfinite(numbers)].astype(np.float64) - mean[column]
            squares[column] += numbers @ numbers
            counts[column] += len(numbers)
    deviation = np.sqrt(np.divide(squares, counts, out=np.zeros(len(mean)), where=counts > 0))
    return mean, np.divide(1.0, deviation, out=np.ones(len(mean)), where=deviation > 0)


def _min_max(blocks: Sequence[Block], mean: NDArray[np.float64]) -> Offsets:
    """Return the minima and the inverse ranges; 1 for a column of one value."""
    lows, highs = np.full(len(mean), np.inf), np.full(len(mean), -np.inf)
    for block in blocks:
        there = np.isfinite(block.features)
        lows = np.minimum(lows, np.min(block.features, axis=0, where=there, initial=np.inf))
        highs = np.maximum(highs, np.max(block.features, axis=0, where=there, initial=-np.inf))
    found = np.isfinite(lows)
    lows, spans = np.where(found, lows, 0), np.where(found, highs - lows, 0)
    return lows, np.divide(1.0, spans, out=np.ones(len(mean)), where=spans > 0)


def _unscaled(_: Sequence[Block], mean: NDArray[np.float64]) -> Offsets:
    return np.zeros(len(mean)), np.ones(len(mean))


SCALINGS: Mapping[str, Callable[[Sequence[Block], NDArray[np.float64]], Offsets]] = {
    "standard": _standard,
    "min_max": _min_max,
    "none": _unscaled,
}


def prepared_rows(preparation: Preparation, blocks: Sequence[Block]) -> tuple[Float64Matrix, NDArray[np.uint8]]:
    """Return all prepared rows of `blocks`, float64, shape (n, `preparation.width`), and their labels, shape (n,)."""
    labels = np.concatenate([block.labels for block in blocks])
    rows = np.empty((len(labels), preparation.width))
    start = 0
    for block in blocks:
        for first in range(0, len(block.labels), CHUNK_ROWS):  # the steps of `apply` make copies
            chunk = preparation.apply(block.features[first : first + CHUNK_ROWS])
            rows[start : start + len(chunk)] = chunk
            start += len(chunk)
    return rows, labels
