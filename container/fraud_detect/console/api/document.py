"""The whole description of the console's API.

Knows the parts that have one. Never knows Flask.
"""

from __future__ import annotations

import json
from typing import Any

from fraud_detect import __version__
from fraud_detect.console.access import API
from fraud_detect.console.api.description import JSON, STATUSES, Node, Part, a_list, an_object, json_of, operation, ref
from fraud_detect.console.desk.described import DESK
from fraud_detect.console.score.api import SCORE
from fraud_detect.console.score.api import features_of as score_features_of
from fraud_detect.schema import Schema

OPENAPI = "3.1.0"
DESCRIPTION_PATH = f"{API}openapi.json"
_TEXT: Node = {"type": "string"}

ITSELF = Part(
    "description",
    "What there is.",
    {
        DESCRIPTION_PATH: {
            "get": operation("api.openapi", "Describe this API.", answer=json_of({"type": "object"})),
        }
    },
    {
        "Error": an_object(
            {
                "error": {**_TEXT, "description": "What kind of error it is."},
                "message": {**_TEXT, "description": "What was wrong and what to do, for people."},
                "fields": {
                    "type": "object",
                    "additionalProperties": _TEXT,
                    "description": "What is wrong with each field, by its name.",
                },
                "rows": a_list(
                    an_object(
                        {
                            "row": {"type": "integer", "minimum": 1, "description": "Counted from 1."},
                            "fields": {"type": "object", "additionalProperties": _TEXT},
                        }
                    ),
                    description="The rows that something is wrong with, where several were sent.",
                ),
            },
            required=("error", "message"),
        )
    },
)
PARTS: tuple[Part, ...] = (SCORE, DESK, ITSELF)
"""In the order of the page."""


def document(schema: Schema | None = None) -> dict[str, Any]:
    """Return the description as plain JSON; with the columns of the model of `schema`, if there is one."""
    paths = {path: _tagged(part.tag, item) for part in PARTS for path, item in part.paths.items()}
    schemas = {name: node for part in PARTS for name, node in part.schemas.items()}
    if schema is not None:
        schemas |= score_features_of(schema)
    return {
        "openapi": OPENAPI,
        "info": {"title": "fraud-detect console", "version": __version__, "description": _INTRODUCTION},
        "servers": [{"url": "/"}],
        "tags": [{"name": part.tag, "description": part.meaning} for part in PARTS],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {f"status_{status}": _error(meaning) for status, meaning in STATUSES.items()},
            "securitySchemes": _SECURITY,
        },
    }


def as_json() -> str:
    """Return the description, of no model in particular, as the text of a JSON file."""
    return json.dumps(document(), indent=2) + "\n"


_INTRODUCTION = (
    "What programs can ask the console. A program shows an API token, which an administrator makes on the page of "
    f"accounts: `Authorization: Bearer TOKEN`. Bodies are `{JSON}`; every error is JSON of one shape."
)
_SECURITY: Node = {
    "token": {"type": "http", "scheme": "bearer", "description": "Of a program."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "fraud_detect_console",
        "description": "Of a browser, which has to send the form token as the header `X-CSRFToken`, too.",
    },
}


def _tagged(tag: str, item: Any) -> Node:
    return {method: {**told, "tags": [tag]} for method, told in item.items()}


def _error(meaning: str) -> Node:
    return {"description": meaning, "content": json_of(ref("schemas", "Error"))}
