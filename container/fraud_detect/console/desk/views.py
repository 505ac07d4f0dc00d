"""The desk's pages: alerts, a case, decisions and notes, labels to download.

Knows Flask. Never knows SQL, threads.
"""

from __future__ import annotations

from datetime import datetime

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fraud_detect.console import audit, reasons
from fraud_detect.console.access import the_caller
from fraud_detect.console.context import console
from fraud_detect.console.desk import api, decisions, feed, feedback, listing
from fraud_detect.console.desk.blueprint import blueprint
from fraud_detect.console.desk.decisions import DECIDABLE, NO_DECISION, Author
from fraud_detect.console.storage.tables import Case, CaseState

__all__ = ["api", "blueprint"]  # the API's views are on the blueprint, too
STRIP_ROWS = 12
NUMBER_LENGTH = 18


@blueprint.get("/desk")
def desk() -> ResponseReturnValue:
    """Show the alerts by expected loss, and what comes in."""
    try:
        asked, fault = listing.filter_of(request.args), None
    except listing.FilterRefused as error:
        asked, fault = listing.Filter(), error
    with console().database.reading() as rows:
        place = feed.latest(rows)
        found = listing.page(rows, asked)
        counts, latest = listing.counts(rows), listing.latest(rows, STRIP_ROWS)
    chosen = {name: request.args[name] for name in listing.FIELDS if request.args.get(name)}
    return render_template(
        "desk/desk.html",
        asked=asked,
        fault=fault,
        page=found,
        counts=counts,
        latest=latest,
        place=place,
        chosen=chosen,
        states=STATES,
        page_rows=listing.PAGE_ROWS,
    ), 400 if fault else 200


STATES = {
    CaseState.OPEN: "Open",
    CaseState.ESCALATED: "Escalated",
    CaseState.CONFIRMED: "Confirmed",
    CaseState.CLEARED: "Cleared",
    CaseState.PASSED: "Passed",
    listing.ALERTS: "All alerts and decided cases",
    listing.ALL: "Everything",
}


@blueprint.get("/cases/<int:number>")
def case(number: int) -> ResponseReturnValue:
    """Show a case: score, reasons, the transaction, the customer's history, decisions and notes."""
    return _case_page(number)


def _case_page(number: int, *, fault: Exception | None = None, text: str = "") -> ResponseReturnValue:
    with console().database.reading() as rows:
        found = rows.get(Case, number)
        if found is None:
            return render_template("error.html", title="No such case", text=str(decisions.no_such_case(number))), 404
        made, written = decisions.decisions(rows, number), decisions.notes(rows, number)
        history = listing.of_customer(rows, found)
    return render_template(
        "desk/case.html",
        case=found,
        decisions=made,
        notes=written,
        history=history,
        fault=fault,
        text=text,
        seen=made[-1].id if made else NO_DECISION,
        states=STATES,
        words=DECIDABLE,
        bars=reasons.bars(reasons.of_documents(found.reasons)),
        shown=reasons.shown,
        same_model=found.model == console().manifest.training_data.sha256,
    ), _status(fault)


def _status(fault: Exception | None) -> int:
    if fault is None:
        return 200
    return 409 if isinstance(fault, decisions.DecidedMeanwhile) else 400


@blueprint.post("/cases/<int:number>/decision")
def decide(number: int) -> ResponseReturnValue:
    """Decide about a case, unless somebody has done so since the page was made."""
    here, seen = console(), request.form.get("seen", "")
    known = int(seen) if seen.isascii() and seen.isdigit() and len(seen) <= NUMBER_LENGTH else -1
    state = request.form.get("state", "")
    try:
        with here.database.writing() as rows:
            decisions.decided(rows, number, state, seen=known, by=_author(), now=here.clock())
    except (decisions.DecidedMeanwhile, decisions.DecisionRefused, decisions.NoSuchCase) as error:
        return _case_page(number, fault=error)
    flash(f"Case {number} is {DECIDABLE[CaseState(state)]}.")
    return redirect(url_for("desk.case", number=number))


@blueprint.post("/cases/<int:number>/notes")
def note(number: int) -> ResponseReturnValue:
    """Write a note about a case."""
    here, text = console(), request.form.get("text", "")
    try:
        with here.database.writing() as rows:
            decisions.noted(rows, number, text, by=_author(), now=here.clock())
    except (decisions.NoteRefused, decisions.NoSuchCase) as error:
        return _case_page(number, fault=error, text=text[: decisions.LONGEST_NOTE])
    return redirect(url_for("desk.case", number=number, _anchor="notes"))


def _author() -> Author:
    caller = the_caller()
    return Author(int(caller.user_id or 0), caller.name)


@blueprint.get("/desk/feedback.csv", endpoint="feedback")
def labels() -> ResponseReturnValue:
    """Give decisions as labels: a file to train on; with `?extras=1`, when and by whom, too."""
    here, extras = console(), feedback.EXTRAS if request.args.get("extras") else ()
    layout = feedback.layout_of(here.manifest, extras=extras)
    with here.database.reading() as rows:
        lines = list(feedback.lines(rows, layout))
    with here.database.writing() as rows:
        audit.append(
            rows,
            actor=the_caller().name,
            action="labels exported",
            subject="feedback",
            now=here.clock(),
            detail={"labels": len(lines) - 1},
        )
    return Response(lines, mimetype="text/csv", headers={"Content-Disposition": _attachment(here.clock())})


def _attachment(now: datetime) -> str:
    return f'attachment; filename="feedback-{now:%Y%m%d-%H%M%S}.csv"'
