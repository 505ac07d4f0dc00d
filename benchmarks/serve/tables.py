"""Figures as Markdown.

Knows Markdown. Never knows where the figures come from.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One thing that is asked for: what was measured, and whether that is enough; None if it could not be measured."""

    what: str
    measured: str
    asked: str
    met: bool | None


def at_least(what: str, values: Sequence[float], asked: float) -> Figure:
    """Return whether the median of `values` reaches `asked`."""
    return Figure(what, spread(values, 2), f"≥ {asked:g}", statistics.median(values) >= asked)


def at_most(what: str, values: Sequence[float], asked: float, unit: str = "") -> Figure:
    """Return whether the median of `values` stays within `asked`."""
    return Figure(what, f"{spread(values, 2)}{unit}", f"≤ {asked:g}{unit}", statistics.median(values) <= asked)


def missing(what: str, reason: str, asked: str) -> Figure:
    """Return the figure that could not be measured, and why."""
    return Figure(what, reason, asked, None)


def spread(values: Sequence[float], digits: int) -> str:
    """Return the median of `values`, and their range if there are several."""
    middle, least, most = (f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({least} to {most})"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, with an empty line behind it."""
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, ["---"] * len(heads), *rows]) + "\n"


def summary(figures: Sequence[Figure]) -> str:
    """Return the table of all figures beside what was asked."""
    said = {True: "yes", False: "no", None: "not measured"}
    rows = [[each.what, each.measured, each.asked, said[each.met]] for each in figures]
    return table(["figure", "measured: median (range)", "asked", "met"], rows)
