"""Measure every request of a Flask application, and log it where nobody in front does.

Knows Flask's hooks. Never knows routes' meanings, models.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import MutableMapping
from typing import Any

from flask import Flask, Response, request

from fraud_detect.log import FIELDS
from fraud_detect.serving.metrics import Metrics
from fraud_detect.serving.routes import PING
from fraud_detect.serving.tally import TALLY_HEADER, Tally, as_header, told

logger = logging.getLogger(__name__)
START, TALLY = "fraud_detect.start", "fraud_detect.tally"
"""Keys of WSGI's environment: when the request began, and the tally of the rows in its answer."""
ID_HEADER = "X-Request-Id"
"""Of an answer: the identifier of its log line, which nginx adds where it is there."""
OTHER = "other"
REQUEST_ID = "HTTP_X_REQUEST_ID"
_IDENTIFIER = re.compile(r"[0-9A-Za-z-]{1,64}")


def observe(app: Flask, metrics: Metrics, *, logs_requests: bool) -> None:
    """Let `metrics` observe every request to `app`, and the log if `logs_requests`, but for healthy pings."""

    @app.before_request
    def begin() -> None:
        request.environ[START] = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        environ, rule = request.environ, request.url_rule
        seconds, tally = time.perf_counter() - environ[START], environ.get(TALLY)
        metrics.observe(rule.rule if rule else OTHER, response.status_code, seconds, tally)
        if logs_requests:
            response.headers[ID_HEADER] = request_id(environ)
            _log(response.status_code, seconds, tally)
        elif tally is not None:
            response.headers[TALLY_HEADER] = as_header(tally)
        return response


def _log(status: int, seconds: float, tally: Tally | None) -> None:
    if request.path == PING and status == 200:
        return
    fields = {
        "id": request_id(request.environ),
        "method": request.method,
        "path": request.path,
        "status": status,
        **told(tally),
        "milliseconds": round(seconds * 1000, 3),
    }
    logger.info("request", extra={FIELDS: fields})


def request_id(environ: MutableMapping[str, Any]) -> str:
    """Return the identifier that nginx or the client gave the request, or a new one."""
    if _IDENTIFIER.fullmatch(environ.get(REQUEST_ID, "")) is None:
        environ[REQUEST_ID] = uuid.uuid4().hex
    identifier: str = environ[REQUEST_ID]
    return identifier
