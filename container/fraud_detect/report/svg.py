"""Drawing: scales, axes, lines, bars and dots, as SVG text with a text alternative.

Knows geometry. Never knows what is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

Point = tuple[float, float]
Tick = tuple[float, str]
LONGEST_CENTRED = 6


@dataclass(frozen=True)
class Scale:
    """From `low`..`high` of what is shown to `start`..`end` in the drawing."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of `value`; the middle if all values are one."""
        if self.high == self.low:
            return (self.start + self.end) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


@dataclass(frozen=True)
class Plot:
    """A drawing area with axes: `x` runs to the right, `y` upwards."""

    x: Scale
    y: Scale

    @property
    def left(self) -> float:
        """Where the plot begins."""
        return self.x.start

    @property
    def bottom(self) -> float:
        """Where the plot ends."""
        return self.y.start


def a_plot(x: Point, y: Point, *, width: float = 360, height: float = 250) -> Plot:
    """Return a plot of the ranges `x` and `y` with room for axes in a drawing of `width` and `height`."""
    return Plot(Scale(*x, 46, width - 14), Scale(*y, height - 40, 12))


def number(value: float) -> str:
    """Return a coordinate in a tenth of a unit."""
    text = f"{value:.1f}"
    return text.removesuffix(".0")


def drawing(parts: Iterable[Markup], alternative: str, *, width: float = 360, height: float = 250) -> Markup:
    """Return the drawing of `parts`, which those who do not see it know by the text `alternative`."""
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        number(width), number(height), alternative, Markup("").join(parts)
    )


def line(start: Point, end: Point, kind: str) -> Markup:
    """Return a straight line."""
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>').format(*map(number, (*start, *end)), kind)


def label(place: Point, text: str, anchor: str = "start", kind: str = "") -> Markup:
    """Return `text` that starts, ends or has its middle at `place`."""
    return Markup('<text x="{}" y="{}" text-anchor="{}" class="{}">{}</text>').format(
        *map(number, place), anchor, kind, text
    )


def bar(place: Point, size: Point, kind: str) -> Markup:
    """Return a rectangle with its upper left corner at `place`."""
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" class="{}"/>').format(
        *map(number, (*place, *(max(side, 0) for side in size))), kind
    )


def dot(place: Point, radius: float, kind: str) -> Markup:
    """Return a disc."""
    return Markup('<circle cx="{}" cy="{}" r="{}" class="{}"/>').format(*map(number, (*place, radius)), kind)


def path(points: Sequence[Point], kind: str) -> Markup:
    """Return a line through `points`."""
    steps = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return Markup('<path d="M{}" class="{}"/>').format(steps, kind) if points else Markup("")


def dots(points: Sequence[Point], kind: str) -> Markup:
    """Return many dots as one path of strokes without length, a tenth of the size of as many circles."""
    marks = "".join(f"M{number(x)} {number(y)}h0" for x, y in points)
    return Markup('<path d="{}" class="dots {}"/>').format(marks, kind) if points else Markup("")


def columns(plot: Plot, bins: Sequence[tuple[float, float, float]], kind: str) -> Markup:
    """Return bars from 0 to the height of each of `bins` (left, right, height), which may be below 0, as one path."""
    zero, steps = number(plot.y(0)), []
    for left, right, height in bins:
        if height:
            ends = number(plot.x(left) + 0.4), number(plot.x(right) - 0.4)
            steps.append(f"M{ends[0]} {zero}V{number(plot.y(height))}H{ends[1]}V{zero}z")
    return Markup('<path d="{}" class="{}"/>').format("".join(steps), kind) if steps else Markup("")


def axes(plot: Plot, x_ticks: Sequence[Tick], y_ticks: Sequence[Tick], names: tuple[str, str]) -> Markup:
    """Return a grid, the values at `x_ticks` and `y_ticks`, and the names of both axes."""
    found = []
    for value, text in y_ticks:
        height = plot.y(value)
        found.append(line((plot.x.start, height), (plot.x.end, height), "grid"))
        found.append(label((plot.x.start - 5, height + 3.5), text, "end"))
    for value, text in x_ticks:
        found.append(line((plot.x(value), plot.bottom), (plot.x(value), plot.bottom + 4), "axis"))
        found.append(label((plot.x(value), plot.bottom + 15), text, _anchor(plot, value, text)))
    found.append(line((plot.x.start, plot.bottom), (plot.x.end, plot.bottom), "axis"))
    found.append(label(((plot.x.start + plot.x.end) / 2, plot.bottom + 33), names[0], "middle"))
    if names[1]:
        middle = (plot.y.start + plot.y.end) / 2
        found.append(
            Markup('<text transform="translate(11 {}) rotate(-90)" text-anchor="middle">{}</text>').format(
                number(middle), names[1]
            )
        )
    return Markup("").join(found)


def _anchor(plot: Plot, value: float, text: str) -> str:
    """Return where a tick's text has its place: long ones at the ends stay within the plot."""
    if len(text) <= LONGEST_CENTRED or plot.x.low < value < plot.x.high:
        return "middle"
    return "start" if value == plot.x.low else "end"


SHARES: Sequence[Tick] = [(0, "0"), (0.25, "0.25"), (0.5, "0.5"), (0.75, "0.75"), (1, "1")]
"""Ticks of what runs from 0 to 1."""
