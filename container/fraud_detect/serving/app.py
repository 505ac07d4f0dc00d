"""The endpoint as a Flask application: routes in front of `respond`, and JSON for every error.

Knows Flask. Never knows processes, codecs, how a model is loaded.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from typing import Any, BinaryIO

from flask import Flask, Response, request
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge

from fraud_detect.serving.loading import Loading
from fraud_detect.serving.reply import Reply, failure, fault, too_large
from fraud_detect.serving.respond import Request, respond

logger = logging.getLogger(__name__)
BYTES_PER_MB = 1 << 20
BODIES_DISCARDED = 4
"""How many times the largest body is read of one that is larger still, before the connection is closed."""
HEALTHY = Reply(200, b"", "text/plain")


def create_app(loading: Loading, *, max_body_mb: int) -> Flask:
    """Return the application over the model of `loading`; bodies above `max_body_mb` are refused."""
    app = Flask(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False

    @app.get("/ping")
    def ping() -> Response:
        return _response(HEALTHY if loading.model else loading.absence)

    @app.post("/invocations")
    def invocations() -> Response:
        if loading.model is None:
            return _response(loading.absence)
        return _response(respond(_request(max_body_mb * BYTES_PER_MB), loading.model))

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> Response:
        return _refusal(app, error, max_body_mb)

    @app.errorhandler(Exception)
    def fail(_: Exception) -> Response:
        identifier = uuid.uuid4().hex
        logger.exception("%s %s failed, id %s", request.method, request.path, identifier)
        return _response(failure(identifier))

    return app


def _request(max_body_bytes: int) -> Request:
    environ = request.environ
    body = _body(environ, max_body_bytes)
    return Request(body, environ.get("CONTENT_TYPE", ""), environ.get("HTTP_ACCEPT", ""))


def _body(environ: Mapping[str, Any], max_bytes: int) -> bytes:
    """Return the whole body, or raise.

    Flask's `get_data` would return the part that has arrived when a client breaks off, and the first `max_bytes` of a
    longer body that comes in chunks: rows would be scored as if they were all.

    Raises
    ------
    RequestEntityTooLarge, ClientDisconnected
    """
    length, stream = environ.get("CONTENT_LENGTH", ""), environ["wsgi.input"]
    announced = int(length) if length.isdecimal() and "HTTP_TRANSFER_ENCODING" not in environ else None
    body: bytes = stream.read(max_bytes + 1 if announced is None else min(announced, max_bytes + 1))
    if len(body) > max_bytes:
        _discard(stream, at_most=BODIES_DISCARDED * max_bytes)
        raise RequestEntityTooLarge
    if announced is not None and len(body) < announced:
        raise ClientDisconnected
    return body


def _discard(stream: BinaryIO, *, at_most: int) -> None:
    """Read on and forget: many clients send all before they read, and would see a closed connection, not the answer."""
    while at_most > 0 and (block := stream.read(BYTES_PER_MB)):
        at_most -= len(block)


def _response(reply: Reply) -> Response:
    response = Response(reply.body, reply.status, mimetype=reply.media_type)
    if reply.retry_seconds is not None:
        response.headers["Retry-After"] = str(reply.retry_seconds)
    return response


def _refusal(app: Flask, error: HTTPException, max_body_mb: int) -> Response:
    """Return the JSON form of an error of Flask's own, with the headers that belong to it, such as Allow."""
    response = _response(_reply(app, error, max_body_mb))
    for name, value in error.get_headers():
        if name != "Content-Type":
            response.headers[name] = value
    return response


def _reply(app: Flask, error: HTTPException, max_body_mb: int) -> Reply:
    paths = sorted(rule.rule for rule in app.url_map.iter_rules())
    match error.code:
        case 404:
            return fault(
                404, f"There is no {request.path}", expected=" or ".join(paths), remedy="Correct the path of the URL."
            )
        case 405:
            allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
            got = f"{request.path} does not take {request.method}"
            return fault(405, got, expected=allowed, remedy="Use one of these methods.")
        case 413:
            return too_large(max_body_mb)
        case code:
            return fault(
                code or 400,
                f"The request cannot be handled ({error.name})",
                expected="a complete HTTP request",
                remedy="Correct the request and send it again.",
            )
