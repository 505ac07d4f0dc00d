"""The page about the model, and the frame with the training report.

Knows Flask. Never knows how anything is counted or drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from fraud_detect.console.context import console
from fraud_detect.console.report import live, training
from fraud_detect.console.report.chart import distributions
from fraud_detect.console.report.frame import SANDBOX, policy
from fraud_detect.console.report.stability import FEWEST, MOVED, MOVED_FAR, stability
from fraud_detect.console.report.training import Document
from fraud_detect.report import numbers

blueprint = Blueprint("report", __name__, url_prefix="/report")
PERIODS: Mapping[str, tuple[str, timedelta | None]] = {
    "day": ("Last 24 hours", timedelta(days=1)),
    "week": ("Last 7 days", timedelta(days=7)),
    "all": ("All", None),
}
FEATURES_SHOWN = 20


@blueprint.app_template_filter("chance")
def chance(log_odds: float) -> str:
    """Return a place on the axis of scores as a probability."""
    return numbers.probability(live.probability(log_odds))


@blueprint.get("")
def show() -> ResponseReturnValue:
    """Show what training came to, and what the model does today."""
    here = console()
    manifest, folder = here.manifest, here.settings.report_folder
    document, held_out = training.document(folder, manifest), training.held_out(manifest)
    return render_template(
        "report/show.html",
        manifest=manifest,
        policy=training.policy(manifest),
        part=held_out[0] if held_out else None,
        figures=training.figures(held_out[1]) if held_out else (),
        expected_rate=training.alert_rate(held_out[1]) if held_out else None,
        document=document,
        has_page=(folder / training.PAGE).is_file(),
        features=document.importance.features[:FEATURES_SHOWN] if document else (),
        sandbox=SANDBOX,
        numbers=numbers,
        **_now(document),
    )


@blueprint.get("/page")
def page() -> Response:
    """Give the training report to the frame that shows it."""
    found = training.page(console().settings.report_folder)
    if found is None:
        raise NotFound
    return Response(found, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": policy(found)})


def _now(document: Document | None) -> Mapping[str, Any]:
    """Return what is shown of live scores: of the period that was asked for."""
    here = console()
    asked = request.args.get("period", "week")
    period = asked if asked in PERIODS else "week"
    length, model = PERIODS[period][1], here.manifest.training_data.sha256
    since = None if length is None else here.clock() - length
    with here.database.reading() as rows:
        counts = live.live(rows, model, since)
        found = live.scores(rows, model, since, document.scores.edges) if document else ()
    given: dict[str, Any] = {"live": counts, "period": period, "periods": PERIODS, "chart": None, "stability": None}
    given |= {"fewest": FEWEST, "moved": MOVED, "moved_far": MOVED_FAR, "newest": live.NEWEST}
    if document and counts.cases:
        edges, expected = document.scores.edges, document.scores.rows
        given["chart"] = distributions(edges, expected, found, here.manifest.threshold.value)
        given["stability"] = stability(edges, expected, found)
    return given
