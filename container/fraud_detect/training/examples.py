"""Which rows and ranges a model takes along, for people who fill in a row for it.

Knows rows, what was predicted of them, the schema. Never knows files, models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.examples import Example, Examples, Range
from fraud_detect.schema import Column, ColumnKind, Float32Matrix, Schema
from fraud_detect.tables.matrix import ROWS_AT_ONCE
from fraud_detect.tables.table import Rows
from fraud_detect.training.predictions import Predictions

LOW, MEDIAN, HIGH = 0.01, 0.5, 0.99
MOST_BYTES = 64 << 20
"""Of the rows that quantiles are of, evenly spaced ones where there are more; the ends are of all rows."""
FEWEST_VALUES = 1_000
"""Of a column whose range tells nothing of single rows: ten values at least lie beyond either end of it."""


def examples_of(training: Rows, validation: Rows, predicted: Predictions, threshold: float, schema: Schema) -> Examples:
    """Return the ranges of `training` and a row of each class of `validation`, of which `predicted` is what was said.

    The fraud is the one with the median probability among those that reach `threshold`, or the most probable one if
    none does. The legitimate row is the one with the median probability among those below it, or the least probable.
    """
    frauds, probabilities = predicted.labels == 1, predicted.probabilities
    caught, passed = frauds & (probabilities >= threshold), ~frauds & (probabilities < threshold)

    def example(place: int) -> Example:
        return Example(
            features=_cells(validation.features[place], schema), flagged=bool(probabilities[place] >= threshold)
        )

    return Examples(
        ranges=_ranges(training.features, schema, 1, _whole),
        fraud=example(_median(caught, probabilities) if caught.any() else _last(frauds, probabilities)),
        legitimate=example(_median(passed, probabilities) if passed.any() else _first(~frauds, probabilities)),
    )


def without_rows(training: Rows, schema: Schema) -> Examples:
    """Return what of the ranges of `training` tells of no single row: no ends, and only of columns with many values."""
    return Examples(ranges=_ranges(training.features, schema, FEWEST_VALUES, _inner))


def _by_probability(chosen: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the places of the `chosen` rows by probability; the earlier first among equals."""
    places = np.flatnonzero(chosen)
    ordered: NDArray[np.intp] = places[np.argsort(probabilities[places], kind="stable")]
    return ordered


def _median(chosen: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> int:
    places = _by_probability(chosen, probabilities)
    return int(places[(len(places) - 1) // 2])


def _first(chosen: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> int:
    return int(_by_probability(chosen, probabilities)[0])


def _last(chosen: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> int:
    return int(_by_probability(chosen, probabilities)[-1])


def _cells(row: NDArray[np.float32], schema: Schema) -> dict[str, bool | float | str | None]:
    """Return a row of the matrix as JSON has it, numbers as the shortest decimals that name them."""
    cells = zip(schema.columns, row.tolist(), map(_written, row), strict=True)
    return {
        column.name: None if np.isnan(cell) else _CELLS[column.kind](column, written) for column, cell, written in cells
    }


def _written(number: np.float32) -> float:
    """Return `number` as its shortest decimal: 0.1 rather than 0.10000000149011612."""
    return float(str(number))


_CELLS: Mapping[ColumnKind, Callable[[Column, float], bool | float | str]] = {
    ColumnKind.NUMBER: lambda _, cell: cell,
    ColumnKind.FLAG: lambda _, cell: bool(cell),
    ColumnKind.CATEGORY: lambda column, code: column.categories[int(code)],
}

Quantiles = tuple[float, float, float]
Ends = tuple[float, float]


def _whole(quantiles: Quantiles, ends: Ends) -> Range:
    low, median, high = quantiles
    return Range(minimum=ends[0], low=low, median=median, high=high, maximum=ends[1])


def _inner(quantiles: Quantiles, _: Ends) -> Range:
    low, median, high = quantiles
    return Range(low=low, median=median, high=high)


def _ranges(
    features: Float32Matrix, schema: Schema, fewest: int, make: Callable[[Quantiles, Ends], Range]
) -> dict[str, Range]:
    """Return the range of each number that has `fewest` values or more."""
    count, lowest, highest = _ends(features)
    sample = _sample(features)
    places = [place for place, column in enumerate(schema.columns) if column.kind is ColumnKind.NUMBER]
    found = {}
    for place in places:
        values = sample[:, place]
        values = values[~np.isnan(values)]
        if count[place] >= fewest and len(values):
            ends = _written(lowest[place]), _written(highest[place])
            found[schema.names[place]] = make(_quantiles(values), ends)
    return found


def _quantiles(values: NDArray[np.float32]) -> Quantiles:
    """Return quantiles that are values themselves: those of whole numbers are whole."""
    low, median, high = np.quantile(values, (LOW, MEDIAN, HIGH), method="inverted_cdf")
    return _written(low), _written(median), _written(high)


def _sample(features: Float32Matrix) -> Float32Matrix:
    most = max(FEWEST_VALUES, MOST_BYTES // (4 * features.shape[1]))
    if len(features) <= most:
        return features
    return np.asarray(features[np.linspace(0, len(features) - 1, most).astype(np.intp)])


def _ends(features: Float32Matrix) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
    """Return the number of values of each column, the lowest and the highest, some rows at once: all may not fit."""
    blocks = [
        (np.count_nonzero(~np.isnan(block), axis=0), np.fmin.reduce(block, axis=0), np.fmax.reduce(block, axis=0))
        for block in _blocks(features)
    ]
    counts, lowest, highest = (np.array(each) for each in zip(*blocks, strict=True))
    return counts.sum(axis=0), np.fmin.reduce(lowest, axis=0), np.fmax.reduce(highest, axis=0)


def _blocks(features: Float32Matrix) -> Iterator[Float32Matrix]:
    for start in range(0, len(features), ROWS_AT_ONCE):
        yield features[start : start + ROWS_AT_ONCE]
