"""The endpoint as a Flask application: routes in front of `respond`, and JSON for every error.

Knows Flask. Never knows processes, codecs, how a model is loaded.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from fraud_detect.codecs.media_types import CSV
from fraud_detect.errors import BadRequest, RequestError
from fraud_detect.serving.body import read_body
from fraud_detect.serving.execution import execution_parameters
from fraud_detect.serving.loading import Loading
from fraud_detect.serving.metrics import MEDIA_TYPE, Metrics
from fraud_detect.serving.observe import TALLY, observe, request_id
from fraud_detect.serving.reply import Reply, failure, fault, not_found, refusal, too_large, wrong_method
from fraud_detect.serving.respond import Manner, Request, respond
from fraud_detect.serving.routes import EXECUTION_PARAMETERS, INVOCATIONS, METRICS, PING
from fraud_detect.serving.settings import Settings

logger = logging.getLogger(__name__)
BYTES_PER_MB = 1 << 20
HEALTHY = Reply(200, b"", "text/plain")
CUSTOM_ATTRIBUTES = "HTTP_X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES"
LONGEST_ATTRIBUTES = 1024
CONTENT_TYPES = {name: f"{name}; charset=utf-8" for name in (CSV, "text/plain")}


def create_app(loading: Loading, settings: Settings, metrics: Metrics, *, logs_requests: bool = False) -> Flask:
    """Return the application over the model of `loading`; `logs_requests` where nobody in front of it does."""
    app = bare_app(settings, metrics, logs_requests=logs_requests)
    manner, max_bytes = manner_of(settings), settings.max_body_mb * BYTES_PER_MB

    @app.get(PING)
    def ping() -> Response:
        return response_of(HEALTHY if loading.model else loading.absence)

    @app.post(INVOCATIONS)
    def invocations() -> Response:
        if loading.model is None:
            return response_of(loading.absence)
        environ = request.environ
        return response_of(respond(read_request(environ, max_bytes), loading.model, manner), environ)

    return app


def bare_app(settings: Settings, metrics: Metrics, *, logs_requests: bool) -> Flask:
    """Return an application with what every server has, whatever its models."""
    app = Flask(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    observe(app, metrics, logs_requests=logs_requests)
    add_errors(app, settings.max_body_mb)
    add_operations(app, settings, metrics)
    return app


def manner_of(settings: Settings) -> Manner:
    """Return how a server with these settings answers."""
    return Manner(
        outputs=settings.outputs,
        default_accept=settings.default_accept,
        reasons=settings.reasons,
        max_explained_rows=settings.max_explained_rows,
        line_end=settings.batch,
        error_rows=settings.batch and settings.error_rows,
    )


def add_operations(app: Flask, settings: Settings, metrics: Metrics) -> None:
    """Add the routes that tell of the server itself."""
    parameters = execution_parameters(settings)

    @app.get(EXECUTION_PARAMETERS)
    def execution() -> Response:
        return response_of(parameters)

    @app.get(METRICS)
    def metrics_page() -> Response:
        return Response(metrics.exposition(), content_type=MEDIA_TYPE)


def add_errors(app: Flask, max_body_mb: int) -> None:
    """Let the application answer every error in JSON."""

    @app.errorhandler(RequestError)
    def refuse_request(error: RequestError) -> Response:
        return response_of(refusal(error))

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> Response:
        return _refusal(app, error, max_body_mb)

    @app.errorhandler(Exception)
    def fail(error: Exception) -> Response:
        identifier = request_id(request.environ)
        trace = "".join(traceback.format_tb(error.__traceback__))  # without the error's text, which may hold a value
        fault = f"{trace}{type(error).__name__}"
        logger.error("%s %s failed, id %s\n%s", request.method, request.path, identifier, fault)
        return response_of(failure(identifier))


def read_request(environ: Mapping[str, Any], max_body_bytes: int) -> Request:
    """Return the request of a WSGI environment, its body whole."""
    body = read_body(environ, max_body_bytes)  # before anything is refused: nginx takes a body left unread for a crash
    if CUSTOM_ATTRIBUTES in environ:
        _check_attributes(environ[CUSTOM_ATTRIBUTES])
    return Request(body, environ.get("CONTENT_TYPE", ""), environ.get("HTTP_ACCEPT", ""))


def _check_attributes(text: str) -> None:
    if len(text) > LONGEST_ATTRIBUTES or not (text.isascii() and text.isprintable()):
        raise BadRequest(
            "X-Amzn-SageMaker-Custom-Attributes is too long or holds other characters than ASCII",
            expected=f"at most {LONGEST_ATTRIBUTES} printable ASCII characters",
            remedy="Shorten or encode the attributes.",
        )


def response_of(reply: Reply, environ: MutableMapping[str, Any] | None = None) -> Response:
    """Return `reply` as Flask sends it; one with scores needs the request's environment, and has its attributes."""
    body = [reply.body, *reply.rest] if reply.rest else reply.body
    response = Response(body, reply.status, content_type=CONTENT_TYPES.get(reply.media_type, reply.media_type))
    if reply.retry_seconds is not None:
        response.headers["Retry-After"] = str(reply.retry_seconds)
    if environ is not None and reply.tally is not None:
        environ[TALLY] = reply.tally
        if CUSTOM_ATTRIBUTES in environ:
            response.headers["X-Amzn-SageMaker-Custom-Attributes"] = environ[CUSTOM_ATTRIBUTES]
    return response


def _refusal(app: Flask, error: HTTPException, max_body_mb: int) -> Response:
    """Return the JSON form of an error of Flask's own, with the headers that belong to it, such as Allow."""
    response = response_of(_reply(app, error, max_body_mb))
    for name, value in error.get_headers():
        if name != "Content-Type":
            response.headers[name] = value
    return response


def _reply(app: Flask, error: HTTPException, max_body_mb: int) -> Reply:
    paths = sorted({rule.rule for rule in app.url_map.iter_rules()})
    match error.code:
        case 404:
            return not_found(request.path, paths)
        case 405:
            return wrong_method(request.path, request.method, sorted(getattr(error, "valid_methods", None) or ()))
        case 413:
            return too_large(max_body_mb)
        case code:
            return fault(
                code or 400,
                f"The request cannot be handled ({error.name})",
                expected="a complete HTTP request",
                remedy="Correct the request and send it again.",
            )
