"""The desk's API in OpenAPI's words.

Knows OpenAPI's form and the desk's tables of states and limits. Never knows Flask, SQL.
"""

from __future__ import annotations

from collections.abc import Mapping

from fraud_detect.console.access import API
from fraud_detect.console.api.description import (
    Node,
    Part,
    a_list,
    a_parameter,
    an_object,
    json_of,
    operation,
    or_null,
    ref,
)
from fraud_detect.console.desk.columns import AMOUNT, CUSTOMER, KEY, OCCURRED_AT
from fraud_detect.console.desk.decisions import DECIDABLE
from fraud_detect.console.desk.listing import STATES
from fraud_detect.console.desk.transactions import LONGEST_TEXT, MANY, MOST_TRANSACTIONS
from fraud_detect.console.storage.tables import CaseState

_TEXT: Node = {"type": "string"}
_NUMBER: Node = {"type": "number"}
_ID: Node = {"type": "integer", "minimum": 1}
_TIME: Node = {"type": "string", "format": "date-time"}
_STATE: Node = {"enum": list(map(str, CaseState))}
_CELL: Node = {"type": ["number", "string", "boolean", "null"]}
_SCORED: Mapping[str, Node] = {
    "id": _ID,
    "probability": {"type": "number", "minimum": 0, "maximum": 1},
    "alert": {"type": "boolean"},
    "expected_loss": {**_NUMBER, "description": "Probability times amount; the probability where there is no amount."},
    "state": _STATE,
    "case": {**_TEXT, "description": "Path of its page."},
}
_CASE: Mapping[str, Node] = {
    **_SCORED,
    "key": or_null(_TEXT),
    "customer": or_null(_TEXT),
    "amount": or_null(_NUMBER),
    "received_at": _TIME,
    "occurred_at": or_null(_TIME),
}
_ANYTHING: Node = {"type": "object", "additionalProperties": True}
_FILTERS = (
    a_parameter("state", {"enum": list(map(str, STATES)), "default": str(CaseState.OPEN)}),
    a_parameter("customer", _TEXT),
    a_parameter("least", _NUMBER, "The least amount."),
    a_parameter("most", _NUMBER, "The largest amount."),
    a_parameter("since", _TEXT, "A time by ISO 8601; without a zone it is in UTC."),
    a_parameter("until", _TEXT, "A time by ISO 8601; without a zone it is in UTC."),
    a_parameter("words", _TEXT),
    a_parameter("page", {"type": "integer", "minimum": 1, "default": 1}),
)
_CASE_NUMBER = a_parameter("number", _ID, where="path")

DESK = Part(
    "desk",
    "Transactions come in, are scored and kept as cases; people decide about them.",
    {
        f"{API}transactions": {
            "post": operation(
                "desk.transactions_in",
                "Score transactions and keep them as cases, all or none.",
                description="They are on the disk when the answer comes. One that was sent before under the same "
                f"`{KEY}` is answered with its case and 200. After 503 nothing is filed. After 504 it may have "
                f"been filed, or will be: send it again with the same `{KEY}`.",
                body=json_of({"oneOf": [ref("schemas", "Transaction"), ref("schemas", "Transactions")]}),
                answer=json_of(ref("schemas", "Filed")),
                answers={201: json_of({"oneOf": [ref("schemas", "Filed"), ref("schemas", "FiledTransactions")]})},
                errors=(409, 503, 504),
            )
        },
        f"{API}cases": {
            "get": operation(
                "desk.cases",
                "List cases by expected loss.",
                parameters=_FILTERS,
                answer=json_of(
                    an_object({"cases": a_list(ref("schemas", "Case")), "page": _ID, "more": {"type": "boolean"}})
                ),
                errors=(400,),
            )
        },
        f"{API}cases/{{number}}": {
            "get": operation(
                "desk.case_json",
                "Give all that is known about a case.",
                parameters=(_CASE_NUMBER,),
                answer=json_of(ref("schemas", "WholeCase")),
                errors=(404,),
            )
        },
        f"{API}cases/{{number}}/decision": {
            "post": operation(
                "desk.decision_json",
                "Decide about a case.",
                parameters=(_CASE_NUMBER,),
                body=json_of(ref("schemas", "Decision"), {"state": str(CaseState.CONFIRMED), "seen": 0}),
                answers={201: json_of(ref("schemas", "Decided"))},
                errors=(404, 409),
            )
        },
    },
    {
        "Transaction": {
            "type": "object",
            "description": "The model's features by name, and beside them what analysts need to see. "
            "The model's own columns of customer, amount and time, where it has them, stand for those named here.",
            "properties": {
                KEY: {
                    "type": ["string", "number", "null"],
                    "description": f"The sender's own name of it, up to {LONGEST_TEXT} characters.",
                },
                CUSTOMER: {"type": ["string", "number", "null"]},
                AMOUNT: {"type": ["number", "string", "null"]},
                OCCURRED_AT: {"type": ["string", "number", "null"], "description": "A time by ISO 8601."},
            },
            "not": {"required": [MANY]},
            "additionalProperties": True,
        },
        "Transactions": an_object(
            {MANY: a_list(ref("schemas", "Transaction"), minItems=1, maxItems=MOST_TRANSACTIONS)}
        ),
        "Filed": an_object(_SCORED),
        "FiledTransactions": an_object({MANY: a_list(ref("schemas", "Filed"))}),
        "Case": an_object(_CASE),
        "WholeCase": an_object(
            {
                **_CASE,
                "features": _ANYTHING,
                "context": _ANYTHING,
                "reasons": a_list(ref("schemas", "CaseReason")),
                "threshold": _NUMBER,
                "model": {**_TEXT, "description": "sha256 of the model's training data."},
                "decisions": a_list(ref("schemas", "Decided")),
                "notes": a_list(an_object({"text": _TEXT, "at": _TIME, "by": _TEXT})),
            }
        ),
        "CaseReason": an_object({"feature": _TEXT, "value": _CELL, "contribution": _NUMBER, "text": _TEXT}),
        "Decision": {
            "type": "object",
            "properties": {
                "state": {"enum": list(map(str, DECIDABLE))},
                "seen": {
                    "type": "integer",
                    "default": 0,
                    "description": "Id of the last decision that you know, 0 for none: if there is another one, 409.",
                },
            },
            "required": ["state"],
        },
        "Decided": an_object({"id": _ID, "state": _TEXT, "at": _TIME, "by": _TEXT}),
    },
)
