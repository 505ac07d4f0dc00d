"""A dot for the mean of each configuration and a whisker for its interval.

Knows summaries and how to draw. Never knows the page around.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from fraud_detect.report.svg import Scale, dot, drawing, label, line
from fraud_detect.training.comparison.summary import MAIN, Line, Summary
from fraud_detect.training.comparison.table import interval_text

WIDTH, LEFT, RIGHT, TOP, LANE = 720, 250, 24, 8, 24
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2)
MOST_TICKS = 8


def dot_plot(summary: Summary) -> Markup:
    """Return the average precision of each configuration: mean, 95 % interval, and a stroke at the worst fold."""
    low, high = _range(summary.lines)
    step = next(step for step in STEPS if (high - low) / step <= MOST_TICKS)
    ticks = [number * step for number in range(math.floor(low / step), math.ceil(high / step) + 1)]
    scale = Scale(ticks[0], ticks[-1], LEFT, WIDTH - RIGHT)
    bottom = TOP + LANE * len(summary.lines)
    parts = [
        *(_tick(scale(value), f"{value:.2f}", bottom) for value in ticks),
        *(_lane(scale, TOP + LANE * (place + 0.5), each) for place, each in enumerate(summary.lines)),
        label(((LEFT + WIDTH - RIGHT) / 2, bottom + 38), "average precision", "middle"),
    ]
    alternative = (
        "Mean average precision of each configuration, its 95 % interval and its worst fold; the table has the numbers."
    )
    return drawing(parts, alternative, width=WIDTH, height=bottom + 44)


def _range(lines: Sequence[Line]) -> tuple[float, float]:
    """Return the ends of what is shown, between 0 and 1."""
    values = [value for each in lines for value in (each.means[MAIN], each.minimum, *(each.interval or ()))]
    low, high = max(0.0, min(values)), min(1.0, max(values))
    return (low, high) if high - low > STEPS[0] else (max(0.0, low - STEPS[0]), min(1.0, high + STEPS[0]))


def _tick(x: float, text: str, bottom: float) -> Markup:
    return line((x, TOP), (x, bottom), "grid") + label((x, bottom + 18), text, "middle")


def _lane(scale: Scale, y: float, shown: Line) -> Markup:
    mean, worst = scale(shown.means[MAIN]), scale(shown.minimum)
    low, high = (scale(min(max(end, scale.low), scale.high)) for end in shown.interval or (shown.means[MAIN],) * 2)
    title = f"{shown.means[MAIN]:.3f}, 95 % interval {interval_text(shown)}, worst fold {shown.minimum:.3f}"
    parts = [
        label((LEFT - 14, y + 4), " · ".join(shown.pair), "end"),
        line((low, y), (high, y), "whisker"),
        line((worst, y - 6), (worst, y + 6), "worst"),
        dot((mean, y), 5, "mean"),
    ]
    kind = "alike" if shown.is_like_the_best else "behind"
    return Markup('<g class="{}"><title>{}</title>{}</g>').format(kind, title, Markup("").join(parts))
