"""What a program asks: a row or several, and how many reasons.

Knows JSON and the limits. Never knows Flask, the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from fraud_detect.console.access import API
from fraud_detect.console.score.api import MOST_REASONS, MOST_ROWS, USUAL_REASONS
from fraud_detect.errors import BadRequest

FEATURES, ROWS, REASONS = "features", "rows", "reasons"


@dataclass(frozen=True)
class Question:
    """Rows to score; `is_single`: whether one was asked about alone, and is answered so."""

    rows: Sequence[Mapping[str, object]]
    reasons: int
    is_single: bool


def question_of(body: bytes) -> Question:
    """Return the question in `body`. Raises `BadRequest` if it is something else."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _bad(f"The body is no JSON ({error})") from None
    if not isinstance(document, dict) or (FEATURES in document) == (ROWS in document):
        raise _bad("The body has no question")
    if unknown := sorted(document.keys() - {FEATURES, ROWS, REASONS}):
        raise _bad(f"The body has the unknown key '{unknown[0][:60]}'")
    is_single = FEATURES in document
    rows = [document[FEATURES]] if is_single else document[ROWS]
    return Question(_rows(rows), _count(document.get(REASONS, USUAL_REASONS)), is_single)


def _rows(rows: Any) -> Sequence[Mapping[str, object]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _bad("A row is no object")
    if not 1 <= len(rows) <= MOST_ROWS:
        raise _bad(f"There are {len(rows)} rows")
    return rows


def _count(reasons: Any) -> int:
    if type(reasons) is not int or not 0 <= reasons <= MOST_REASONS:
        shown = "no number" if isinstance(reasons, dict | list) else repr(str(reasons)[:60])
        raise _bad(f"`{REASONS}` is {shown}")
    return reasons


def _bad(got: str) -> BadRequest:
    return BadRequest(got, expected=_EXPECTED, remedy=f"GET {API}openapi.json describes it.")


_EXPECTED = (
    f'{{"{FEATURES}": {{name: value}}}} or {{"{ROWS}": [{{name: value}}, ...]}} with 1 to {MOST_ROWS} rows, and '
    f'beside it "{REASONS}", 0 to {MOST_REASONS}, if need be'
)
