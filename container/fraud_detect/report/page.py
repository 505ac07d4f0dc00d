"""The report as one HTML file.

Knows templates and charts. Never knows files to write, how models are made.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fraud_detect.evaluation.metrics import METRICS
from fraud_detect.report import charts, numbers, words
from fraud_detect.report.data import HeldOut, Job
from fraud_detect.report.distributions import Profile, profiles, reliability, scores_by_class
from fraud_detect.report.document import document
from fraud_detect.report.importance import Explained, Importance, importance
from fraud_detect.report.operating_points import OperatingPoints, operating_points

TEMPLATE, STYLE, SCRIPT = "page.html", "page.css", "page.js"
MOST_FEATURES = 40
LONGEST_SETTING = 500
MOST_FOLDS, MOST_DAYS = 52, 366
COST_RATIO = 10.0
"""What a missed fraud costs in false alarms, until the reader says otherwise."""


@dataclass(frozen=True)
class Report:
    """A report as a page for people, and what of it programs read."""

    page: str
    document: Mapping[str, Any]


def report(job: Job) -> Report:
    """Return the report of `job`; one job, one report."""
    worth, explained = importance(job, int(job.settings.get("seed", 0)))
    return Report(_page(job, worth, explained), document(job, worth))


def render(job: Job) -> str:
    """Return the report of `job`: HTML that fetches nothing and runs no script but its own; one job, one text."""
    return report(job).page


def _page(job: Job, worth: Importance, explained: Explained | None) -> str:
    found = operating_points(job.held_out, job.threshold)
    environment = _environment()
    return environment.get_template(TEMPLATE).render(
        job=job,
        style_hash=_hash(environment, STYLE),
        script_hash=_hash(environment, SCRIPT),
        tiles=words.tiles(job, found),
        summary=words.summary(job, found),
        cautions=words.cautions(job),
        confusion=job.figures["confusion"],
        **_of_thresholds(job, found),
        **_of_scores(job, found),
        **_of_features(job, worth, explained),
        **_of_comparisons(job.metrics),
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__ or "", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "figure": numbers.figure,
        "short": numbers.short,
        "percent": numbers.percent,
        "count": numbers.count,
        "probability": numbers.probability,
        "metric": words.metric,
        "of_metric": lambda value, name: words.value_of(name, value),
        "interval_of": lambda figures, name: words.interval_of(name, figures),
        "breakable": _breakable,
        "setting": _setting,
        "signed": numbers.signed,
    }
    environment.globals |= {"share_bar": charts.share_bar, "signed_bar": charts.signed_bar}
    return environment


def _hash(environment: Environment, name: str) -> str:
    """Return what lets browsers use the style or script `name` of the page, and no other that got into it."""
    digest = hashlib.sha256(environment.get_template(name).render().encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _breakable(name: str) -> Markup:
    """Return `name` with places where a line may end after each of its parts."""
    return Markup("<wbr/>").join(re.split(r"(?<=[_.])(?=\w)", name))


def _setting(value: Any) -> str:
    if value is None or value in ("", []):
        return numbers.NOTHING
    return numbers.shortened(", ".join(map(str, value)) if isinstance(value, list) else str(value), LONGEST_SETTING)


def _of_thresholds(job: Job, found: OperatingPoints) -> Mapping[str, Any]:
    units, unit = words.units_of(job.held_out)
    threshold = job.metrics["threshold"]
    ratio = threshold["target"] if threshold["policy"] == "cost" else COST_RATIO
    return {
        "found": found,
        "price": ratio if found.amount is None else float(job.settings["review_cost"]),
        "amounts": found.amount is not None,
        "chosen": found.points[found.chosen],
        "units": units,
        "unit": unit,
        "slider": _slider(found, units),
    }


def _slider(found: OperatingPoints, units: float) -> Mapping[str, Any]:
    """Return what the page's script needs, lowest threshold first: the slider's right end flags least."""
    ascending = found.points[::-1]
    return {
        "threshold": [float(f"{point.threshold:.6g}") for point in ascending],
        "caught": [point.caught for point in ascending],
        "alarms": [point.alarms for point in ascending],
        "amount": [round(point.amount, 2) for point in ascending] if found.amount is not None else None,
        "chosen": len(ascending) - 1 - found.chosen,
        "rows": found.rows,
        "frauds": found.frauds,
        "total": None if found.amount is None else round(found.amount, 2),
        "units": units,
    }


def _of_scores(job: Job, found: OperatingPoints) -> Mapping[str, Any]:
    held_out, figures = job.held_out, job.figures
    bins = reliability(held_out.labels, held_out.probabilities)
    return {
        "precision_recall": charts.precision_recall(found, figures["average_precision"]),
        "roc": charts.roc(found, figures["roc_auc"]),
        "reliability": charts.reliability(bins),
        "bins": bins,
        "expected_frauds": float(held_out.probabilities.sum()),
        "scores": charts.scores(scores_by_class(held_out.labels, held_out.probabilities), job.threshold),
    }


def _of_features(job: Job, worth: Importance, explained: Explained | None) -> Mapping[str, Any]:
    order = worth.order()[:MOST_FEATURES]
    found = profiles(job.features, job.labels, job.schema, order)
    most = max(abs(worth.values[place]) for place in order)
    shown = [
        reason
        for group in (explained.examples.values() if explained else ())
        for row in group
        for reason in row.reasons
    ]
    return {
        "worth": worth,
        "ranked": [
            {
                "name": numbers.shortened(job.schema.columns[place].name),
                "value": worth.values[place],
                "share": worth.values[place] / most if most > 0 else 0.0,
                "direction": _direction(worth.direction[place]),
            }
            for place in order
        ],
        "explained": explained,
        "swarm": charts.swarm(explained.lanes) if explained else "",
        "largest_reason": max((abs(reason.contribution) for reason in shown), default=0.0),
        "profiles": [_profile(each) for each in found],
        "features_left_out": job.schema.width - len(order),
    }


def _direction(correlation: float | None) -> str:
    if correlation is None:
        return numbers.NOTHING
    if abs(correlation) < 0.3:
        return "either way"
    return "raise it" if correlation > 0 else "lower it"


def _profile(found: Profile) -> Mapping[str, Any]:
    return {
        "name": numbers.shortened(found.column.name),
        "kind": str(found.column.kind),
        "found": found,
        "chart": charts.profile(found),
    }


def _of_comparisons(metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    resampling, folds = metrics["resampling"], metrics["prequential"]
    return {
        "resampling": resampling,
        "verdict": words.verdict(resampling),
        "compared": words.compared(resampling),
        "figures": [name for name in METRICS if metrics["validation"][name] is not None],
        "prequential": folds,
        "most_folds": MOST_FOLDS,
        "by_day": _by_day(folds, metrics["test_by_day"]),
        "cross_validation": metrics["cross_validation"],
    }


def _by_day(folds: Mapping[str, Any] | None, test: Mapping[str, Any] | None) -> Sequence[Mapping[str, Any]]:
    """Return the charts of the days of the folds and of the test rows, those that have days."""
    given = {"folds": folds and [day for fold in folds["folds"] for day in fold["days"]], "test": test and test["days"]}
    ordered = {name: sorted(days, key=lambda day: str(day["day"]))[-MOST_DAYS:] for name, days in given.items() if days}
    return [
        {
            "name": name,
            "average_precision": charts.by_day(days, "average_precision"),
            "card_precision": _of_cards(days),
        }
        for name, days in ordered.items()
    ]


def _of_cards(days: Sequence[Mapping[str, Any]]) -> str:
    if all(day["card_precision"] is None for day in days):
        return ""
    return charts.by_day(days, "card_precision", "oracle_card_precision")


__all__ = ["HeldOut", "Job", "Report", "render", "report"]
