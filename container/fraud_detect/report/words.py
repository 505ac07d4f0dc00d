"""What the figures mean, in plain words.

Knows figures and thresholds. Never knows models, pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fraud_detect.evaluation.metrics import MONEY_METRICS
from fraud_detect.report.data import HeldOut, Job
from fraud_detect.report.numbers import NOTHING, count, figure, percent, short
from fraud_detect.report.operating_points import OperatingPoints, Point

FEW_FRAUDS = 20
NO_RESAMPLER = "none"
ERRORS = ("brier", "expected_calibration_error")
METRICS: Mapping[str, str] = {
    "average_precision": "Average precision",
    "roc_auc": "ROC AUC",
    "brier": "Brier score",
    "recall_at_1_percent_fpr": "Recall at 1 % false positives",
    "precision_at_k": "Precision at k",
    "expected_calibration_error": "Expected calibration error",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "expected_cost": "Expected cost",
    "money_saved": "Money saved",
}
POLICIES: Mapping[str, str] = {
    "f1": "the best F1",
    "precision": "a precision of at least {target}",
    "recall": "a recall of at least {target}",
    "alert_rate": "alerts on at most {target} of the rows",
    "cost": "the least cost, a missed fraud costing {target} false alarms",
}
PARTS = {"train": "training", "validation": "validation", "test": "test"}


@dataclass(frozen=True)
class Tile:
    """One large figure with what it is and how sure it is."""

    name: str
    value: str
    note: str


def metric(name: str) -> str:
    """Return what people call a metric of metrics.json."""
    return METRICS.get(name, name.replace("_", " ").capitalize())


def value_of(name: str, value: float | None) -> str:
    """Return the value of the metric `name`: money in whole units, errors in four decimals, all others in three."""
    if value is None:
        return NOTHING
    if name in MONEY_METRICS:
        return count(value)
    return f"{value:.4f}" if name in ERRORS else figure(value)


def interval_of(name: str, figures: Mapping[str, Any]) -> str:
    """Return the interval of the metric `name`, empty if there is none."""
    ends = (figures.get("intervals") or {}).get(name)
    return f"{value_of(name, ends[0])} to {value_of(name, ends[1])}" if ends else ""


def tiles(job: Job, found: OperatingPoints) -> Sequence[Tile]:
    """Return the four figures that come first."""
    own, figures = found.points[found.chosen], job.figures
    rate, unit = alert_rate(own, job.held_out)
    return [
        Tile("Average precision", figure(figures["average_precision"]), _interval(figures, "average_precision")),
        Tile("Frauds caught", percent(figures["recall"]), _interval(figures, "recall", percent)),
        Tile("Alerts that are right", percent(figures["precision"]), _interval(figures, "precision", percent)),
        Tile(f"Alerts {unit}", short(rate), f"from a probability of {short(job.threshold)} on"),
    ]


def _interval(figures: Mapping[str, Any], name: str, written: Any = figure) -> str:
    ends = (figures.get("intervals") or {}).get(name)
    return f"95 %: {written(ends[0])} to {written(ends[1])}" if ends else ""


def alert_rate(point: Point, held_out: HeldOut) -> tuple[float, str]:
    """Return how many alerts `point` raises per day or, where days are not known, per 1,000 rows; and which."""
    units, unit = units_of(held_out)
    return point.alerts / units, unit


def units_of(held_out: HeldOut) -> tuple[float, str]:
    """Return how many days or thousands of rows were held out, and what such a unit is called after a rate."""
    if held_out.days is not None:
        return held_out.days, "per day"
    return len(held_out.labels) / 1_000, "per 1,000 rows"


def summary(job: Job, found: OperatingPoints) -> Sequence[str]:
    """Return what the job came to, a paragraph each."""
    return [_trained(job), _held_out(job), _decided(job, found)]


def _trained(job: Job) -> str:
    rows, frauds = (job.metrics["train"][name] for name in ("rows", "frauds"))
    share = percent(frauds / rows)
    made = _resampled(job.metrics["resampling"]) + _searched(job.metrics.get("tuning"))
    return (
        f"The model ({job.algorithm}) learned from {count(rows)} rows with {job.schema.width} features; "
        f"{count(frauds)} of them ({share}) are frauds.{made}"
    )


def _searched(tuning: Mapping[str, Any] | None) -> str:
    if not tuning:
        return ""
    return f" Its hyperparameters are the best of {count(tuning['done'])} trials on the validation rows."


def _resampled(resampling: Mapping[str, Any]) -> str:
    if resampling["chosen"] == NO_RESAMPLER:
        return ""
    made, left_out, name = (resampling[key] for key in ("synthetic_frauds", "left_out_rows", "chosen"))
    told = [f"added {count(made)} frauds"] if made else []
    told += [f"left out {count(left_out)} rows"] if left_out else []
    return f" For the fit, {name} {' and '.join(told)}." if told else ""


def _held_out(job: Job) -> str:
    figures = job.figures
    ends = (figures.get("intervals") or {}).get("average_precision")
    sure = f" (95 % interval {figure(ends[0])} to {figure(ends[1])})" if ends else ""
    chance = percent(figures["frauds"] / figures["rows"])
    return (
        f"It was then tried on {count(figures['rows'])} {PARTS[job.held_out.part]} rows that it had not seen, "
        f"{count(figures['frauds'])} of them frauds. There its average precision is "
        f"{figure(figures['average_precision'])}{sure}: 1 would be a perfect ranking, {chance} a blind one."
    )


def _decided(job: Job, found: OperatingPoints) -> str:
    own, figures = found.points[found.chosen], job.figures
    threshold = job.metrics["threshold"]
    target = threshold.get("target")
    policy = POLICIES.get(threshold["policy"], threshold["policy"]).format(target=short(target))
    if not own.alerts:
        return f"No row reaches the threshold, a probability of {short(job.threshold)}, chosen for {policy}."
    rate, unit = alert_rate(own, job.held_out)
    caught = 1_000 * (figures["recall"] or 0)
    right = 100 * (figures["precision"] or 0)
    return (
        f"A row counts as fraud from a probability of {short(job.threshold)} on, which was chosen for {policy}. "
        f"At that threshold, of 1,000 frauds about {count(caught)} are caught, of 100 alerts about {count(right)} are "
        f"right, and there are {short(rate)} alerts {unit}."
    )


def cautions(job: Job) -> Sequence[str]:
    """Return what to keep in mind: limits of the figures, then what the log warned of."""
    found = []
    if job.held_out.part == "validation":
        found.append(
            "The rows of these figures also chose rounds, calibration and threshold, which flatters the model. "
            "Set test_fraction, or give a channel named test, for rows that chose nothing."
        )
        if job.metrics.get("refitted"):
            found.append("The model was fitted once more on all rows; the figures are of the model before.")
    if job.figures["frauds"] < FEW_FRAUDS:
        found.append(f"Only {job.figures['frauds']} frauds were held out: look at the intervals, not at the figures.")
    return [*found, *job.warnings]


def verdict(resampling: Mapping[str, Any]) -> str:
    """Return what resampling did to the validation rows' average precision."""
    made, plain, name = resampling["with"], resampling["without"], compared(resampling)
    if not made:
        return "This model was fitted without resampling, so there is nothing to compare."
    if not plain:
        return f"The job was stopped before it could be compared with no resampling ({name})."
    difference = made["average_precision"] - plain["average_precision"]
    how = "raised" if difference > 0 else "lowered"
    return (
        f"On the same validation rows {name} {how} average precision from {figure(plain['average_precision'])} to "
        f"{figure(made['average_precision'])}.{_overlap(made, plain)}{_choice(resampling)}"
    )


def compared(resampling: Mapping[str, Any]) -> str:
    """Return the resampler whose figures are those with resampling: of a choice, the one that it had beside none."""
    name: str = resampling.get("compared", resampling["resampler"])
    return name


def _choice(resampling: Mapping[str, Any]) -> str:
    name, chosen = resampling["resampler"], resampling["chosen"]
    return "" if name == chosen else f" By that, {name} chose {chosen}."


def _overlap(made: Mapping[str, Any], plain: Mapping[str, Any]) -> str:
    ends, others = ((each.get("intervals") or {}).get("average_precision") for each in (made, plain))
    if not ends or not others:
        return ""
    (low, high), (other_low, other_high) = ends, others
    apart = low > other_high or other_low > high
    return f" The 95 % intervals {'do not ' if apart else ''}overlap."
