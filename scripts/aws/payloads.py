"""A table of any length as bodies that each fit into a request, and their answers as one.

Knows CSV, JSON and JSON Lines as the server reads and writes them. Never knows who is asked.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from faults import Fault

CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"
FORMS = {"csv": CSV, "json": JSON, "jsonlines": JSON_LINES}
AUTO, PRESENT, ABSENT = "auto", "present", "absent"
_KEYS = ("instances", "inputs")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PREDICTIONS = re.compile(rb'\s*\{\s*"predictions"\s*:\s*\[(.*)\]\s*\}\s*', re.DOTALL)


@dataclass(frozen=True)
class Limits:
    """What a request may hold; `rows` None stands for any number."""

    size: int
    rows: int | None


@dataclass(frozen=True)
class Body:
    """The body of a request; its rows are those from `first_row`, counted from 1, on."""

    content: bytes
    content_type: str
    first_row: int
    rows: int

    @property
    def place(self) -> str:
        """Which rows of the input they are."""
        return f"rows {self.first_row:,} to {self.first_row + self.rows - 1:,}"


@dataclass(frozen=True)
class Answer:
    """What came back for a body."""

    content: bytes
    content_type: str


def bodies(source: BinaryIO, form: str, limits: Limits, *, header: str) -> Iterator[Body]:
    """Yield the rows of `source`, in `form`, one of `FORMS`' values, in as few bodies as the limits allow.

    Raises
    ------
    Fault
        If a row does not fit into a request, or JSON is not rows under `instances` and has to be divided.
    """
    if form == JSON:
        yield from _json_bodies(source.read(), limits)
    elif form == JSON_LINES:
        yield from _joined(filter(bytes.strip, source), limits, JSON_LINES)
    else:
        yield from _csv_bodies(_records(source), limits, header)


def _csv_bodies(records: Iterator[bytes], limits: Limits, header: str) -> Iterator[Body]:
    first = next(records, b"").removeprefix(_BYTE_ORDER_MARK)
    named = header == PRESENT or (header == AUTO and _names_columns(first))
    declared = CSV if header == AUTO else f"{CSV}; header={header}"
    if not named:
        yield from _joined(_chain(first, records), limits, declared, several=f"{CSV}; header={ABSENT}")
        return
    first = first if first.endswith(b"\n") else first + b"\n"
    yield from _joined(records, limits, declared, before=first, several=f"{CSV}; header={PRESENT}")


def _chain(first: bytes, records: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from records


def _records(source: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of CSV, those together that a quoted line end belongs to."""
    kept: list[bytes] = []
    quotes = 0
    for line in source:
        quotes += line.count(b'"')
        kept.append(line)
        if quotes % 2 == 0:
            record = b"".join(kept)
            kept, quotes = [], 0
            if record.strip():
                yield record
    if kept:
        yield b"".join(kept)


def _names_columns(record: bytes) -> bool:
    """Return whether every cell of the first line is text."""
    row = next(csv.reader(io.StringIO(record.decode("utf-8", "replace"))), [])
    return bool(row) and not any(_is_number(cell) or not cell.strip() for cell in row)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _joined(
    rows: Iterable[bytes],
    limits: Limits,
    content_type: str,
    *,
    before: bytes = b"",
    several: str | None = None,
    between: bytes = b"",
    after: bytes = b"",
) -> Iterator[Body]:
    """Yield bodies of `rows`; `several` is their type if it takes more than one."""
    kept: list[bytes] = []
    size, first_row, kind = len(before) + len(after), 1, content_type
    for row in rows:
        longer = len(row) + len(between)
        if kept and (size + longer > limits.size or len(kept) == limits.rows):
            kind = several or content_type
            yield Body(before + between.join(kept) + after, kind, first_row, len(kept))
            first_row += len(kept)
            kept, size = [], len(before) + len(after)
        if size + longer > limits.size:
            raise _too_long(first_row + len(kept), size + longer, limits)
        kept.append(row)
        size += longer
    if kept or (before and first_row == 1):  # a header alone is sent too: the server says what is wrong with it
        yield Body(before + between.join(kept) + after, kind, first_row, len(kept))


def _too_long(row: int, size: int, limits: Limits) -> Fault:
    return Fault(
        f"Row {row:,} takes {size:,} bytes with what goes around it",
        expected=f"at most {limits.size:,}",
        remedy="Raise --max-mb (25 in real time, 4 serverless), or send fewer columns.",
    )


def _json_bodies(document: bytes, limits: Limits) -> Iterator[Body]:
    if len(document) <= limits.size and limits.rows is None:
        yield Body(document, JSON, 1, 1)
        return
    key, rows = _rows_of(document)
    texts = (json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() for row in rows)
    yield from _joined(texts, limits, JSON, before=b'{"%s":[' % key.encode(), between=b",", after=b"]}")


def _rows_of(document: bytes) -> tuple[str, list[object]]:
    try:
        found = json.loads(document)
    except ValueError as error:
        raise _other_shape(f"is not JSON ({error})") from error
    for key in _KEYS:
        if isinstance(found, dict) and list(found) == [key] and isinstance(found[key], list) and found[key]:
            return key, found[key]
    raise _other_shape("is of another shape")


def _other_shape(what: str) -> Fault:
    return Fault(
        f"The input has to be divided, and {what}",
        expected='{"instances": [...]}, with at least one row',
        remedy="Put the rows under `instances`, or send JSON Lines.",
    )


def joined(answers: Iterable[Answer]) -> Iterator[bytes]:
    """Yield the text of one answer to all rows: that of the answers one after another."""
    kind, number = "", 0
    for number, answer in enumerate(answers, start=1):
        kind = answer.content_type.partition(";")[0].strip()
        if kind == JSON:
            yield (b'{"predictions":[' if number == 1 else b",") + _predictions(answer.content)
        else:
            yield answer.content if answer.content.endswith(b"\n") else answer.content + b"\n"
    if number and kind == JSON:
        yield b"]}\n"


def _predictions(content: bytes) -> bytes:
    found = _PREDICTIONS.fullmatch(content)
    if found is None:
        raise Fault(
            f"The answer is {content[:60]!r}",
            expected='{"predictions": [...]}',
            remedy="Ask an endpoint that serves this project's image.",
        )
    return found[1]
