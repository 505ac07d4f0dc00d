"""Read and write `application/json` and `application/jsonlines`.

Rows are lists in the schema's order or objects by name, all of one sort in a request.

Knows bytes and JSON values. Never knows Flask, the model.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from fraud_detect.codecs.records import Cells, Records
from fraud_detect.errors import BadRequest
from fraud_detect.schema import Schema

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
LINE_SHAPE = 'one list or one object a line, such as {"name": 1.5, ...}'


def decode(body: bytes, schema: Schema, _: Mapping[str, str]) -> Records:
    """Return the rows under `instances` (or `inputs`) of a JSON body.

    Raises
    ------
    BadRequest
        If it is not JSON, has another shape, or mixes rows of different sorts or columns.
    """
    document = _parse(body, "The body", SHAPE)
    rows = next((document[key] for key in KEYS if key in document), None) if isinstance(document, dict) else None
    if not isinstance(rows, list) or len(document) != 1:
        raise BadRequest(
            f"The body is JSON but {_shape_of(document)}",
            expected=SHAPE,
            remedy="Put the rows under the one key `instances`.",
        )
    return _records(rows, schema, body, names_around=1)


def decode_lines(body: bytes, schema: Schema, _: Mapping[str, str]) -> Records:
    """Return the rows of a JSON Lines body; empty lines are skipped. Raises as `decode` does."""
    lines = [line for line in body.split(b"\n") if line.strip()]
    rows = [_parse(line, f"Line {number}", LINE_SHAPE) for number, line in enumerate(lines, start=1)]
    return _records(rows, schema, body, names_around=0)


def _parse(text: bytes, what: str, expected: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadRequest(
            f"{what} is not JSON ({error})", expected=expected, remedy="Write it with a JSON library."
        ) from None


def _shape_of(document: object) -> str:
    if isinstance(document, dict):
        return f"has the keys {', '.join([key[:60] for key in list(document)[:4]]) or 'of an empty object'}"
    return f"is {_SORTS[type(document)]}"


def _records(rows: Sequence[Any], schema: Schema, body: bytes, *, names_around: int) -> Records:
    """Return `rows`, which `body` spells with so many names outside of them."""
    if not rows:
        raise BadRequest("The body has no rows", expected="at least one row", remedy="Send one row per transaction.")
    if isinstance(rows[0], dict):
        return _from_objects(rows, body, names_around)
    if body.count(b":") > names_around:
        _refuse_repeated_names(body)
    return _from_lists(rows, schema)


def _from_lists(rows: Sequence[Any], schema: Schema) -> Cells:
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, list):
            raise BadRequest(
                f"Row {number} is {_SORTS[type(row)]}",
                expected="a list of values in every row",
                remedy="Send every row in the same form.",
            )
        schema.check_width(len(row))
    return Cells(rows)


def _from_objects(rows: Sequence[Any], body: bytes, names_around: int) -> Cells:
    names = tuple(rows[0])
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict) or row.keys() != rows[0].keys():
            raise BadRequest(
                f"Row {number} differs in form or names from the first row",
                expected=f"an object with the names {', '.join(names[:8])}" + (", ..." if len(names) > 8 else ""),
                remedy="Send every row as an object with the same names.",
            )
    if body.count(b":") > len(rows) * len(names) + names_around:  # else the parser dropped no name
        _refuse_repeated_names(body)
    return Cells([list(map(row.__getitem__, names)) for row in rows], names)


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
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise BadRequest(
            f"An object has '{twice[:60]}' twice", expected="each name once", remedy="Send each name once."
        )
    return unique


def encode(columns: Mapping[str, Sequence[object]]) -> bytes:
    """Return `{"predictions": [{key: value, ...}, ...]}`, one object per row."""
    return orjson.dumps({"predictions": _objects(columns)})


def encode_lines(columns: Mapping[str, Sequence[object]]) -> bytes:
    """Return one JSON object per row, each on a line of its own."""
    lines = bytearray()  # joined as they come: each result holds on to more than its own size
    for row in _objects(columns):
        lines += orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    return bytes(lines)


def _objects(columns: Mapping[str, Sequence[object]]) -> list[dict[str, object]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
