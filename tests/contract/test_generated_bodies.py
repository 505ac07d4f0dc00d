"""Whatever bytes come, the endpoint answers rows or says what is wrong; and what was written is what is read."""

from __future__ import annotations

import csv as python_csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from body_strategies import NEAR, SCHEMAS, WRITTEN, matrix_of, rows_of, spoiled, styles_of
from factories import an_artifact
from fraud_detect.codecs import csv, parquet, records
from fraud_detect.codecs import json as json_codec
from fraud_detect.codecs.media_types import CSV, JSON, JSON_LINES, PARQUET
from fraud_detect.codecs.table import READERS, WRITERS, reader_of
from fraud_detect.errors import RequestError
from fraud_detect.schema import Float32Matrix, Schema
from fraud_detect.serving.model import Model, load
from fraud_detect.serving.reply import Reply
from fraud_detect.serving.respond import Manner, Request, respond

ALL_BODIES = 20_000
EXAMPLES, PARQUET_EXAMPLES = 230, 60
DISTINCT_OF_AN_EXAMPLE = 5
"""Bodies that an example carries at least, on average; it makes up to 15, of which some are alike."""
seeds = st.integers(0, 2**64)
LENIENT = Manner(error_rows=True, line_end=True)
each_schema = pytest.mark.parametrize("name", SCHEMAS)
each_reader = pytest.mark.parametrize("reader", READERS)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    loaded = {}
    for name, schema in SCHEMAS.items():
        folder = tmp_path_factory.mktemp("model")
        an_artifact(folder, schema=schema)
        loaded[name] = load(folder)
    return loaded


def examples_of(reader: str) -> int:
    return PARQUET_EXAMPLES if reader == PARQUET else EXAMPLES


def hostile(reader: str, name: str, examples: int, check: Callable[[bytes, str], None]) -> set[bytes]:
    """Call `check` with bodies that fit, nearly fit and do not, each with its Content-Type, and return them."""
    seen: set[bytes] = set()

    @settings(max_examples=examples)
    @given(rows_of(name), styles_of(SCHEMAS[name].width), NEAR.get(reader, st.binary()), st.binary(), seeds)
    def run(rows: list[Any], style: Any, near: bytes, noise: bytes, seed: int) -> None:
        body, content_type = WRITTEN[reader](rows, SCHEMAS[name], style)
        near, chance = near or b",", Random(seed)  # noqa: S311  spoils bodies, keeps no secret
        for chosen in (body, near, noise, *spoiled(body, chance), *spoiled(near, chance)):
            note(repr(chosen))
            check(chosen, content_type)
            seen.add(chosen)

    run()
    return seen


def check_reply(reply: Reply) -> None:
    said = json.loads(reply.body)
    if reply.status == 200:
        assert len(said["predictions"]) == reply.tally.rows
        return
    assert 400 <= reply.status < 500
    assert set(said) == {"error", "expected", "remedy"}
    assert all(isinstance(text, str) and text for text in said.values())


@each_schema
@each_reader
def test_any_body_gives_rows_or_an_error_that_says_what_to_do(reader: str, name: str, models: dict[str, Model]) -> None:
    def check(body: bytes, content_type: str) -> None:
        check_reply(respond(Request(body, content_type, JSON), models[name]))

    seen = hostile(reader, name, examples_of(reader), check)

    assert len(seen) >= examples_of(reader) * DISTINCT_OF_AN_EXAMPLE


def test_there_are_at_least_twenty_thousand_bodies() -> None:
    assert sum(map(examples_of, READERS)) * len(SCHEMAS) * DISTINCT_OF_AN_EXAMPLE >= ALL_BODIES


@pytest.mark.parametrize(("content_type", "body"), [("text/csv", b"\xef\xbb\xbf\n"), ("text/csv", b"Time,V1,Amount\n")])
def test_a_batch_transform_refuses_a_body_without_rows(
    content_type: str, body: bytes, models: dict[str, Model]
) -> None:
    assert respond(Request(body, content_type), models["numbers"], LENIENT).status == 400


