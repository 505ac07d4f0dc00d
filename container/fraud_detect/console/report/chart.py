"""Live scores above the axis, training's below it: the same shape both ways where nothing has changed.

Heights are logarithms of shares, so that the few high scores are seen beside the many low ones.

Knows geometry and shares. Never knows the database, Flask.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log, log10

from markupsafe import Markup

from fraud_detect.report.numbers import percent, probability
from fraud_detect.report.svg import Plot, a_plot, axes, columns, drawing, label, line

WIDTH, HEIGHT = 720.0, 300.0
LEAST_SHARE = 1e-5
"""Shares from here on have a height: a row of 100,000."""
MOST = -log10(LEAST_SHARE)
BINS_TOGETHER = 5
TICKS = (1e-4, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
SHARES = (1e-4, 1e-2, 1.0)


def distributions(edges: Sequence[float], expected: Sequence[int], found: Sequence[int], threshold: float) -> Markup:
    """Return the drawing of two histograms in bins of `edges`, shape (b + 1,), log-odds."""
    plot = a_plot((edges[0], edges[-1]), (-MOST, MOST), width=WIDTH, height=HEIGHT)
    places = sorted({0, *range(0, len(edges) - 1, BINS_TOGETHER), len(edges) - 1})
    ticks = [(log(p / (1 - p)), probability(p)) for p in TICKS]
    heights = [(sign * height(share), percent(share)) for share in SHARES for sign in (-1, 1)]
    cut = min(max(log_odds(threshold), edges[0]), edges[-1])
    parts = [
        axes(plot, ticks, [(0, "0"), *heights], ("probability that the model gives (log-odds scale)", "")),
        columns(plot, _bars(edges, places, found, 1), "live"),
        columns(plot, _bars(edges, places, expected, -1), "expected"),
        line((plot.x.start, plot.y(0)), (plot.x.end, plot.y(0)), "axis"),
        line((plot.x(cut), plot.y.start), (plot.x(cut), plot.y.end), "cut"),
        _beside(plot, cut),
        label((plot.x.end - 4, plot.y.end + 10), "live \N{UPWARDS ARROW}", "end", "strong"),
        label((plot.x.end - 4, plot.y.start - 5), "training \N{DOWNWARDS ARROW}", "end", "strong"),
    ]
    return drawing(
        parts,
        "Shares of scores in bins, live above and training's below. The table has them.",
        width=WIDTH,
        height=HEIGHT,
    )


def height(share: float) -> float:
    """Return how high a share is drawn: 0 below `LEAST_SHARE`, `MOST` for all."""
    return max(MOST + log10(share), 0.0) if share > 0 else 0.0


def log_odds(value: float) -> float:
    """Return the log-odds of a probability, finite at the ends."""
    kept = min(max(value, 1e-9), 1 - 1e-9)
    return log(kept / (1 - kept))


def _bars(
    edges: Sequence[float], places: Sequence[int], counts: Sequence[int], sign: int
) -> Sequence[tuple[float, float, float]]:
    total = sum(counts) or 1
    return [(edges[low], edges[high], sign * height(sum(counts[low:high]) / total)) for low, high in pairwise(places)]


def _beside(plot: Plot, cut: float) -> Markup:
    place = plot.x(cut)
    right = place < plot.x.end - 150
    return label((place + (5 if right else -5), plot.y.end + 10), "threshold", "start" if right else "end")
