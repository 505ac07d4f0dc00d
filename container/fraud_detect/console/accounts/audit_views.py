"""The audit log, for administrators: a page of it, all of it to keep, and whether it is whole.

Knows Flask, the log. Never knows what its lines mean.
"""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from fraud_detect.console import audit, audit_reading
from fraud_detect.console.access import the_caller
from fraud_detect.console.audit_reading import Filter
from fraud_detect.console.context import Console, console
from fraud_detect.console.limits import limiter
from fraud_detect.console.row_numbers import row_number

blueprint = Blueprint("audit", __name__, url_prefix="/audit")
READINGS = "10 per minute"
"""Of the whole log, which takes a while where it is long."""


@blueprint.get("")
def show() -> ResponseReturnValue:
    """Show lines of the log, the newest first."""
    return _page()


@blueprint.get("/verdict")
@limiter.limit(READINGS)
def verdict() -> ResponseReturnValue:
    """Show them, and whether the chain of all holds."""
    return _page(verified=True)


def _page(*, verified: bool = False) -> str:
    chosen = Filter(
        actor=_asked("actor"),
        action=_asked("action"),
        subject=_asked("subject"),
        before=request.args.get("before", type=row_number),
    )
    with console().database.reading() as rows:
        entries, more = audit_reading.page(rows, chosen)
        actions = audit_reading.actions(rows)
        found = audit_reading.verdict(rows) if verified else None
    return render_template(
        "accounts/audit.html", entries=entries, more=more, chosen=chosen, actions=actions, verdict=found
    )


def _asked(name: str) -> str:
    return request.args.get(name, "").strip().replace("\0", "")


@blueprint.get("/lines.jsonl")
@limiter.limit(READINGS)
def download() -> ResponseReturnValue:
    """Send every line as JSON, oldest first; that it was sent is the last of them."""
    here, caller = console(), the_caller()
    with here.database.writing() as rows:
        audit.append(rows, actor=caller.name, action="audit log downloaded", subject="audit log", now=here.clock())
    told = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return Response(_lines(here), mimetype="application/jsonl", headers=told)


def _lines(here: Console) -> Iterator[str]:
    with here.database.reading() as rows:
        yield from map(audit_reading.as_json, audit_reading.lines(rows))
