"""What a part of the console says of its API, and the words for it in OpenAPI 3.1.

A part has a module `api.py` with a `Part`, which `api/document.py` lists.

Knows OpenAPI's form and who may see what. Never knows paths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fraud_detect.console import access

Node = dict[str, Any]
"""A part of the document."""
JSON = "application/json"

ANYWHERE = (401, 403, 429, 500)
"""Statuses that every path can come to."""
OF_BODIES = (400, 413, 415)
"""Statuses that paths with a body can come to."""
OF_ENDPOINT = (502, 503)
"""Statuses of paths that score."""
STATUSES: Mapping[int, str] = {
    400: "The request does not fit what is described here; the message says where.",
    401: "The request does not say who sends it.",
    403: "The role of the caller may not do this.",
    404: "There is no such thing.",
    409: "It is not in a state in which this can be done.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    429: "Too many requests in a minute.",
    500: "A fault of the console; its log says more under the id in the message.",
    502: "The model's endpoint answered something that is of no use.",
    503: "The model's endpoint does not answer.",
    504: "It was begun and takes too long; it may have been done.",
}
"""What each status of an error means."""


@dataclass(frozen=True)
class Part:
    """A part's API: `paths` with the operations of each by method, and the `schemas` that they refer to by name."""

    tag: str
    meaning: str
    paths: Mapping[str, Mapping[str, Node]]
    schemas: Mapping[str, Node] = field(default_factory=dict)


def operation(
    view: str,
    summary: str,
    *,
    answer: Node | None = None,
    answers: Mapping[int, Node] | None = None,
    body: Node | None = None,
    parameters: Sequence[Node] = (),
    errors: Sequence[int] = (),
    description: str = "",
) -> Node:
    """Return the operation of a `view`, which `access.ACCESS` knows; `answer` and `body` are contents by media type.

    `answers` are those of other statuses than 200. `errors` are statuses beside those that every path can come to, and
    every path with a body.
    """
    fine = {**({} if answer is None else {200: answer}), **(answers or {})}
    statuses = sorted({*ANYWHERE, *(OF_BODIES if body is not None else ()), *errors})
    told: Node = {
        "operationId": view.replace(".", "_"),
        "summary": summary,
        "description": " ".join(filter(None, (description, _roles(view)))),
        "responses": {
            **{str(status): {"description": "Done.", "content": content} for status, content in fine.items()},
            **{str(status): ref("responses", f"status_{status}") for status in statuses},
        },
    }
    if parameters:
        told["parameters"] = list(parameters)
    if body is not None:
        told["requestBody"] = {"required": True, "content": body}
    return told


def _roles(view: str) -> str:
    return f"Roles: {', '.join(sorted(access.ACCESS[view]))}."


def ref(kind: str, name: str) -> Node:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def json_of(schema: Node, example: Any = None) -> Node:
    """Return JSON of `schema` as content."""
    return {JSON: {"schema": schema} if example is None else {"schema": schema, "example": example}}


def an_object(properties: Mapping[str, Node], *, required: Sequence[str] | None = None, **more: Any) -> Node:
    """Return an object of `properties` and no others, all of them required if no others are named."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties if required is None else required),
        "additionalProperties": False,
        **more,
    }


def a_list(of: Node, **more: Any) -> Node:
    """Return a list."""
    return {"type": "array", "items": of, **more}


def a_parameter(name: str, schema: Node, description: str = "", *, where: str = "query") -> Node:
    """Return a parameter of the query string, or of the path, which is always there."""
    told: Node = {"name": name, "in": where, "required": where == "path", "schema": schema}
    return {**told, "description": description} if description else told


def or_null(schema: Node) -> Node:
    """Return `schema`, of one type, or null."""
    return {**schema, "type": [schema["type"], "null"]}
