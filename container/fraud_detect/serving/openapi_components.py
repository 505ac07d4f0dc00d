"""What the description of the endpoint refers to: shapes of JSON, errors, headers, examples.

Knows the declared tables and OpenAPI's form. Never knows paths, nginx, models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fraud_detect.codecs.json import KEYS
from fraud_detect.codecs.media_types import CSV, JSON
from fraud_detect.explain.reasons import LOWERS, RAISES
from fraud_detect.serving.app import LONGEST_ATTRIBUTES
from fraud_detect.serving.error_rows import ERROR
from fraud_detect.serving.execution import BATCH_BODY_MB, MOST_MB_AT_ONCE
from fraud_detect.serving.multi_model import LIMIT, LONGEST_NAME_BYTES, TOKEN
from fraud_detect.serving.outputs import OUTPUTS
from fraud_detect.serving.reply import NOT_HTTP
from fraud_detect.serving.respond import EXPLAIN, MOST_REASONS
from fraud_detect.serving.settings import Settings, variables_of

Node = dict[str, Any]
"""A part of the document."""

CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
STATUSES: Mapping[int, str] = {
    **{status: f"{meaning}." for status, meaning in NOT_HTTP.items()},
    400: "The body does not fit its media type or the model's columns, or the request is not valid HTTP.",
    404: "There is no such path, or no model of that name.",
    405: "The path does not take this method.",
    406: "No type that the request accepts can be written, or the model cannot explain its scores.",
    408: "The request did not arrive in time.",
    409: "A model of that name is loaded already.",
    413: "The body is larger than {limit} MB ({variable}), or has more rows to explain than a request may have.",
    415: "The body's media type, charset or compression cannot be read.",
    500: "A fault of the server; its log says more under `id`.",
    503: "No model is loaded yet, or there are more requests than can wait.",
    507: "The model does not fit into memory, nor would it after unloading others.",
}
"""What each status of an error means."""

EXAMPLE_COLUMNS = ("Time", "V1", "Amount")
EXAMPLE_ROWS = ((9954.0, -0.05, 186.96), (73522.0, -0.667, 25.15))


def components() -> Node:
    """Return everything that can be referred to, by kind and name."""
    return {
        "schemas": _schemas(),
        "responses": {f"status_{status}": _error(status) for status in sorted(STATUSES)},
        "parameters": _parameters(),
        "headers": _headers(),
        "examples": {name: {"value": value} for name, value in examples().items()},
    }


def examples() -> Mapping[str, Any]:
    """Return bodies, by name, for a model of the numbers `EXAMPLE_COLUMNS`."""
    objects = [dict(zip(EXAMPLE_COLUMNS, row, strict=True)) for row in EXAMPLE_ROWS]
    lines = "".join(",".join(map(str, row)) + "\n" for row in EXAMPLE_ROWS)
    return {
        "csv": lines,
        "csv_with_header": ",".join(EXAMPLE_COLUMNS) + "\n" + lines,
        "lists": {"instances": [list(row) for row in EXAMPLE_ROWS]},
        "objects": {"instances": objects},
        "lines_of_lists": "".join(f"[{', '.join(map(str, row))}]\n" for row in EXAMPLE_ROWS),
        "lines_of_objects": "".join(
            "{" + ", ".join(f'"{name}": {value}' for name, value in row.items()) + "}\n" for row in objects
        ),
    }


def _schemas() -> Node:
    """Return the shapes of JSON."""
    rows = {"oneOf": [_list(ref("schemas", "RowAsList")), _list(ref("schemas", "RowAsObject"))]}
    text = {"type": "string"}
    return {
        "Error": _object(
            {
                "error": {**text, "description": "What was got."},
                "expected": {**text, "description": "What should have been there."},
                "remedy": {**text, "description": "What to do."},
                "id": {**text, "description": "Of a fault of the server: what its log says it under."},
            },
            required=("error", "expected", "remedy"),
        ),
        "Instances": {"oneOf": [_object({key: rows}, required=(key,)) for key in KEYS]},
        "RowAsList": _list(ref("schemas", "Cell")),
        "RowAsObject": {"type": "object", "minProperties": 1, "additionalProperties": ref("schemas", "Cell")},
        "Cell": {"type": ["number", "string", "boolean", "null"]},
        "Predictions": _object(
            {"predictions": _list({"anyOf": [ref("schemas", "Prediction"), ref("schemas", "ErrorRow")]})},
            required=("predictions",),
        ),
        "Prediction": {**_object(_prediction()), "minProperties": 1},
        "ErrorRow": {
            "type": "object",
            "description": f"A row that cannot be scored, in a batch transform with {variables_of('error_rows')[0]}.",
            "minProperties": 1,
            "additionalProperties": {"enum": [ERROR, None]},
        },
        "Reason": _object(_reason(), required=("feature", "value", "contribution", "direction")),
        "ExecutionParameters": _execution_parameters(),
        **_models(),
    }


def _models() -> Node:
    """Return the shapes of requests and answers about models by name."""
    name = {"type": "string", "minLength": 1, "description": f"At most {LONGEST_NAME_BYTES} printable bytes."}
    url = {"type": "string", "minLength": 1, "description": "The absolute path of the folder with the model's files."}
    model = _object({"modelName": name, "modelUrl": url}, required=("modelName", "modelUrl"))
    more = {"type": "string", "description": f"What to send as `{TOKEN}` for more; absent on the last page."}
    return {
        "ModelToLoad": {
            "type": "object",
            "description": "Other keys are passed over.",
            "properties": {"model_name": name, "url": url},
            "required": ["model_name", "url"],
        },
        "Model": model,
        "Models": _object(
            {"models": {"type": "array", "items": ref("schemas", "Model")}, "nextPageToken": more},
            required=("models",),
        ),
    }


def _prediction() -> Mapping[str, Node]:
    """Return the keys of an answer: those of `OUTPUTS`, and what comes with reasons."""
    label, log_odds = {"type": ["integer", "boolean", "string"]}, {"type": "number", "description": "Log-odds."}
    probability = {"type": "number", "minimum": 0, "maximum": 1}
    pair = {"type": "array", "minItems": 2, "maxItems": 2, "description": "The class that is no fraud first."}
    said: Mapping[str, Node] = {
        "predicted_label": {**label, "description": "Fraud where the probability reaches the model's threshold."},
        "probability": {**probability, "description": "Of fraud."},
        "probabilities": {**pair, "items": probability},
        "labels": {**pair, "items": label},
        "raw_score": {**log_odds, "description": "Log-odds of fraud before calibration."},
        "reasons": {
            "type": "array",
            "maxItems": MOST_REASONS,
            "items": ref("schemas", "Reason"),
            "description": "The largest contributions to `raw_score`, the largest first.",
        },
    }
    with_reasons = {
        "base_value": {**log_odds, "description": "`raw_score` without any feature."},
        "other_contributions": {**log_odds, "description": "The sum of those not among `reasons`."},
    }
    return {**{key: said[key] for key in OUTPUTS}, **with_reasons}


def _reason() -> Mapping[str, Node]:
    return {
        "feature": {"type": "string"},
        "value": {"type": ["number", "boolean", "string", "null"], "description": "As in the row; null if missing."},
        "contribution": {"type": "number", "description": "Log-odds; positive for fraud."},
        "direction": {"enum": [RAISES, LOWERS]},
        "text": {"type": "string", "description": "The feature in words, where the model has reason codes."},
    }


def _execution_parameters() -> Node:
    known: Mapping[str, Node] = {
        "MaxConcurrentTransforms": {"type": "integer", "minimum": 1, "maximum": MOST_MB_AT_ONCE},
        "BatchStrategy": {"enum": ["MULTI_RECORD", "SINGLE_RECORD"]},
        "MaxPayloadInMB": {"type": "integer", "minimum": 1, "maximum": BATCH_BODY_MB},
    }
    return _object(known, required=tuple(known))


def _parameters() -> Node:
    """Return what requests may carry in headers and paths."""
    accept = f"Media types that the answer may have. With `;{EXPLAIN}=` and 1 to {MOST_REASONS}: reasons."
    return {
        "name": {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}},
        LIMIT: {
            "name": LIMIT,
            "in": "query",
            "description": "Models on a page; without it, all.",
            "schema": {"type": "integer", "minimum": 1},
        },
        TOKEN: {"name": TOKEN, "in": "query", "schema": {"type": "string"}},
        "accept": {
            "name": "Accept",
            "in": "header",
            "description": accept,
            "schema": {"type": "string"},
            "examples": {
                "any": {"value": "*/*"},
                "csv": {"value": CSV},
                "with_reasons": {"value": f"{JSON};{EXPLAIN}=5"},
            },
        },
        "custom_attributes": {
            "name": CUSTOM_ATTRIBUTES,
            "in": "header",
            "description": "Given back in the answer.",
            "schema": {"type": "string", "maxLength": LONGEST_ATTRIBUTES, "pattern": "^[ -~]*$"},
        },
    }


def _headers() -> Node:
    return {
        "RequestId": {"description": "Names the request in the log.", "schema": {"type": "string"}},
        "RetryAfter": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 0}},
        "Allow": {"description": "The methods that the path takes.", "schema": {"type": "string"}},
        "CustomAttributes": {"description": "Those of the request.", "schema": {"type": "string"}},
    }


def _error(status: int) -> Node:
    own = {503: {"Retry-After": ref("headers", "RetryAfter")}, 405: {"Allow": ref("headers", "Allow")}}
    meaning = STATUSES[status].format(limit=default("max_body_mb"), variable=variables_of("max_body_mb")[0])
    headers = {**request_id(), **own.get(status, {})}
    return {"description": meaning, "headers": headers, "content": json_content(ref("schemas", "Error"))}


def request_id() -> Node:
    """Return the headers that every answer behind nginx has."""
    return {"X-Request-Id": ref("headers", "RequestId")}


def default(setting: str) -> object:
    """Return the default of a setting."""
    return Settings.model_fields[setting].default


def _object(properties: Mapping[str, Node], *, required: Sequence[str] = ()) -> Node:
    said = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {**said, "required": list(required)} if required else said


def _list(items: Node) -> Node:
    return {"type": "array", "minItems": 1, "items": items}


def json_content(schema: Node) -> Node:
    """Return the content of a body of JSON."""
    return {JSON: {"schema": schema}}


def ref(kind: str, name: str) -> Node:
    """Return a reference to the component `name` of a kind."""
    return {"$ref": f"#/components/{kind}/{name}"}
