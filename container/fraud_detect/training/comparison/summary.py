"""What the cells of a comparison come to: one line a configuration, the best first, and which are like the best.

Knows figures by cell. Never knows how they were made, files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fraud_detect.evaluation.metrics import METRICS
from fraud_detect.evaluation.summary import mean
from fraud_detect.training.comparison.plan import Cell, Pair

LEVEL = 0.95
MAIN = "average_precision"
COSTS = ("seconds_to_train", "microseconds_a_row")
FAILED = "failed"

Interval = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """One configuration. `means` are over its cells; `worse_by` is how far it is behind the best, on the same folds.

    `interval` and `worse_by` are 95 % intervals, None with fewer than two cells. `reasons` say what failed.
    """

    pair: Pair
    cells: int
    means: Mapping[str, float]
    interval: Interval | None
    minimum: float
    worse_by: Interval | None = None
    reasons: tuple[str, ...] = ()

    @property
    def is_like_the_best(self) -> bool:
        """Return whether the cells do not tell it from the best."""
        return self.worse_by is None or self.worse_by[0] <= 0


@dataclass(frozen=True)
class Summary:
    """All configurations: `lines`, the best first; `unfinished`, those without a figure for every fold."""

    lines: Sequence[Line]
    unfinished: Sequence[Line]
    folds: int
    repeats: int


def corrected_interval(values: Sequence[float], folds: int) -> Interval | None:
    """Return the 95 % interval of the mean of `values`, one for each of so many `folds` of each repeat.

    Models of overlapping training rows are alike, so their figures vary less than those of fresh rows would. The
    variance is therefore taken 1/n + 1/(k - 1) times instead of 1/n, the latter the ratio of test to training rows
    (Nadeau and Bengio 2003; Bouckaert and Frank 2004 for repeats), with Student's t of n - 1 degrees of freedom.
    """
    from scipy.special import stdtrit

    count = len(values)
    if count < 2:
        return None
    mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
    half = float(stdtrit(count - 1, (1 + LEVEL) / 2)) * deviation * math.sqrt(1 / count + 1 / (folds - 1))
    return mean - half, mean + half


def summarise(
    pairs: Sequence[Pair], places: Sequence[tuple[int, int]], entries: Mapping[Cell, Mapping[str, Any]]
) -> Summary:
    """Return the summary of `entries` for the configurations of `pairs` on each repeat and fold of `places`."""
    folds, repeats = (len({place[axis] for place in places}) for axis in (1, 0))
    by_place = {pair: _figures_of(pair, places, entries) for pair in pairs}
    lines = [_line(pair, found, folds, _reasons(pair, places, entries)) for pair, found in by_place.items() if found]
    whole = sorted((line for line in lines if line.cells == len(places)), key=lambda line: -line.means[MAIN])
    empty = [
        Line(pair, 0, {}, None, math.nan, reasons=_reasons(pair, places, entries))
        for pair, found in by_place.items()
        if not found
    ]
    compared = [_compared(line, whole[0], by_place, folds) for line in whole]
    return Summary(compared, [*(line for line in lines if line.cells < len(places)), *empty], folds, repeats)


def _figures_of(
    pair: Pair, places: Sequence[tuple[int, int]], entries: Mapping[Cell, Mapping[str, Any]]
) -> Mapping[tuple[int, int], Mapping[str, Any]]:
    found = {place: entries.get(Cell(*pair, *place)) for place in places}
    return {place: entry for place, entry in found.items() if entry is not None and FAILED not in entry}


def _reasons(
    pair: Pair, places: Sequence[tuple[int, int]], entries: Mapping[Cell, Mapping[str, Any]]
) -> tuple[str, ...]:
    found = (entries.get(Cell(*pair, *place), {}).get(FAILED) for place in places)
    return tuple(dict.fromkeys(reason for reason in found if reason))


def _line(pair: Pair, found: Mapping[tuple[int, int], Mapping[str, Any]], folds: int, reasons: tuple[str, ...]) -> Line:
    main = [entry["figures"][MAIN] for entry in found.values()]
    means = {name: _mean([entry["figures"][name] for entry in found.values()]) for name in METRICS}
    costs = {name: _mean([entry[name] for entry in found.values()]) for name in COSTS}
    return Line(pair, len(found), {**means, **costs}, corrected_interval(main, folds), min(main), reasons=reasons)


def _mean(values: Sequence[float | None]) -> float:
    """Return the mean of the values that are defined, NaN if none is."""
    found = mean(values)
    return math.nan if found is None else found


def _compared(line: Line, best: Line, by_place: Mapping[Pair, Mapping[Any, Mapping[str, Any]]], folds: int) -> Line:
    if line is best:
        return line
    ours, theirs = by_place[line.pair], by_place[best.pair]
    behind = [theirs[place]["figures"][MAIN] - ours[place]["figures"][MAIN] for place in theirs]
    return Line(
        line.pair, line.cells, line.means, line.interval, line.minimum, corrected_interval(behind, folds), line.reasons
    )
