"""Request bodies made of the lines of a CSV table.

Knows the media types and their syntax. Never knows servers, wrk, the model.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"


@dataclass(frozen=True)
class Body:
    """What is posted: `rows` rows in `content`."""

    content_type: str
    content: bytes
    rows: int
    accept: str = ""


@dataclass(frozen=True)
class Table:
    """Names of the columns, and lines of plain numbers under them."""

    names: Sequence[str]
    lines: Sequence[str]


def csv(table: Table, rows: int) -> Body:
    """Return `rows` lines; the table is repeated where it is shorter."""
    return _body(CSV, "\n".join(_cycled(table, rows)) + "\n", rows)


def json_lists(table: Table, rows: int) -> Body:
    """Return `{"instances": [[...], ...]}`."""
    return _body(JSON, '{"instances":[' + ",".join(f"[{line}]" for line in _cycled(table, rows)) + "]}", rows)


def json_records(table: Table, rows: int) -> Body:
    """Return `{"instances": [{"name": ...}, ...]}`."""
    return _body(JSON, '{"instances":[' + ",".join(_records(table, rows)) + "]}", rows)


def json_lines(table: Table, rows: int) -> Body:
    """Return one object a line."""
    return _body(JSON_LINES, "\n".join(_records(table, rows)) + "\n", rows)


FORMS: Mapping[str, Callable[[Table, int], Body]] = {
    "CSV rows": csv,
    "JSON lists": json_lists,
    "JSON records": json_records,
    "JSON Lines": json_lines,
}


def filled(form: Callable[[Table, int], Body], table: Table, most_bytes: int) -> Body:
    """Return the largest body of whole rows in `form` that is not longer than `most_bytes`, or a few rows less."""
    sample = len(table.lines)
    rows = most_bytes * sample // len(form(table, sample).content)
    body = form(table, rows)
    while len(body.content) > most_bytes:
        rows -= 1 + (len(body.content) - most_bytes) * rows // len(body.content)
        body = form(table, rows)
    return body


def one_digit(table: Table) -> Table:
    """Return rows of one-digit numbers under the same names: a body of them holds the most cells a byte."""
    row = ",".join(str(place % 10) for place in range(len(table.names)))
    return Table(table.names, [row] * 1000)


def _cycled(table: Table, rows: int) -> list[str]:
    return list(itertools.islice(itertools.cycle(table.lines), rows))


def _records(table: Table, rows: int) -> list[str]:
    names = [f"{json.dumps(name)}:" for name in table.names]
    records = ["{" + ",".join(map("".join, zip(names, line.split(","), strict=True))) + "}" for line in table.lines]
    return _cycled(Table(table.names, records), rows)


def _body(content_type: str, text: str, rows: int) -> Body:
    return Body(content_type, text.encode(), rows)
