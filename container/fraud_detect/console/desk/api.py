"""The desk for programs: transactions in, cases and decisions as JSON, and what happens as server-sent events.

Knows Flask. Never knows SQL, pages.
"""

from __future__ import annotations

import logging
import select
import socket
from collections.abc import Mapping
from typing import Any

import orjson
from flask import Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from fraud_detect.console.access import the_caller
from fraud_detect.console.context import console
from fraud_detect.console.desk import decisions, feed, hub, listing, transactions
from fraud_detect.console.desk.blueprint import blueprint
from fraud_detect.console.desk.decisions import Author
from fraud_detect.console.desk.feed import Place
from fraud_detect.console.desk.filing import Filed, KeyTaken
from fraud_detect.console.desk.intake import Overloaded, Unsettled
from fraud_detect.console.desk.part import desk
from fraud_detect.console.endpoint import EndpointError
from fraud_detect.console.limits import limiter
from fraud_detect.console.said import NO_ANSWER
from fraud_detect.console.storage.tables import Case
from fraud_detect.errors import UserError

MOST_BODY_BYTES = 4 << 20
AGAIN_SECONDS = 2
BUSY, LATE, GONE, CLASH, BAD = 503, 504, 404, 409, 400
EVENTS = "text/event-stream"
LEFT = select.POLLRDHUP | select.POLLHUP | select.POLLERR

logger = logging.getLogger(__name__)
Json = Mapping[str, Any]


class BodyRefused(UserError):
    """A body is no JSON, or none that the view takes."""


@blueprint.post("/api/transactions")
def transactions_in() -> ResponseReturnValue:
    """Score transactions and file them as cases, all or none; answer when they are on the disk."""
    request.max_content_length = MOST_BODY_BYTES
    console().courtesy.came()
    body = _body()
    try:
        filed = desk().intake.file(transactions.read(body, desk().columns))
    except EndpointError as error:
        logger.warning("nothing was filed: %s", error)
        return jsonify(error="EndpointError", message=NO_ANSWER), BUSY, {"Retry-After": str(AGAIN_SECONDS)}
    except Overloaded as error:
        return *_fault(error, BUSY), {"Retry-After": str(AGAIN_SECONDS)}
    except Unsettled as error:
        return *_fault(error, LATE), {"Retry-After": str(AGAIN_SECONDS)}
    except KeyTaken as error:
        return _fault(error, CLASH)
    answers = [_filed(one) for one in filed]
    if isinstance(body, dict) and transactions.MANY in body:
        return jsonify({transactions.MANY: answers}), 201
    return jsonify(answers[0]), 201 if filed[0].new else 200


def _filed(one: Filed) -> Json:
    return {
        "id": one.id,
        "probability": one.probability,
        "alert": one.alert,
        "expected_loss": one.expected_loss,
        "state": one.state,
        "case": url_for("desk.case", number=one.id),
    }


def _body() -> object:
    try:
        body: object = orjson.loads(request.get_data(cache=False))
    except orjson.JSONDecodeError as error:
        raise BodyRefused(
            f"The body is no JSON ({error})", expected="JSON in UTF-8", remedy="Send `Content-Type: application/json`."
        ) from None
    return body


def _fault(error: UserError, status: int) -> tuple[Response, int]:
    return jsonify(error=type(error).__name__, message=str(error)), status


@blueprint.get("/api/cases")
def cases() -> ResponseReturnValue:
    """List cases by expected loss, with the filters of the desk's page."""
    with console().database.reading() as rows:
        found = listing.page(rows, listing.filter_of(request.args))
    return jsonify(cases=[_case(case) for case in found.cases], page=found.number, more=found.more)


@blueprint.get("/api/cases/<int:number>")
def case_json(number: int) -> ResponseReturnValue:
    """Give all that is known about a case."""
    with console().database.reading() as rows:
        case = rows.get(Case, number)
        if case is None:
            return _fault(decisions.no_such_case(number), GONE)
        made, written = decisions.decisions(rows, number), decisions.notes(rows, number)
    told = [{"id": one.id, "state": one.state, "at": one.at.isoformat(), "by": one.by} for one in made]
    remarks = [{"text": one.text, "at": one.at.isoformat(), "by": one.by} for one in written]
    whole = {"features": case.features, "context": case.context, "reasons": case.reasons, "threshold": case.threshold}
    return jsonify({**_case(case), **whole, "model": case.model, "decisions": told, "notes": remarks})


def _case(case: Case) -> Json:
    return {
        "id": case.id,
        "key": case.key,
        "customer": case.customer,
        "amount": case.amount,
        "received_at": case.received_at.isoformat(),
        "occurred_at": case.occurred_at.isoformat() if case.occurred_at else None,
        "probability": case.probability,
        "alert": case.alert,
        "expected_loss": case.expected_loss,
        "state": case.state,
        "case": url_for("desk.case", number=case.id),
    }


@blueprint.post("/api/cases/<int:number>/decision")
def decision_json(number: int) -> ResponseReturnValue:
    """Decide about a case: `state`, and as `seen` the id of the last decision that the caller knows, 0 for none."""
    body = _body()
    state, seen = (body.get("state"), body.get("seen", 0)) if isinstance(body, dict) else (None, 0)
    if not isinstance(state, str) or isinstance(seen, bool) or not isinstance(seen, int):
        raise BodyRefused(
            "The body does not say a decision",
            expected='an object with the text `state` and the number `seen`, such as {"state": "confirmed", "seen": 0}',
            remedy="Read the case first: the last of its decisions is what you have seen.",
        )
    here, caller = console(), the_caller()
    author = Author(int(caller.user_id or 0), caller.name)
    try:
        with here.database.writing() as rows:
            made = decisions.decided(rows, number, state, seen=seen, by=author, now=here.clock())
    except decisions.NoSuchCase as error:
        return _fault(error, GONE)
    except decisions.DecidedMeanwhile as error:
        return _fault(error, CLASH)
    return jsonify(id=made.id, state=made.state, at=made.at.isoformat(), by=made.by), 201


@blueprint.get("/desk/events")
@limiter.exempt
def events() -> ResponseReturnValue:
    """Stream what happens as server-sent events, from the place that `Last-Event-ID` or `after` says."""
    after = Place.parsed(request.headers.get("Last-Event-ID")) or Place.parsed(request.args.get("after"))
    connection: socket.socket | None = request.environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(hub.HEARTBEAT_SECONDS)  # who does not read for so long is gone
    try:
        messages = desk().hub.stream(after, is_gone=lambda: connection is not None and _has_left(connection))
    except hub.TooManyListen as error:
        return *_fault(error, BUSY), {"Retry-After": str(AGAIN_SECONDS)}
    return Response(messages, mimetype=EVENTS, headers={"X-Accel-Buffering": "no"})


def _has_left(connection: socket.socket) -> bool:
    """Return whether the other side has closed `connection`, without waiting."""
    if connection.fileno() < 0:
        return True
    asked = select.poll()
    asked.register(connection, LEFT)
    return bool(asked.poll(0))


@blueprint.get("/desk/changes")
@limiter.exempt
def changes() -> ResponseReturnValue:
    """Give what happened after a place, for pages that cannot listen."""
    after = Place.parsed(request.args.get("after"))
    with console().database.reading() as rows:
        found = feed.since(rows, after) if after else feed.Changes(feed.latest(rows), (), ())
    return Response(hub.as_json(found), mimetype="application/json")
