"""The endpoint described in OpenAPI 3.1: paths, bodies, answers, errors.

Whatever is declared elsewhere (routes, media types, outputs, reasons, settings) is read from there; here stand the
words about it.

Knows the declared tables and OpenAPI's form. Never knows Flask, nginx, models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fraud_detect import __version__
from fraud_detect.codecs.media_types import CSV, JSON, JSON_LINES, PARQUET
from fraud_detect.codecs.table import ALIASES, READERS, WRITERS
from fraud_detect.serving import routes
from fraud_detect.serving.multi_model import LIMIT, TOKEN
from fraud_detect.serving.openapi_components import (
    CUSTOM_ATTRIBUTES,
    Node,
    components,
    default,
    json_content,
    ref,
    request_id,
)
from fraud_detect.serving.reply import NOT_HTTP
from fraud_detect.serving.respond import EXPLAIN
from fraud_detect.serving.settings import variables_of

OPENAPI = "3.1.0"
MODEL_TAG, OPERATIONS_TAG, MANY_TAG = "model", "operations", "many models"

ANYWHERE = (408, 413, 500, 503, *NOT_HTTP)
"""Statuses that any request can come to."""
OF_ROWS = (406, 415)
"""Statuses that only requests with rows come to."""


def document() -> dict[str, Any]:
    """Return the description as plain lists, dicts, texts and numbers, ready for JSON."""
    return {
        "openapi": OPENAPI,
        "info": {"title": "fraud-detect", "version": __version__, "description": _introduction()},
        "servers": [{"url": f"http://localhost:{default('port')}"}],
        "tags": [
            {"name": MODEL_TAG, "description": "A server of one model: scores for rows."},
            {"name": OPERATIONS_TAG, "description": "Every server: health, metrics, advice to batch transforms."},
            {
                "name": MANY_TAG,
                "description": f"A server of many models, where {variables_of('multi_model')[0]} is true. It has no "
                f"`{routes.INVOCATIONS}`.",
            },
        ],
        "paths": {
            _template(path): _path(path, methods)
            for path, methods in {**routes.ONE_MODEL, **routes.MANY_MODELS}.items()
        },
        "components": components(),
    }


def as_json() -> str:
    """Return the description as the text of a JSON file."""
    return json.dumps(document(), indent=2) + "\n"


def _introduction() -> str:
    return (
        "Fraud probabilities for rows of transactions, by the SageMaker container contract.\n\n"
        "Rows are matched to the model's columns by name where names are given, by position elsewhere; a row that does "
        "not fit is refused with a message that names it. Every error is JSON of one shape. Any other path is answered "
        "404, any other method 405 with the header Allow. A Content-Type may have the parameter `charset=utf-8`, that "
        f"of {CSV} also `header=present` or `header=absent`; without one, the body is {CSV}. Bodies are not compressed."
    )


def _template(path: str) -> str:
    """Return `path` as OpenAPI writes it: Flask's `<path:name>` is `{name}`."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)


def _path(path: str, methods: Sequence[str]) -> Node:
    operations = _operations()[path]
    described = {
        method.lower(): _without_bodies(operations["GET"]) if method == "HEAD" else operations[method]
        for method in methods
    }
    return {"parameters": [ref("parameters", "name")], **described} if "<" in path else described


def _without_bodies(operation: Node) -> Node:
    """Return what HEAD is, given what GET is."""
    responses = {
        status: {"description": "As for GET, without the body.", "headers": request_id()}
        for status in operation["responses"]
    }
    summary = f"{operation['summary']} Headers alone."
    return {
        **operation,
        "operationId": f"{operation['operationId']}_headers",
        "summary": summary,
        "responses": responses,
    }


