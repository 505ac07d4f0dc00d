"""The charts of the report: data in, SVG out.

Knows what is drawn and how it reads. Never knows models, files, the page around.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, log, log10
from typing import Any

import numpy as np
from markupsafe import Markup

from fraud_detect.report.distributions import SCORE_ENDS, Histogram, Profile, ReliabilityBin, on_scale
from fraud_detect.report.importance import Lane
from fraud_detect.report.numbers import count, figure, percent, probability, short, shortened
from fraud_detect.report.operating_points import OperatingPoints
from fraud_detect.report.svg import (
    SHARES,
    Plot,
    Point,
    Scale,
    Tick,
    a_plot,
    axes,
    bar,
    columns,
    dot,
    dots,
    drawing,
    label,
    line,
    number,
    path,
)

SCORE_TICKS = (0.0001, 0.01, 0.5, 0.99, 0.9999)
SMALL_WIDTH, SMALL_HEIGHT = 240, 84
BAR_WIDTH, BAR_HEIGHT = 120, 10
LANE_HEIGHT, SWARM_TOP, SWARM_BINS, SWARM_BAND = 40.0, 6.0, 110, 20.0
NAME_CHARACTERS = 34


def precision_recall(found: OperatingPoints, average_precision: float | None) -> Markup:
    """Return the curve of precision over recall, with the job's threshold marked and chance as a dashed line."""
    plot, before, points = _unit_plot(), 0.0, list[Point]()
    for point in found.points:
        recall, precision = found.recall(point), point.precision
        if recall is not None and precision is not None:
            points += [_at(plot, before, precision), _at(plot, recall, precision)]
            before = recall
    chance = found.frauds / found.rows
    own = found.points[found.chosen]
    parts = [
        axes(plot, SHARES, SHARES, ("recall: share of frauds caught", "precision")),
        line(_at(plot, 0, chance), _at(plot, 1, chance), "chance"),
        path(points, "curve"),
        _mark(plot, "pr", found.recall(own), own.precision),
    ]
    return drawing(
        parts,
        f"Precision over recall. Average precision {figure(average_precision)}; at the job's threshold, precision "
        f"{figure(own.precision)} at recall {figure(found.recall(own))}. Chance would be {percent(chance)} precision.",
    )


def roc(found: OperatingPoints, area: float | None) -> Markup:
    """Return the curve of frauds caught over legitimate rows flagged, with the job's threshold marked."""
    plot = _unit_plot()
    places = [(found.false_positive_rate(point), found.recall(point)) for point in found.points]
    points = [_at(plot, x, y) for x, y in places if x is not None and y is not None]
    own = found.points[found.chosen]
    parts = [
        axes(plot, SHARES, SHARES, ("share of legitimate rows flagged", "share of frauds caught")),
        line(_at(plot, 0, 0), _at(plot, 1, 1), "chance"),
        path([_at(plot, 0, 0), *points] if points else [], "curve"),
        _mark(plot, "roc", found.false_positive_rate(own), found.recall(own)),
    ]
    return drawing(
        parts,
        f"Share of frauds caught over share of legitimate rows flagged. Area under the curve {figure(area)}; at the "
        f"job's threshold {percent(found.recall(own))} of frauds and {percent(found.false_positive_rate(own))} of "
        "legitimate rows are flagged.",
    )


def _unit_plot() -> Plot:
    return a_plot((0, 1), (0, 1))


def _at(plot: Plot, x: float, y: float) -> Point:
    return plot.x(x), plot.y(y)


def _mark(plot: Plot, name: str, x: float | None, y: float | None) -> Markup:
    """Return a ring that the page's script may move: the ends of both axes come with it."""
    if x is None or y is None:
        return Markup("")
    ends = " ".join(number(end) for end in (plot.x.start, plot.x.end, plot.y.start, plot.y.end))
    place = " ".join(number(end) for end in _at(plot, x, y))
    return Markup('<g data-mark="{}" data-ends="{}" transform="translate({})"><circle r="5" class="mark"/></g>').format(
        name, ends, place
    )


def reliability(bins: Sequence[ReliabilityBin]) -> Markup:
    """Return the share of frauds over the predicted probability, with 95 % intervals and the diagonal."""
    plot = _unit_plot()
    parts = [
        axes(plot, SHARES, SHARES, ("probability that the model gives", "share that are frauds")),
        line(_at(plot, 0, 0), _at(plot, 1, 1), "chance"),
        *(line(_at(plot, b.predicted, b.low), _at(plot, b.predicted, b.high), "whisker") for b in bins),
        path([_at(plot, b.predicted, b.observed) for b in bins], "curve thin"),
        *(dot(_at(plot, b.predicted, b.observed), 3.5, "point") for b in bins),
    ]
    return drawing(parts, "Share of frauds over predicted probability; the table below has the numbers.")


