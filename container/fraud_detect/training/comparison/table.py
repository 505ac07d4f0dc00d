"""The summary of a comparison as text for a terminal, and as CSV.

Knows summaries. Never knows files, how figures were made.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

from fraud_detect.evaluation.metrics import METRICS
from fraud_detect.training.comparison.summary import COSTS, MAIN, Line, Summary

LIKE = "="
HEAD = (
    "",
    "algorithm",
    "resampler",
    "average precision",
    "95 % interval",
    "min",
    "roc auc",
    "recall@1%fpr",
    "f1",
    "brier",
    "ece",
    "train cpu s",
    "us/row",
)
TEXT_COLUMNS = 3  # of the head, on the left
SHOWN = ("roc_auc", "recall_at_1_percent_fpr", "f1", "brier", "expected_calibration_error")
DIGITS = {"brier": 5, "expected_calibration_error": 5}


def as_text(summary: Summary) -> str:
    """Return the table with the words that it needs."""
    rows = [HEAD, *(_cells(summary, line) for line in summary.lines)] if summary.lines else []
    widths = [max((len(row[place]) for row in rows), default=0) for place in range(len(HEAD))]
    table = ["  ".join(_padded(row, widths)).rstrip() for row in rows]
    return "\n".join([*table, *_unfinished(summary), "", *words(summary, f"those with {LIKE}")]) + "\n"


def _cells(summary: Summary, line: Line) -> Sequence[str]:
    return (
        LIKE if line is not summary.lines[0] and line.is_like_the_best else "",
        *line.pair,
        f"{line.means[MAIN]:.3f}",
        interval_text(line),
        f"{line.minimum:.3f}",
        *(figure(line, name) for name in SHOWN),
        f"{line.means['seconds_to_train']:.2f}",
        f"{line.means['microseconds_a_row']:.1f}",
    )


def figure(line: Line, name: str) -> str:
    """Return the mean of a figure, with as many digits as it deserves; a dash where it is not defined."""
    value = line.means[name]
    return f"{value:.{DIGITS.get(name, 3)}f}" if math.isfinite(value) else "-"


def interval_text(line: Line) -> str:
    """Return the interval of the mean average precision."""
    return "-" if line.interval is None else f"{line.interval[0]:.3f} to {line.interval[1]:.3f}"


def _padded(row: Sequence[str], widths: Sequence[int]) -> Sequence[str]:
    return [
        cell.ljust(width) if place < TEXT_COLUMNS else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _unfinished(summary: Summary) -> Sequence[str]:
    return [
        f"   {' with '.join(line.pair)}: {line.cells} of {summary.folds * summary.repeats} folds"
        + "".join(f". {reason}" for reason in line.reasons)
        for line in summary.unfinished
    ]


def words(summary: Summary, marked: str) -> Sequence[str]:
    """Return what one should know of the table, a sentence or two a line; `marked` says how those like the best are."""
    if not summary.lines:
        return ["No configuration has figures for every fold yet."]
    repeats = "" if summary.repeats == 1 else f", repeated {summary.repeats} times"
    lines = [
        f"Means over {summary.folds} folds{repeats}, the same for all; min is the worst fold.",
        "Intervals allow for training rows that folds share (Nadeau and Bengio 2003).",
    ]
    alike = sum(line.is_like_the_best for line in summary.lines) - 1
    if alike:
        lines.append(
            f"{alike} more {'is' if alike == 1 else 'are'} not told from the best ({marked}): the 95 % interval of the "
            "difference on the same folds reaches 0."
        )
    if len(summary.lines) > 1:
        lines.append(
            f"The best of {len(summary.lines)} compared looks better than it is: its figure was chosen for being high. "
            "Rows kept out of the comparison would say how good it is."
        )
    return lines


def as_csv(summary: Summary) -> str:
    """Return the summary as CSV, one line a configuration, figures unrounded, empty where not defined."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [*METRICS, *COSTS]
    edges = ("low", "high")
    head = ["algorithm", "resampler", "cells", *names]
    more = [f"{MAIN}_{edge}" for edge in edges], [f"{MAIN}_min"], [f"behind_the_best_{edge}" for edge in edges]
    writer.writerow([*head, *(name for group in more for name in group), "like_the_best", "failed"])
    writer.writerows(_csv_cells(line, names) for line in (*summary.lines, *summary.unfinished))
    return out.getvalue()


def _csv_cells(line: Line, names: Sequence[str]) -> Sequence[Any]:
    return [
        *line.pair,
        line.cells,
        *(_number(line.means.get(name, math.nan)) for name in names),
        *(line.interval or ("", "")),
        _number(line.minimum),
        *(line.worse_by or ("", "")),
        "yes" if line.is_like_the_best and line.means else "no",
        " ".join(line.reasons),
    ]


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else ""