def _operations() -> Mapping[str, Mapping[str, Node]]:
    execution_parameters = json_content(ref("schemas", "ExecutionParameters"))
    listed, one, load = (json_content(ref("schemas", name)) for name in ("Models", "Model", "ModelToLoad"))
    return {
        routes.PING: {"GET": _operation("ping", "Say whether the model is ready.", OPERATIONS_TAG, {})},
        routes.EXECUTION_PARAMETERS: {
            "GET": _operation(
                "execution_parameters", "Say what a batch transform should send.", OPERATIONS_TAG, execution_parameters
            )
        },
        routes.METRICS: {
            "GET": _operation(
                "metrics",
                "Give counts and times in Prometheus' text format.",
                OPERATIONS_TAG,
                {"text/plain": {"schema": {"type": "string"}}},
            )
        },
        routes.INVOCATIONS: {"POST": _scoring("invoke", MODEL_TAG, ())},
        routes.MODELS: {
            "GET": {
                **_operation("list_models", "List the models that are loaded, by name.", MANY_TAG, listed),
                "parameters": [ref("parameters", LIMIT), ref("parameters", TOKEN)],
            },
            "POST": {
                **_operation("load_model", "Load a model.", MANY_TAG, one, errors=(409, 415, 507)),
                "description": "Models that were used least recently are unloaded where memory is short.",
                "requestBody": {"required": True, "content": load},
            },
        },
        routes.MODEL: {
            "GET": _operation("show_model", "Say where a loaded model comes from.", MANY_TAG, one, errors=(404,)),
            "DELETE": _operation("unload_model", "Unload a model.", MANY_TAG, one, errors=(404,)),
        },
        routes.INVOKE: {"POST": _scoring("invoke_model", MANY_TAG, (404,))},
    }


def _operation(name: str, summary: str, tag: str, answer: Node, *, errors: Sequence[int] = ()) -> Node:
    responses = {str(status): ref("responses", f"status_{status}") for status in sorted((*ANYWHERE, *errors))}
    fine = {"description": "Done.", "headers": request_id(), **({"content": answer} if answer else {})}
    return {"operationId": name, "summary": summary, "tags": [tag], "responses": {"200": fine, **responses}}


def _scoring(name: str, tag: str, errors: Sequence[int]) -> Node:
    """Return the operation that scores rows."""
    content = {media_type: _answer(media_type) for media_type in WRITERS}
    operation = _operation(name, "Score rows.", tag, content, errors=(*OF_ROWS, *errors))
    attributes = {CUSTOM_ATTRIBUTES: ref("headers", "CustomAttributes")}
    operation["responses"]["200"] |= {
        "description": f"A value for each row of what {variables_of('outputs')[0]} names, in the order of the rows.",
        "headers": {**request_id(), **attributes},
    }
    return {
        **operation,
        "description": "The answer has the type that Accept prefers, or that of the request. "
        f"`Accept: {JSON};{EXPLAIN}=5` adds the five largest reasons to each row, where the model can explain itself.",
        "parameters": [ref("parameters", "accept"), ref("parameters", "custom_attributes")],
        "requestBody": {
            "required": True,
            "description": f"Rows, at most {default('max_body_mb')} MB unless {variables_of('max_body_mb')[0]} says "
            "otherwise.",
            "content": {alias: _rows(media_type) for alias, media_type in _types_read().items()},
        },
    }


def _types_read() -> Mapping[str, str]:
    """Return the media types of requests, each with the key of `READERS` that it means."""
    aliases = {alias: meant for alias, meant in ALIASES.items() if alias not in ("", "*/*") and meant in READERS}
    return {**{name: name for name in READERS}, **aliases}


def _rows(media_type: str) -> Node:
    """Return the content of a request body."""
    text = {"type": "string", "minLength": 1}
    contents: Mapping[str, Node] = {
        CSV: {
            "schema": {**text, "description": "A line for each row, in UTF-8; a header is optional."},
            "examples": _examples("csv", "csv_with_header"),
        },
        JSON: {"schema": ref("schemas", "Instances"), "examples": _examples("lists", "objects")},
        JSON_LINES: {
            "schema": {**text, "description": "A list or an object a line, all of one sort."},
            "examples": _examples("lines_of_lists", "lines_of_objects"),
        },
        PARQUET: {
            "schema": {"contentMediaType": PARQUET, "description": "A file with a column for each feature, by name."}
        },
    }
    return contents[media_type]


def _answer(media_type: str) -> Node:
    """Return the content of an answer."""
    contents: Mapping[str, Node] = {
        CSV: {"schema": {"type": "string", "description": "A line for each row, without a header; lists as JSON."}},
        JSON: {"schema": ref("schemas", "Predictions")},
        JSON_LINES: {"schema": {"type": "string", "description": "An object a line, as in `predictions`."}},
    }
    return contents[media_type]


def _examples(*names: str) -> Node:
    return {name: ref("examples", name) for name in names}
