"""The console as a Flask application.

Knows every part of the console. Never knows the environment, processes.
"""

from __future__ import annotations

import logging
import uuid

from flask import Flask, Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from fraud_detect import __version__
from fraud_detect.artifact import bundle
from fraud_detect.artifact.examples import examples_of
from fraud_detect.console import access, pages, security
from fraud_detect.console.accounts import views as accounts
from fraud_detect.console.api import views as api
from fraud_detect.console.calls import customer_views as my_calls
from fraud_detect.console.calls import views as calls
from fraud_detect.console.context import EXTENSION, Console
from fraud_detect.console.desk import views as desk
from fraud_detect.console.endpoint import Endpoint, EndpointError, Unreachable
from fraud_detect.console.files import views as files
from fraud_detect.console.keys import COOKIES, Sealed, derived
from fraud_detect.console.report import views as report
from fraud_detect.console.said import NO_ANSWER
from fraud_detect.console.score import views as score
from fraud_detect.console.settings import Clock, Settings, utc_now
from fraud_detect.console.storage.database import Database
from fraud_detect.errors import UserError

BLUEPRINTS = (
    pages.blueprint,
    api.blueprint,
    accounts.blueprint,
    score.blueprint,
    desk.blueprint,
    files.blueprint,
    report.blueprint,
    calls.blueprint,
    my_calls.blueprint,
)
SMALLEST_LIMIT_BYTES = 1 << 20

logger = logging.getLogger(__name__)


def create_app(settings: Settings, endpoint: Endpoint, *, clock: Clock = utc_now) -> Flask:
    """Return the application over the model of `settings`, which `endpoint` serves; its tables are brought up to date.

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
        SESSION_COOKIE_NAME="fraud_detect_console",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.behind_https,
        MAX_CONTENT_LENGTH=SMALLEST_LIMIT_BYTES,
        WTF_CSRF_CHECK_DEFAULT=False,  # `security` checks, where it is not a program that sends
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session, which ends by itself
        RATELIMIT_ENABLED=settings.rate_limits,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    database = Database(settings.database_url)
    database.migrate()
    artifact = bundle.read(settings.model_folder)
    app.extensions[EXTENSION] = Console(
        settings=settings,
        database=database,
        endpoint=endpoint,
        manifest=artifact.manifest,
        examples=examples_of(artifact),
        sealed=Sealed(settings.secret_key),
        clock=clock,
    )
    security.protect(app)
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
        return _said(error.name, error.description or "", error.code or 500)

    @app.errorhandler(UserError)
    def users_fault(error: UserError) -> ResponseReturnValue:
        return _said("That does not work", str(error), 400)

    @app.errorhandler(EndpointError)
    def endpoint(error: EndpointError) -> ResponseReturnValue:
        logger.error("%s", error, extra={"fields": {"path": request.path}})
        return _said("The model does not answer", NO_ANSWER, 503 if isinstance(error, Unreachable) else 502)

    @app.errorhandler(Exception)
    def bug(_: Exception) -> ResponseReturnValue:
        number = uuid.uuid4().hex
        logger.exception(
            "Bug in fraud-detect; please report it", extra={"fields": {"id": number, "path": request.path}}
        )
        return _said("Something went wrong", f"This is our fault. The log says more under the id {number}.", 500)


def _said(title: str, text: str, status: int) -> ResponseReturnValue:
    if request.path.startswith(access.API) or request.accept_mimetypes.best == "application/json":
        answer: Response = jsonify(error=title, message=text)
        return answer, status
    return render_template("error.html", title=title, text=text), status