@each_schema
@each_reader
def test_a_batch_transform_answers_as_an_endpoint_where_all_rows_fit(
    reader: str, name: str, models: dict[str, Model]
) -> None:
    def check(body: bytes, content_type: str) -> None:
        plain, lenient = (
            respond(Request(body, content_type, JSON), models[name], manner) for manner in (Manner(), LENIENT)
        )
        check_reply(lenient)
        assert lenient.tally is None or lenient.tally.rows != 0
        assert plain.status != 200 or (lenient.body, lenient.tally) == (plain.body + b"\n", plain.tally)

    hostile(reader, name, examples_of(reader) // 5, check)


def outcome(reader: str, body: bytes, schema: Schema, content_type: str) -> tuple[tuple[int, ...], bytes] | None:
    """Return shape and bits of what `body` is read as, or None if it is refused."""
    try:
        matrix = READERS[reader](body, schema, reader_of(content_type).parameters)
    except (RequestError, RecursionError):
        return None
    return matrix.shape, bits_of(matrix)


def bits_of(matrix: Float32Matrix) -> bytes:
    """Return the bits of a matrix, with one and the same NaN for every missing value."""
    return np.where(np.isnan(matrix), np.float32("nan"), matrix).tobytes()


@contextmanager
def tiny_blocks() -> Iterator[None]:
    """Let any body be a large one, that is read in blocks of a row or two."""
    with ExitStack() as stack:
        for module in (csv, json_codec, parquet, records):
            for name in ("BYTES_PER_BLOCK", "CELLS_PER_BLOCK", "CELLS_PER_QUERY"):
                if hasattr(module, name):
                    stack.enter_context(patch.object(module, name, 4))
        yield


@each_schema
@each_reader
def test_a_body_is_the_same_rows_or_refused_alike_in_blocks_and_whole(reader: str, name: str) -> None:
    def check(body: bytes, content_type: str) -> None:
        whole = outcome(reader, body, SCHEMAS[name], content_type)
        with tiny_blocks():
            assert outcome(reader, body, SCHEMAS[name], content_type) == whole

    hostile(reader, name, examples_of(reader) // 2, check)


@each_schema
def test_the_fast_ways_through_csv_lead_where_the_slow_one_does(name: str) -> None:
    def check(body: bytes, content_type: str) -> None:
        chosen = outcome(CSV, body, SCHEMAS[name], content_type)
        with patch.object(csv, "_plain", lambda *_: None):
            assert outcome(CSV, body, SCHEMAS[name], content_type) == chosen

    hostile(CSV, name, EXAMPLES // 2, check)


@each_schema
@each_reader
@pytest.mark.parametrize("blocks", [ExitStack, tiny_blocks], ids=["whole", "in blocks"])
def test_what_was_written_is_read_bit_for_bit(reader: str, name: str, blocks: Callable[[], Any]) -> None:
    @settings(max_examples=examples_of(reader) // 2)
    @given(rows_of(name), styles_of(SCHEMAS[name].width))
    def run(rows: list[Any], style: Any) -> None:
        body, content_type = WRITTEN[reader](rows, SCHEMAS[name], style)
        expected = matrix_of(rows, SCHEMAS[name])
        with blocks():
            assert outcome(reader, body, SCHEMAS[name], content_type) == (expected.shape, bits_of(expected))

    run()


labels = st.one_of(st.integers(-(2**53), 2**53), st.booleans(), st.text(st.characters(codec="utf-8"), min_size=1))
floats = st.floats(allow_nan=False, allow_infinity=False)
values = st.one_of(
    st.lists(floats, min_size=2, max_size=2),
    st.lists(labels, min_size=2, max_size=2),
    st.lists(st.dictionaries(st.sampled_from(["feature", "value", "text"]), st.none() | labels | floats), max_size=3),
)
ANSWERED = ("predicted_label", "probability", "raw_score", "reasons")
answers = st.lists(st.tuples(labels, floats, floats, values), min_size=1, max_size=5).map(
    lambda rows: [dict(zip(ANSWERED, row, strict=True)) for row in rows]
)


def read_csv(body: bytes, rows: Sequence[dict[str, Any]]) -> list[list[Any]]:
    """Return the cells of lines: text as it is where the answer had text, JSON elsewhere."""
    lines = python_csv.reader(io.StringIO(body.decode(), newline=""), strict=True)
    return [
        [cell if isinstance(value, str) else json.loads(cell) for cell, value in zip(line, row.values(), strict=True)]
        for line, row in zip(lines, rows, strict=True)
    ]


READ_BACK: dict[str, Callable[[bytes, Sequence[dict[str, Any]]], Any]] = {
    CSV: read_csv,
    JSON: lambda body, _: [list(row.values()) for row in json.loads(body)["predictions"]],
    JSON_LINES: lambda body, _: [list(json.loads(line).values()) for line in body.split(b"\n")[:-1]],
}


@pytest.mark.parametrize("writer", WRITERS)
@settings(max_examples=300)
@given(rows=answers)
def test_what_is_answered_is_read_back_exactly(writer: str, rows: list[dict[str, Any]]) -> None:
    columns = {key: [row[key] for row in rows] for key in rows[0]}

    found = READ_BACK[writer](WRITERS[writer](columns), rows)

    assert repr(found) == repr([list(row.values()) for row in rows])


@settings(max_examples=1_000)
@given(content_type=st.text(max_size=40) | st.sampled_from(list(READERS)), accept=st.text(max_size=40), data=st.data())
def test_any_headers_give_rows_or_an_error(
    content_type: str, accept: str, data: st.DataObject, models: dict[str, Model]
) -> None:
    parameter = data.draw(
        st.sampled_from(["", ";q=0.5", ";explain=3", "; charset=utf-8", "; charset=", ";header=present"])
    )
    reply = respond(Request(b"1,2,3\n", content_type + parameter, accept + parameter), models["numbers"])

    assert reply.status in (200, 400, 406, 415)
