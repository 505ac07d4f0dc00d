"""Transactions as senders write them, read into what is scored and what is kept beside it.

Knows JSON's values and the model's columns. Never knows Flask, the database, scores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from fraud_detect.console.desk.columns import AMOUNT, CUSTOMER, KEY, OCCURRED_AT, Columns
from fraud_detect.errors import UserError
from fraud_detect.schema import Schema, parse_number

MOST_TRANSACTIONS = 1_000
MOST_CONTEXT_BYTES = 8_192
LONGEST_TEXT, LONGEST_CELL = 128, 1_000
YEARS = range(1900, 9999)
"""Of times: others are senders' marks for none, and some of them lie beyond what every time zone can say."""
MANY = "transactions"


class TransactionRefused(UserError):
    """A transaction is not one; the message says which and why."""


@dataclass(frozen=True)
class Transaction:
    """What a sender said: `features` are the model's, `context` is the rest, `key` is the sender's own name of it."""

    features: Mapping[str, Any]
    context: Mapping[str, Any]
    key: str | None = None
    customer: str | None = None
    amount: float | None = None
    occurred_at: datetime | None = None


def read(body: object, columns: Columns) -> Sequence[Transaction]:
    """Return the transactions of a parsed JSON body: one object, or an object with the list `transactions`.

    Raises
    ------
    TransactionRefused, BadRequest
        Naming the row, from 1, and the field.
    """
    found = [_one(row, f"Row {number}", columns) for number, row in enumerate(_rows(body), start=1)]
    _check([one.features for one in found], columns.schema)
    return found


def _check(rows: Sequence[Mapping[str, Any]], schema: Schema) -> None:
    """Raise for the first row that the model would refuse: those that are scored together with it would be, too."""
    for number, row in enumerate(rows, start=1):
        if lacking := [column for column in schema.columns if column.name not in row]:
            raise TransactionRefused(
                f"Row {number}, column '{lacking[0].name}': got nothing",
                expected=lacking[0].expectation(),
                remedy="Send every feature of the model.",
            )
    schema.encode([[row[name] for name in schema.names] for row in rows], range(schema.width))


def _rows(body: object) -> Sequence[object]:
    if not isinstance(body, dict):
        raise TransactionRefused(
            f"The body is JSON's {_kind(body)}",
            expected=f"an object: a transaction, or a list of them under `{MANY}`",
            remedy="Send the columns by name.",
        )
    if MANY not in body:
        return [body]
    rows = body[MANY]
    if not isinstance(rows, list) or len(body) > 1 or not 1 <= len(rows) <= MOST_TRANSACTIONS:
        got = f"{len(rows)} rows" if isinstance(rows, list) else _kind(rows)
        raise TransactionRefused(
            f"`{MANY}` has {got}{' and names beside it' if len(body) > 1 else ''}",
            expected=f"a list of 1 to {MOST_TRANSACTIONS:,} objects, and nothing beside it",
            remedy="Send more in several requests.",
        )
    return rows


def _one(row: object, where: str, columns: Columns) -> Transaction:
    if not isinstance(row, dict):
        raise TransactionRefused(
            f"{where} is JSON's {_kind(row)}", expected="an object", remedy="Send the columns by name."
        )
    features = {name: row[name] for name in columns.features if name in row}
    return Transaction(
        features=_flat(features, where),
        context=_context(row, features, where, columns),
        key=_text(row, (KEY,), where, columns),
        customer=_text(row, columns.customer, where, columns),
        amount=_amount(row, where, columns),
        occurred_at=_time(row, where, columns),
    )


def _flat(features: Mapping[str, object], where: str) -> Mapping[str, Any]:
    for name, value in features.items():
        if isinstance(value, (dict, list)):
            raise _wrong(where, name, value, "a number, text, true, false or null")
        if isinstance(value, str) and len(value) > LONGEST_CELL:
            raise _wrong(where, name, value, f"{LONGEST_CELL:,} characters at most")
    return features


def _context(
    row: Mapping[str, object], features: Mapping[str, object], where: str, columns: Columns
) -> Mapping[str, Any]:
    """Return what is neither a feature nor read into a field of its own; the label is not kept, for people make it."""
    plain = {name for name in (KEY, CUSTOMER, AMOUNT, OCCURRED_AT) if name not in columns.kept}
    left_out = {*features, *plain, columns.label}
    context = {name: value for name, value in row.items() if name not in left_out}
    try:
        size = len(orjson.dumps(context))
    except orjson.JSONEncodeError:
        raise TransactionRefused(
            f"{where} has lists in lists, or objects in objects, too deep to keep",
            expected="some levels at most",
            remedy="Send what an analyst needs to see.",
        ) from None
    if size > MOST_CONTEXT_BYTES:
        raise TransactionRefused(
            f"{where} has {size:,} bytes beside the model's features",
            expected=f"{MOST_CONTEXT_BYTES:,} at most",
            remedy="Send what an analyst needs to see.",
        )
    return context


def _text(row: Mapping[str, object], names: Sequence[str], where: str, columns: Columns) -> str | None:
    name = _first(row, names)
    value = None if name is None or (name == KEY and KEY in columns.features) else row[name]
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise _wrong(where, str(name), value, "text or a number")
    text = _written(value)
    if len(text) > LONGEST_TEXT or "\0" in text:
        raise _wrong(where, str(name), value, f"1 to {LONGEST_TEXT} characters")
    return text


def _written(value: float | str) -> str:
    """Return a name as text; a number that a table's reader made of 4711 is 4711 and not 4711.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _amount(row: Mapping[str, object], where: str, columns: Columns) -> float | None:
    name = _first(row, columns.amount)
    value = None if name is None else row[name]
    if value is None or value == "":
        return None
    number = parse_number(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, (int, float)) or math.isinf(number):
        raise _wrong(where, str(name), value, "a finite number")
    return None if math.isnan(number) else float(number)


def _time(row: Mapping[str, object], where: str, columns: Columns) -> datetime | None:
    """Return when it happened; the model's own column may count seconds of its own, which say no time."""
    name = _first(row, columns.time)
    value = None if name is None else row[name]
    if value is None or value == "":
        return None
    moment = _moment(value)
    if moment is None and name == OCCURRED_AT:
        raise _wrong(where, name, value, "a time by ISO 8601, of the years 1900 to 9998")
    return moment


def _moment(value: object) -> datetime | None:
    """Return the time that a text says; without a zone it is in UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        at = (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at.year in YEARS else None


def _first(row: Mapping[str, object], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in row), None)


def _wrong(where: str, name: str, value: object, expected: str) -> TransactionRefused:
    return TransactionRefused(
        f"{where}, column '{name}': got {_shown(value)}", expected=expected, remedy="Correct the value."
    )


def _shown(value: object) -> str:
    """Return a cell as people see it; lists and objects by their kind, for they may be deeper than `str` can go."""
    return f"JSON's {_kind(value)}" if isinstance(value, (dict, list)) else repr(str(value)[:60])


_KINDS = {dict: "object", list: "list", str: "text", bool: "true or false", type(None): "null"}


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "number")
