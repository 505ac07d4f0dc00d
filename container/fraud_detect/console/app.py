"""The console as a Flask application.

Knows every part of the console. Never knows the environment, processes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from flask import Flask, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from gunicorn.http.errors import ParseException
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from werkzeug.exceptions import HTTPException

from fraud_detect import __version__
from fraud_detect.artifact import bundle
from fraud_detect.artifact.examples import examples_of
from fraud_detect.console import access, pages, security
from fraud_detect.console.accounts import audit_views, own_views, people_views, token_views
from fraud_detect.console.accounts import views as accounts
from fraud_detect.console.api import views as api
from fraud_detect.console.calls import customer_views as my_calls
from fraud_detect.console.calls import views as calls
from fraud_detect.console.context import EXTENSION, Console
from fraud_detect.console.desk import views as desk
from fraud_detect.console.endpoint import Endpoint, EndpointError, Unreachable
from fraud_detect.console.files import views as files
from fraud_detect.console.keys import COOKIES, derived
from fraud_detect.console.limits import BODY_BYTES, seconds_to_wait
from fraud_detect.console.long_names import breakable
from fraud_detect.console.report import views as report
from fraud_detect.console.requests_log import request_id
from fraud_detect.console.row_numbers import RowNumber
from fraud_detect.console.said import NO_ANSWER
from fraud_detect.console.score import views as score
from fraud_detect.console.settings import Clock, Settings, utc_now
from fraud_detect.console.storage.database import Database
from fraud_detect.errors import UserError

BLUEPRINTS = (
    pages.blueprint,
    api.blueprint,
    accounts.blueprint,
    own_views.blueprint,
    people_views.blueprint,
    token_views.blueprint,
    audit_views.blueprint,
    score.blueprint,
    desk.blueprint,
    files.blueprint,
    report.blueprint,
    calls.blueprint,
    my_calls.blueprint,
)
COOKIE = "fraud_detect_console"
HTTPS_COOKIE = f"__Host-{COOKIE}"
"""Browsers take a cookie of this prefix by HTTPS only, and from no other host of the domain (RFC 6265bis, 4.1.3.2)."""

logger = logging.getLogger(__name__)


def create_app(
    settings: Settings, endpoint: Endpoint, *, desk_endpoint: Endpoint | None = None, clock: Clock = utc_now
) -> Flask:
    """Return the application over the model of `settings`, which `endpoint` serves; its tables are brought up to date.

    `desk_endpoint` is the same one opened once more: the desk's transactions then wait for no turn behind other rows.

    Raises
    ------
    ArtifactError
        If there is no manifest in the model folder, or its examples are damaged.
    SettingError
        If the database is none.
    """
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=derived(settings.secret_key, COOKIES),
        SESSION_COOKIE_NAME=HTTPS_COOKIE if settings.behind_https else COOKIE,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.behind_https,
        MAX_CONTENT_LENGTH=BODY_BYTES,
        WTF_CSRF_CHECK_DEFAULT=False,  # `security` checks, where it is not a program that sends
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session, which ends by itself
        RATELIMIT_ENABLED=settings.rate_limits,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.url_map.converters["int"] = RowNumber
    app.jinja_env.filters["breakable"] = breakable
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    database = Database(settings.database_url)
    database.migrate()
    artifact = bundle.read(settings.model_folder)
    app.extensions[EXTENSION] = Console(
        settings=settings,
        database=database,
        endpoint=endpoint,
        desk_endpoint=desk_endpoint or endpoint,
        manifest=artifact.manifest,
        examples=examples_of(artifact),
        sealed=settings.sealed,
        clock=clock,
    )
    security.protect(app, behind_https=settings.behind_https)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.context_processor(
        lambda: {
            "caller": access.the_caller(),
            "may": access.may,
            "navigation": pages.NAVIGATION,
            "version": __version__,
        }
    )
    _add_errors(app)
    access.check_all_views(app)
    return app


def _add_errors(app: Flask) -> None:
    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> ResponseReturnValue:
        return _said(error.name, error.description or "", error.code or 500, _told_beside(error))

    @app.errorhandler(RateLimitExceeded)
    def too_many(error: RateLimitExceeded) -> ResponseReturnValue:
        seconds = seconds_to_wait()
        text = f"More requests came than {error.description}. Wait {seconds} seconds, then try again."
        return _said("Too many requests", text, 429, {"Retry-After": str(seconds)})

    @app.errorhandler(UserError)
    def users_fault(error: UserError) -> ResponseReturnValue:
        return _said("That does not work", str(error), 400)

    @app.errorhandler(ParseException)
    def no_chunks(_: ParseException) -> ResponseReturnValue:
        text = "The body's chunks are broken; expected chunks as HTTP/1.1 has them. Use an HTTP library."
        return _said("That does not work", text, 400)

    @app.errorhandler(EndpointError)
    def endpoint(error: EndpointError) -> ResponseReturnValue:
        logger.error("%s", error, extra={"fields": {"path": request.path}})
        return _said("The model does not answer", NO_ANSWER, 503 if isinstance(error, Unreachable) else 502)

    @app.errorhandler(DataError)
    def no_data(_: DataError) -> ResponseReturnValue:
        return _said("That does not work", "The request holds a character or number that no database keeps.", 400)

    @app.errorhandler(OperationalError)
    @app.errorhandler(NoConnectionFree)
    def no_database(_: OperationalError | NoConnectionFree) -> ResponseReturnValue:
        logger.exception("the database does not answer", extra={"fields": {"id": request_id()}})
        text = f"The console cannot reach its database. Try again in a while; the log says more under {request_id()}."
        return _said("Out of order", text, 503, {"Retry-After": "10"})

    @app.errorhandler(Exception)
    def bug(_: Exception) -> ResponseReturnValue:
        fields = {"id": request_id(), "path": request.path}
        logger.exception("Bug in fraud-detect; please report it", extra={"fields": fields})
        return _said("Something went wrong", f"This is our fault. The log says more under the id {request_id()}.", 500)


def _told_beside(error: HTTPException) -> dict[str, str]:
    """Return the headers that belong to an error, such as Allow to 405."""
    return {name: value for name, value in error.get_headers() if name != "Content-Type"}


def _said(title: str, text: str, status: int, headers: Mapping[str, str] | None = None) -> ResponseReturnValue:
    if request.path.startswith(access.API) or request.accept_mimetypes.best == "application/json":
        return jsonify(error=title, message=text), status, dict(headers or {})
    return render_template("error.html", title=title, text=text), status, dict(headers or {})
