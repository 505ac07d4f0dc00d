"""Read and write `application/json` and `application/jsonlines`.

Rows are lists in the schema's order or objects by name, all of one sort in a request. Large bodies are parsed in
blocks of rows, since a parsed row takes many times the memory of its text.

Knows bytes and JSON values. Never knows Flask, the model.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from fraud_detect.codecs.records import BYTES_PER_BLOCK, joined, line_blocks, no_rows
from fraud_detect.errors import BadRequest
from fraud_detect.schema import Float32Matrix, Schema

KEYS = ("instances", "inputs")
SHAPE = '{"instances": [[1.5, ...], ...]} or {"instances": [{"name": 1.5, ...}, ...]}'
_SORTS: Mapping[type, str] = {
    dict: "an object",
    list: "a list",
    str: "text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}
_OPENING = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*("(?:[^"\\]|\\.){0,60}")[ \t\r\n]*:[ \t\r\n]*\[[ \t\r\n]*')
_CLOSING = re.compile(rb"[ \t\r\n]*\][ \t\r\n]*\}[ \t\r\n]*\Z")
_SEPARATOR = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")
_ENDS_OF_ROWS = {b"[": b"]", b"{": b"}"}
LONGEST_CLOSING = 1000
ENDS_TRIED = 100
BYTES_PER_NAME = 1000
"""How long a cell and its name may be on average, in a body that is read in blocks."""
LINE_SHAPE = 'one list or one object a line, such as {"name": 1.5, ...}'


def decode(body: bytes, schema: Schema, _: Mapping[str, str]) -> Float32Matrix:
    """Return the rows under `instances` (or `inputs`) of a JSON body, float32, shape (n, schema.width).

    Raises
    ------
    BadRequest
        If it is not JSON, has another shape, mixes rows of different sorts or columns, or does not fit the schema.
    PayloadTooLarge
        If a large body has more than `records.MOST_ROWS` rows.
    """
    if len(body) > BYTES_PER_BLOCK:
        return _joined(_blocks_of_rows(body, schema), schema, body)
    return _matrix(_rows_of(_parse(body, "The body", SHAPE)), schema, body, names_around=1)


def _rows_of(document: Any) -> list[Any]:
    """Return the rows of a document that has the right shape around them."""
    rows = next((document[key] for key in KEYS if key in document), None) if isinstance(document, dict) else None
    if not isinstance(rows, list) or len(document) != 1:
        raise BadRequest(
            f"The body is JSON but {_shape_of(document)}",
            expected=SHAPE,
            remedy="Put the rows under the one key `instances`.",
        )
    return rows


def _blocks_of_rows(body: bytes, schema: Schema) -> Iterator[tuple[list[Any], bytes]]:
    """Yield the rows of a large body in blocks, each with its text.

    A block ends where a row may end. Where that was a bracket within text, it does not parse, and is tried with a few
    of the next ones.
    """
    opening, closing = _OPENING.match(body), _CLOSING.search(body, max(0, len(body) - LONGEST_CLOSING))
    if opening is None or closing is None or _parse(opening[1], "The body", SHAPE) not in KEYS:
        raise _other_shape()
    start, last = opening.end(), closing.start()
    end_of_row = _ENDS_OF_ROWS.get(body[start : start + 1])
    if end_of_row is None:
        raise _other_shape() if start < last else no_rows()
    longest = BYTES_PER_BLOCK + BYTES_PER_NAME * len(schema.known_names)
    while start < last:
        rows, text, end = _block(body, start, last, end_of_row, longest)
        yield rows, text
        separator = _SEPARATOR.match(body, end, last)
        start = last if separator is None else separator.end()
        if (separator is None and end < last) or (separator is not None and start == last):
            raise _not_json("The body", "rows are not separated by single commas", SHAPE)


def _other_shape() -> BadRequest:
    return BadRequest(
        "The body is JSON of another shape, or none", expected=SHAPE, remedy="Put the rows under `instances` alone."
    )


def _block(body: bytes, start: int, last: int, end_of_row: bytes, longest: int) -> tuple[list[Any], bytes, int]:
    """Return the rows from `start` on, their text as a JSON list, and where they end: before `last`."""
    end, error = start + BYTES_PER_BLOCK, ""
    for _ in range(ENDS_TRIED):
        end = body.find(end_of_row, end, last) + 1 or last
        if end - start > longest:
            raise BadRequest(
                f"A row takes more than {BYTES_PER_NAME} bytes a column",
                expected=f"{SHAPE}, with rows as long as those of training",
                remedy="Send the columns of the model only.",
            )
        text = b"[%b]" % body[start:end]
        try:
            rows: list[Any] = orjson.loads(text)
        except orjson.JSONDecodeError as fault:
            error = str(fault)
        else:
            return rows, text, end
        if end == last:
            break
    raise _not_json("The body", error, SHAPE)


def decode_lines(body: bytes, schema: Schema, _: Mapping[str, str]) -> Float32Matrix:
    """Return the rows of a JSON Lines body; empty lines are skipped. Raises as `decode` does."""
    if len(body) <= BYTES_PER_BLOCK:
        return _matrix(_parse_lines(body, 1), schema, body, names_around=0)
    return _joined(_parsed_blocks(body), schema, body)


def _parsed_blocks(body: bytes) -> Iterator[tuple[list[Any], bytes]]:
    """Yield the rows of blocks of lines, each with its text."""
    first = 1
    for block in line_blocks(body):
        rows = _parse_lines(block, first)
        if rows:
            yield rows, block
        first += len(rows)


def _parse_lines(text: bytes, first: int) -> list[Any]:
    lines = [line for line in text.split(b"\n") if line.strip()]
    return [_parse(line, f"Line {number}", LINE_SHAPE) for number, line in enumerate(lines, start=first)]


def _parse(text: bytes, what: str, expected: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _not_json(what, str(error), expected) from None


def _not_json(what: str, error: str, expected: str) -> BadRequest:
    return BadRequest(f"{what} is not JSON ({error})", expected=expected, remedy="Write it with a JSON library.")


def _shape_of(document: object) -> str:
    if isinstance(document, dict):
        return f"has the keys {', '.join([key[:60] for key in list(document)[:4]]) or 'of an empty object'}"
    return f"is {_SORTS[type(document)]}"


def _joined(blocks: Iterable[tuple[list[Any], bytes]], schema: Schema, body: bytes) -> Float32Matrix:
    """Return the matrix of blocks of rows, each with its text; the first row of all says what the others are like."""
    first: Any = None

    def matrices() -> Iterator[Float32Matrix]:
        nonlocal first
        row = 1
        for rows, text in blocks:
            first = rows[0] if first is None else first
            yield _matrix(rows, schema, text, names_around=0, like=first, first_row=row)
            row += len(rows)

    return joined(matrices(), body)


def _matrix(
    rows: list[Any], schema: Schema, text: bytes, *, names_around: int, like: Any = None, first_row: int = 1
) -> Float32Matrix:
    """Return the matrix of `rows`, which `text` spells with so many names outside of them.

    `like` is the first row of the request, where that is not among these `rows`.
    """
    if not rows:
        raise no_rows()
    like = rows[0] if like is None else like
    if isinstance(like, dict):
        return _from_objects(rows, schema, text, names_around, like, first_row)
    if text.count(b":") > names_around:
        _refuse_repeated_names(text)
    return _from_lists(rows, schema, first_row)


def _from_lists(rows: list[Any], schema: Schema, first_row: int) -> Float32Matrix:
    width = schema.width
    for number, row in enumerate(rows, start=first_row):
        if type(row) is not list:
            raise BadRequest(
                f"Row {number} is {_SORTS[type(row)]}",
                expected="a list of values in every row",
                remedy="Send every row in the same form.",
            )
        if len(row) != width:
            schema.check_width(len(row))
    return schema.encode(rows, range(width), first_row=first_row)


def _from_objects(
    rows: list[Any], schema: Schema, text: bytes, names_around: int, like: dict[str, Any], first_row: int
) -> Float32Matrix:
    names = tuple(like)
    for number, row in enumerate(rows, start=first_row):
        if row is not like and (type(row) is not dict or row.keys() != like.keys()):
            raise BadRequest(
                f"Row {number} differs in form or names from the first row",
                expected=f"an object with the names {', '.join(names[:8])}" + (", ..." if len(names) > 8 else ""),
                remedy="Send every row as an object with the same names.",
            )
    if text.count(b":") > len(rows) * len(names) + names_around:  # else the parser dropped no name
        _refuse_repeated_names(text)
    schema.positions(names)
    wanted = schema.names
    cells = [[row[name] for name in wanted] for row in rows]
    return schema.encode(cells, range(schema.width), first_row=first_row)


def _refuse_repeated_names(body: bytes) -> None:
    """Raise if an object holds a name twice, of which the parser keeps the last without a word."""
    for line in body.split(b"\n") if _is_lines(body) else [body]:
        if line.strip():
            json.loads(line, object_pairs_hook=_unique_names)


def _is_lines(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return True
    return False


def _unique_names(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        raise _twice(Counter(name for name, _ in pairs).most_common(1)[0][0])
    return unique


def _twice(name: str) -> BadRequest:
    return BadRequest(f"An object has '{name[:60]}' twice", expected="each name once", remedy="Send each name once.")


def encode(columns: Mapping[str, Sequence[object]]) -> bytes:
    """Return `{"predictions": [{key: value, ...}, ...]}`, one object per row."""
    return orjson.dumps({"predictions": list(_objects(columns))})


def join(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the documents that `encode` made for some rows each as pieces of the one that it would make for all."""
    opening, closing = b'{"predictions":[', b"]}"
    before = opening
    for part in parts:
        yield before + part[len(opening) : -len(closing)]
        before = b","
    yield closing


def encode_lines(columns: Mapping[str, Sequence[object]]) -> bytes:
    """Return one JSON object per row, each on a line of its own."""
    lines = bytearray()  # joined as they come: each result holds on to more than its own size
    for row in _objects(columns):
        lines += orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    return bytes(lines)


def _objects(columns: Mapping[str, Sequence[object]]) -> Iterator[dict[str, object]]:
    return (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
