"""A line in the log for each request: what was asked for, by whom, and what came of it. No query, no body, no code.

Knows Flask's hooks. Never knows what the views do.
"""

from __future__ import annotations

import logging
import time
import uuid

from flask import Flask, Response, g, request

from fraud_detect.console.access import the_caller
from fraud_detect.log import FIELDS

logger = logging.getLogger(__name__)
ID_HEADER = "X-Request-Id"
QUIET = frozenset({"static", "pages.ping"})
"""Views whose answers are logged only where something is wrong."""


def log_requests(app: Flask) -> None:
    """Log every request to `app`, whose answer carries the identifier of its line."""
    app.before_request(_begin)
    app.after_request(_end)


def request_id() -> str:
    """Return the identifier of this request."""
    if "request_id" not in g:
        g.request_id = uuid.uuid4().hex
    identifier: str = g.request_id
    return identifier


def _begin() -> None:
    g.request_began = time.perf_counter()


def _end(response: Response) -> Response:
    response.headers[ID_HEADER] = request_id()
    if request.endpoint in QUIET and response.status_code < 400:
        return response
    began = g.get("request_began", time.perf_counter())
    fields = {
        "id": request_id(),
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "account": the_caller().name,
        "milliseconds": round((time.perf_counter() - began) * 1000, 3),
    }
    logger.info("request", extra={FIELDS: fields})
    return response
