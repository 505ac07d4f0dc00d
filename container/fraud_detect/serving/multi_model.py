"""The endpoint over many models as a Flask application: SageMaker's routes to load, list, unload and invoke them.

The routes are those of https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html.

Knows Flask. Never knows processes, codecs, where the loaded models are noted.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from flask import Flask, Response, request
from werkzeug.routing import BaseConverter

from fraud_detect.codecs.media_types import JSON
from fraud_detect.errors import BadRequest
from fraud_detect.serving.app import (
    BYTES_PER_MB,
    HEALTHY,
    bare_app,
    manner_of,
    read_request,
    response_of,
)
from fraud_detect.serving.body import read_body
from fraud_detect.serving.metrics import Metrics
from fraud_detect.serving.models import Limits, Models
from fraud_detect.serving.open_models import OpenModels
from fraud_detect.serving.registry import FOLDER, Entry, Registry
from fraud_detect.serving.reply import Reply
from fraud_detect.serving.respond import respond
from fraud_detect.serving.routes import INVOKE, MODEL, MODELS, PING
from fraud_detect.serving.settings import Settings

LONGEST_NAME_BYTES = 1024
"""SageMaker's limit for TargetModel; three times as many in percent encoding fit into a line of a request."""
LIMIT, TOKEN = "limit", "next_page_token"
LOADED_KEYS = ("model_name", "url")


class ModelName(BaseConverter):
    """A name in a path: anything, slashes too."""

    regex = ".+?"
    part_isolating = False


def open_models(settings: Settings, folder: Path) -> Models:
    """Return the models of a server, noted in the run folder `folder`; one worker calls this once, after its fork."""
    registry = Registry(folder / FOLDER)
    opened = OpenModels(registry)
    opened.watch()
    budget_bytes = settings.multi_model_memory_mb * BYTES_PER_MB
    return Models(registry, opened, Limits(settings.workers, budget_bytes, settings.timeout_seconds / 2))


def create_multi_model_app(
    models: Models, settings: Settings, metrics: Metrics, *, logs_requests: bool = False
) -> Flask:
    """Return the application over `models`; `logs_requests` where nobody in front of it does."""
    app = bare_app(settings, metrics, logs_requests=logs_requests)
    app.url_map.converters["default"] = ModelName
    app.url_map.merge_slashes = False
    manner, max_bytes = manner_of(settings), settings.max_body_mb * BYTES_PER_MB

    @app.get(PING)
    def ping() -> Response:
        return response_of(HEALTHY)

    @app.post(INVOKE)
    def invoke(name: str) -> Response:
        environ = request.environ
        asked = read_request(environ, max_bytes)
        opened = models.get(name, now_ns=time.time_ns())  # kept until the answer: its lease says that it is in use
        return response_of(respond(asked, opened.model, manner), environ)

    @app.post(MODELS)
    def load() -> Response:
        name, url = read_load(read_body(request.environ, max_bytes))
        return response_of(_told(models.load(name, url, now_ns=time.time_ns())))

    @app.get(MODELS)
    def listed() -> Response:
        return response_of(page(models.entries(), request.args))

    @app.get(MODEL)
    def found(name: str) -> Response:
        return response_of(_told(models.find(name)))

    @app.delete(MODEL)
    def unload(name: str) -> Response:
        return response_of(_told(models.unload(name)))

    return app


def read_load(body: bytes) -> tuple[str, str]:
    """Return the name and the url that a request to load a model gives; other keys are none of our business.

    Raises
    ------
    BadRequest
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _bad_load(f"The body is not JSON ({error})") from None
    values = [document.get(key) if isinstance(document, dict) else None for key in LOADED_KEYS]
    if wrong := [
        key for key, value in zip(LOADED_KEYS, values, strict=True) if not isinstance(value, str) or not value
    ]:
        raise _bad_load(f"The body has no text for {' and '.join(wrong)}")
    name, url = map(str, values)
    _check_name(name)
    return name, url


def page(entries: Sequence[Entry], query: Mapping[str, str]) -> Reply:
    """Return those of `entries`, sorted by name, that `limit` and `next_page_token` ask for; without them, all.

    Raises
    ------
    BadRequest
    """
    text = query.get(LIMIT)
    if text is not None and not (text.isascii() and text.isdigit() and int(text[:9])):
        raise BadRequest(
            f"{LIMIT} is '{text[:60]}'", expected="an integer from 1", remedy="Correct it, or leave it out for all."
        )
    left = [entry for entry in entries if entry.name > query.get(TOKEN, "")]
    shown = left[: int(text[:9])] if text else left
    said: dict[str, Any] = {"models": [_description(entry) for entry in shown]}
    if len(shown) < len(left):
        said["nextPageToken"] = shown[-1].name
    return Reply(200, orjson.dumps(said), JSON)


def _told(entry: Entry) -> Reply:
    return Reply(200, orjson.dumps(_description(entry)), JSON)


def _description(entry: Entry) -> Mapping[str, str]:
    return {"modelName": entry.name, "modelUrl": entry.url}


def _check_name(name: str) -> None:
    """Raise `BadRequest` for a name that no URL could hold: programs on the way would take parts of it for folders."""
    foldable = name.endswith("/") or {".", ".."}.intersection(name.split("/"))
    if len(name.encode()) > LONGEST_NAME_BYTES or not name.isprintable() or foldable:
        raise BadRequest(
            f"The model_name is '{name[:100]}'",
            expected=f"at most {LONGEST_NAME_BYTES} printable bytes; '.', '..' and slashes only within words",
            remedy="Choose another name.",
        )


def _bad_load(got: str) -> BadRequest:
    return BadRequest(
        got,
        expected='a JSON object such as {"model_name": "a", "url": "/opt/ml/models/a/model"}',
        remedy="Give both as texts that are not empty.",
    )
