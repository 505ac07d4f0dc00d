"""How far a distribution of scores has moved: the population stability index.

The sum over groups of (found - expected) * ln(found / expected), of shares; groups are tenths of what was expected
(Siddiqi, Credit Risk Scorecards, 2006, which also has the bands). Chance alone makes it about
(groups - 1) * (1 / expected rows + 1 / found rows) (Yurdakul, Statistical Properties of PSI, 2018).

Knows counts. Never knows where they come from, Flask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

GROUPS = 10
HALF_A_ROW = 0.5
"""Added to each group's count, so that an empty one has a logarithm."""
MOVED, MOVED_FAR = 0.10, 0.25
FEWEST = 100
"""Live scores below which the index says nothing."""


@dataclass(frozen=True)
class Group:
    """Scores from `low` to `high`, in log-odds: the share expected, the share found, and the part in the index."""

    low: float
    high: float
    expected: float
    found: float
    part: float


@dataclass(frozen=True)
class Stability:
    """The index, what chance alone would make it, and its groups from low scores to high."""

    index: float
    by_chance: float
    groups: Sequence[Group]

    @property
    def verdict(self) -> str:
        """What the index is usually taken to say."""
        if self.index < MOVED:
            return "little has changed"
        return "the scores have moved" if self.index < MOVED_FAR else "the scores have moved far"


def stability(edges: Sequence[float], expected: Sequence[int], found: Sequence[int]) -> Stability | None:
    """Return how far `found` is from `expected`, counts in bins of `edges`, shape (b + 1,); None for too few of them.

    Bins are put together until each group has a tenth of what was expected.
    """
    rows, cases = sum(expected), sum(found)
    if rows == 0 or cases < FEWEST:
        return None
    bounds = _bounds(expected)
    counted = [(sum(expected[low:high]), sum(found[low:high])) for low, high in bounds]
    places = [(edges[low], edges[high]) for low, high in bounds]
    groups = [
        _group(*ends, _share(was, rows, len(bounds)), _share(now, cases, len(bounds)))
        for ends, (was, now) in zip(places, counted, strict=True)
    ]
    chance = (len(groups) - 1) * (1 / rows + 1 / cases)
    return Stability(sum(group.part for group in groups), chance, groups)


def _share(count: int, total: int, groups: int) -> float:
    return (count + HALF_A_ROW) / (total + HALF_A_ROW * groups)


def _group(low: float, high: float, expected: float, found: float) -> Group:
    return Group(low, high, expected, found, (found - expected) * log(found / expected))


def _bounds(expected: Sequence[int]) -> Sequence[tuple[int, int]]:
    """Return the bins of each group, first and behind the last; what is left at the end joins the last group."""
    least, bounds, first, count = sum(expected) / GROUPS, list[tuple[int, int]](), 0, 0
    for place, rows in enumerate(expected):
        count += rows
        if count >= least:
            bounds.append((first, place + 1))
            first, count = place + 1, 0
    last = bounds.pop()[0]
    return [*bounds, (last, len(expected))]