def scores(found: Histogram, threshold: float) -> Markup:
    """Return the shares of frauds (upwards) and of legitimate rows (downwards) by probability."""
    most = max(*found.frauds, *found.legitimate, 0.01)
    plot = a_plot(SCORE_ENDS, (-most, most))
    ticks = [(log(p / (1 - p)), probability(p)) for p in SCORE_TICKS]
    up = [(value, percent(abs(value))) for value in (-most, 0, most)]
    cut = plot.x(float(on_scale(np.array([min(threshold, 1.0)]))[0]))
    parts = [
        axes(plot, ticks, up, ("probability that the model gives (log-odds scale)", "")),
        *_mirrored(plot, found),
        line((plot.x.start, plot.y(0)), (plot.x.end, plot.y(0)), "axis"),
        line((cut, plot.y.start), (cut, plot.y.end), "cut"),
        _beside(plot, cut, "threshold"),
        label((plot.x.start + 5, plot.y.end + 9), "frauds \u2191", kind="strong"),
        label((plot.x.end, plot.y(0) + 14), "legitimate \u2193", "end", "strong"),
    ]
    flagged = [_right_of(cut, plot, found.edges, shares) for shares in (found.frauds, found.legitimate)]
    return drawing(
        parts,
        "Distribution of probabilities: frauds upwards, legitimate rows downwards. In bins right of the threshold lie "
        f"{percent(flagged[0])} of frauds and {percent(flagged[1])} of legitimate rows.",
    )


def _beside(plot: Plot, cut: float, text: str) -> Markup:
    """Return `text` at the foot of a vertical line, on the side that has room for it."""
    right = cut < plot.x.end - 60
    return label((cut + (4 if right else -4), plot.y.start - 5), text, "start" if right else "end")


def _right_of(cut: float, plot: Plot, edges: Sequence[float], shares: Sequence[float]) -> float:
    return sum(share for edge, share in zip(edges[:-1], shares, strict=True) if plot.x(edge) >= cut)


def _mirrored(plot: Plot, found: Histogram) -> Sequence[Markup]:
    edges = list(zip(found.edges[:-1], found.edges[1:], strict=True))
    return [
        columns(plot, [(*ends, share) for ends, share in zip(edges, found.frauds, strict=True)], "fraud"),
        columns(plot, [(*ends, -share) for ends, share in zip(edges, found.legitimate, strict=True)], "legitimate"),
    ]


def profile(found: Profile) -> Markup:
    """Return the small histogram of one feature, frauds upwards, legitimate rows downwards."""
    histogram = found.histogram
    if not histogram.frauds:
        return Markup("")
    most = max(*histogram.frauds, *histogram.legitimate, 1e-9)
    if histogram.names:
        histogram = Histogram(list(range(len(histogram.names) + 1)), histogram.frauds, histogram.legitimate)
    plot = Plot(
        Scale(histogram.edges[0], histogram.edges[-1], 2, SMALL_WIDTH - 2), Scale(-most, most, SMALL_HEIGHT - 2, 2)
    )
    parts = [*_mirrored(plot, histogram), line((2, plot.y(0)), (SMALL_WIDTH - 2, plot.y(0)), "axis")]
    return drawing(parts, _alternative(found), width=SMALL_WIDTH, height=SMALL_HEIGHT)


def _alternative(found: Profile) -> str:
    if found.histogram.names:
        shares = zip(found.histogram.names, found.histogram.frauds, found.histogram.legitimate, strict=True)
        listed = "; ".join(f"{name}: {percent(fraud)} and {percent(legitimate)}" for name, fraud, legitimate in shares)
        return f"Shares among frauds and legitimate rows. {listed}."
    return (
        f"Distribution from {short(found.low)} to {short(found.high)}: frauds upwards, with the median "
        f"{short(found.fraud_middle)}, legitimate rows downwards, with the median {short(found.legitimate_middle)}."
    )


def share_bar(share: float) -> Markup:
    """Return a bar of that share of the width, which only shows what stands beside it in numbers."""
    filled = bar((0, 1), (BAR_WIDTH * min(max(share, 0), 1), BAR_HEIGHT - 2), "neutral")
    return _hidden_drawing([filled])


def signed_bar(value: float, most: float) -> Markup:
    """Return a bar from the middle, to the right above 0 and to the left below, as long as `value` is to `most`."""
    middle, length = BAR_WIDTH / 2, BAR_WIDTH / 2 * min(abs(value) / most, 1) if most else 0
    place = (middle if value > 0 else middle - length, 1)
    parts = [
        bar(place, (length, BAR_HEIGHT - 2), "fraud" if value > 0 else "legitimate"),
        line((middle, 0), (middle, BAR_HEIGHT), "axis"),
    ]
    return _hidden_drawing(parts)


