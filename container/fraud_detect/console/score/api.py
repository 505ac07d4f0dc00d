"""The API that scores, in OpenAPI's words.

Knows OpenAPI's form and the schema. Never knows Flask, the endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fraud_detect.console.access import API
from fraud_detect.console.api.description import OF_ENDPOINT, Node, Part, a_list, an_object, json_of, operation, ref
from fraud_detect.schema import FLOAT32_LIMIT, MISSING, Column, ColumnKind, Schema

PATH = f"{API}score"
MOST_ROWS, MOST_REASONS, USUAL_REASONS = 1_000, 50, 5
_LABEL: Node = {"type": ["integer", "boolean", "string"], "description": "As the training table wrote it."}
_LOG_ODDS: Node = {"type": ["number", "null"], "description": "In log-odds; null without reasons."}
_PROBABILITY: Node = {"type": "number", "minimum": 0, "maximum": 1}
_REASONS: Node = {
    "type": "integer",
    "minimum": 0,
    "maximum": MOST_REASONS,
    "default": USUAL_REASONS,
    "description": "How many reasons to give at most.",
}
_SCORE: Mapping[str, Node] = {
    "probability": {**_PROBABILITY, "description": "Of fraud."},
    "label": _LABEL,
    "verdict": {"enum": ["fraud", "legitimate"], "description": "Fraud where the probability reaches the threshold."},
    "reasons": a_list(ref("schemas", "Reason"), description="The largest first; none where the model cannot explain."),
    "raw_score": _LOG_ODDS,
    "base_value": _LOG_ODDS,
    "other_contributions": _LOG_ODDS,
}
_THRESHOLD: Node = {
    "type": "number",
    "minimum": 0,
    "description": "The probability from which a row counts as fraud. Above 1, none does.",
}
_EXAMPLE: Node = {"features": {"Time": 9954, "V1": -0.05, "Amount": 186.96}, "reasons": 3}

SCORE = Part(
    "score",
    "Score rows now; nothing is kept of them.",
    {
        PATH: {
            "post": operation(
                "score.api",
                "Score a row, or several.",
                description="Nothing is kept. A row has every feature of the model by its name.",
                body=json_of({"oneOf": [ref("schemas", "OneRow"), ref("schemas", "SeveralRows")]}, _EXAMPLE),
                answer=json_of({"oneOf": [ref("schemas", "Scored"), ref("schemas", "ScoredRows")]}),
                errors=OF_ENDPOINT,
            )
        }
    },
    {
        "Features": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": ["number", "string", "boolean", "null"]},
            "description": "A value for each feature of the model by its name; null where it is missing.",
        },
        "OneRow": an_object({"features": ref("schemas", "Features"), "reasons": _REASONS}, required=("features",)),
        "SeveralRows": an_object(
            {"rows": a_list(ref("schemas", "Features"), minItems=1, maxItems=MOST_ROWS), "reasons": _REASONS},
            required=("rows",),
        ),
        "Reason": an_object(
            {
                "feature": {"type": "string"},
                "value": {"type": ["number", "string", "boolean", "null"], "description": "Null where it is missing."},
                "contribution": {"type": "number", "description": "In log-odds, positive towards fraud."},
                "towards": {"enum": ["fraud", "legitimate"]},
                "text": {"type": "string", "description": "The reason code of the feature, or its name without one."},
            }
        ),
        "Scored": an_object({**_SCORE, "threshold": _THRESHOLD}),
        "ScoredRows": an_object({"rows": a_list(an_object(_SCORE)), "threshold": _THRESHOLD}),
    },
)


def features_of(schema: Schema) -> Mapping[str, Node]:
    """Return `Features` of the model of `schema`: the schemas that take the place of those of any model."""
    columns = {column.name: _column(column) for column in schema.columns}
    return {"Features": an_object(columns, description="A value for each feature; null where it is missing.")}


def _column(column: Column) -> Node:
    fitting = _CELLS[column.kind](column)
    if column.missing_allowed:
        fitting.append({"enum": [None, *MISSING]})
    return {"anyOf": fitting, "description": column.expectation()}


def _categories(column: Column) -> list[Node]:
    listed: list[Node] = [{"enum": list(column.categories)}]
    numbers = [int(text) for text in column.categories if text == str(_integer(text))]
    if numbers:
        listed.append({"enum": numbers, "type": "integer"})
    if column.unseen_as_missing:
        listed.append({"type": ["string", "integer"], "description": "One that is not listed counts as missing."})
    return listed


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


_CELLS: Mapping[ColumnKind, Callable[[Column], list[Node]]] = {
    ColumnKind.NUMBER: lambda _: [
        {"type": "number", "exclusiveMinimum": -FLOAT32_LIMIT, "exclusiveMaximum": FLOAT32_LIMIT},
        {"type": "string", "pattern": r"^[+-]?[0-9]{1,30}(\.[0-9]{1,30})?$"},
    ],
    ColumnKind.FLAG: lambda _: [
        {"enum": [True, False, 0, 1]},
        {"type": "string", "pattern": "^([tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|0|1)$"},
    ],
    ColumnKind.CATEGORY: _categories,
}
"""What a cell that is not missing may be, as `Schema` reads it."""