def _hidden_drawing(parts: Sequence[Markup]) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" preserveAspectRatio="none" class="bar" aria-hidden="true">{}</svg>').format(
        BAR_WIDTH, BAR_HEIGHT, Markup("").join(parts)
    )


def swarm(lanes: Sequence[Lane]) -> Markup:
    """Return one lane a feature and one dot a row: right of the middle it raised the score; low values lie low."""
    if not lanes:
        return Markup("")
    every = np.abs(np.concatenate([lane.contributions for lane in lanes]))
    most = max(float(np.quantile(every, 0.995)), 1e-9)
    height = SWARM_TOP + LANE_HEIGHT * len(lanes) + 40
    plot = Plot(Scale(-most, most, 12, 348), Scale(0, 1, height - 40, SWARM_TOP))
    parts = [
        axes(plot, _signed_ticks(most), [], ("contribution to the log-odds of fraud", "")),
        line((plot.x(0), plot.y.end), (plot.x(0), plot.y.start), "grid"),
    ]
    for place, lane in enumerate(lanes):
        top = SWARM_TOP + LANE_HEIGHT * place
        parts += [
            *_lane(lane, plot.x, most, top),
            label((plot.x.start, top + 9), shortened(lane.column.name, NAME_CHARACTERS), kind="strong"),
        ]
    names = ", ".join(shortened(lane.column.name) for lane in lanes)
    return drawing(
        parts,
        f"Contributions of {names}, a dot for each row. The table of features says which way each one goes.",
        height=height,
    )


def _signed_ticks(most: float) -> Sequence[Tick]:
    """Return 0 and one or two round numbers on each side of it, within -`most` to `most`."""
    power = 10.0 ** floor(log10(most))
    step = next(each * power for each in (5, 2, 1, 0.5) if each * power <= most * 0.95)
    steps = int(most * 0.95 / step)
    return [(place * step, f"{place * step:+g}" if place else "0") for place in range(-steps, steps + 1)]


def _lane(lane: Lane, x: Scale, most: float, top: float) -> Sequence[Markup]:
    """Return the dots of one lane: those of one place are stacked by the rank of their values."""
    places = np.clip(np.asarray(lane.contributions), -most, most)
    bins = ((places + most) / (2 * most) * (SWARM_BINS - 1)).round().astype(int)
    ranks = np.array([-1.0 if rank is None else rank for rank in lane.ranks])
    groups: dict[str, list[Point]] = {"low": [], "middling": [], "high": [], "unranked": []}
    kinds = list(groups)
    order = np.lexsort((ranks, bins))
    _, starts, sizes = np.unique(bins[order], return_index=True, return_counts=True)
    for start, size in zip(starts, sizes, strict=True):
        step = min(2.2, SWARM_BAND / size)
        for level, row in enumerate(order[start : start + size]):
            height = top + 26 - (level - (size - 1) / 2) * step
            kind = "unranked" if ranks[row] < 0 else kinds[min(int(ranks[row] * 3), 2)]
            groups[kind].append((x(float(bins[row]) / (SWARM_BINS - 1) * 2 * most - most), height))
    return [dots(points, kind) for kind, points in groups.items()]


def by_day(days: Sequence[Mapping[str, Any]], name: str, oracle: str | None = None) -> Markup:
    """Return the figure `name` of each day as a line, and that of a perfect ranking, `oracle`, dashed above it."""
    plot = a_plot((0, max(len(days) - 1, 1)), (0, 1))
    ticks = [(float(place), str(days[place]["day"])) for place in _spread(len(days))]
    parts = [axes(plot, ticks, SHARES, ("day", name.replace("_", " "))), *_line_of(plot, days, name, "curve", "point")]
    values = [day[name] for day in days if day[name] is not None]
    alternative = (
        f"{_title(name)} of {count(len(days))} days: {figure(min(values))} to {figure(max(values))}." if values else ""
    )
    if oracle:
        parts += _line_of(plot, days, oracle, "oracle", "")
    return drawing(parts, alternative)


def _spread(days: int) -> Sequence[int]:
    return sorted({0, (days - 1) // 2, days - 1} if days > 4 else {0, days - 1})


def _line_of(plot: Plot, days: Sequence[Mapping[str, Any]], name: str, kind: str, dotted: str) -> Sequence[Markup]:
    points = [_at(plot, place, day[name]) for place, day in enumerate(days) if day[name] is not None]
    marks = [dot(point, 2.2, dotted) for point in points] if dotted and len(points) <= 60 else []
    return [path(points, kind), *marks]


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
