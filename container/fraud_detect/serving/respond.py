"""One request in, one reply out, without a web framework.

Knows codecs, the schema, a model. Never knows Flask, processes, files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from fraud_detect.codecs.records import MOST_ROWS, too_many_rows
from fraud_detect.codecs.table import JOINERS, READERS, WRITERS, reader_of, writer_of
from fraud_detect.errors import BadRequest, NotAcceptable, PayloadTooLarge, RequestError
from fraud_detect.schema import Float32Matrix
from fraud_detect.serving.error_rows import readable_rows, with_error_rows
from fraud_detect.serving.model import Model
from fraud_detect.serving.outputs import DEFAULT_OUTPUTS, REASONS, Columns, columns_of
from fraud_detect.serving.reply import Reply, refusal
from fraud_detect.serving.tally import Tally, tally_of, total

EXPLAIN = "explain"
"""The parameter of Accept that asks for reasons: `application/json;explain=5`."""
MOST_REASONS = 1000
ROWS_AT_ONCE = 1 << 15
"""How many rows are scored and written at a time."""


class Request:
    """A body and the two headers that say what it is and what should come back; absent headers are empty."""

    __slots__ = ("_body", "accept", "content_type")

    def __init__(self, body: bytes, content_type: str = "", accept: str = "") -> None:
        self._body, self.content_type, self.accept = body, content_type, accept

    def take_body(self) -> bytes:
        """Return the body and let go of it: a large one is not to stay until its answer is written."""
        body, self._body = self._body, b""
        return body


@dataclass(frozen=True, eq=False)  # one for each server: its identity is a quicker key than its fields
class Manner:
    """How a server answers: the fields are those of `Settings`."""

    outputs: tuple[str, ...] = DEFAULT_OUTPUTS
    default_accept: str = ""
    reasons: int = 5
    max_explained_rows: int = 10_000
    line_end: bool = False
    error_rows: bool = False


@dataclass(frozen=True)
class Wish:
    """What a request wants back: a media type, the keys of `OUTPUTS`, and how many reasons a row."""

    media_type: str
    outputs: Sequence[str]
    reasons: int


def respond(request: Request, model: Model, manner: Manner = Manner()) -> Reply:
    """Return the scores of the rows in `request`, or what is wrong with it as a 4xx reply."""
    try:
        return _scores(request, model, manner)
    except RequestError as error:
        return refusal(error)
    except RecursionError:
        nested = BadRequest(
            "The body is nested too deeply", expected="rows of plain values", remedy="Flatten the rows."
        )
        return refusal(nested)


def _scores(request: Request, model: Model, manner: Manner) -> Reply:
    read = reader_of(request.content_type)
    wish = _wish(request.accept, read.name, manner)
    body = request.take_body()
    if not body or body.isspace():
        raise BadRequest("The body is empty", expected="at least one row", remedy="Send one row per transaction.")
    if manner.error_rows:
        matrix, readable = readable_rows(body, read, model.schema)
    else:
        matrix, readable = READERS[read.name](body, model.schema, read.parameters), None
    del body
    if wish.reasons:
        _check_explainable(matrix, manner)
    if len(matrix) > MOST_ROWS:
        raise too_many_rows()
    if readable is None and len(matrix) > ROWS_AT_ONCE:
        (first, *rest), tally = _written_in_parts(model, matrix, wish)
        if manner.line_end and not rest[-1].endswith(b"\n"):
            rest.append(b"\n")
        return Reply(200, first, wish.media_type, tally=tally, rest=rest)
    columns, tally = _scored(model, matrix, wish)
    if readable is not None:
        columns, tally = with_error_rows(columns, readable), tally._replace(rows=len(readable))
    return Reply(200, _ended(WRITERS[wish.media_type](columns), manner), wish.media_type, tally=tally)


def _scored(model: Model, matrix: Float32Matrix, wish: Wish) -> tuple[Columns, Tally]:
    probabilities = model.scoring.probabilities(matrix)
    columns = columns_of(model, matrix, probabilities, wish.outputs, wish.reasons)
    return columns, tally_of(probabilities, model.threshold)


def _written_in_parts(model: Model, matrix: Float32Matrix, wish: Wish) -> tuple[Sequence[bytes], Tally]:
    """Score and write some rows at a time, two parts at least: as Python's objects an answer is many times as large."""
    write, tallies = WRITERS[wish.media_type], []

    def parts() -> Iterator[bytes]:
        for start in range(0, len(matrix), ROWS_AT_ONCE):
            columns, tally = _scored(model, matrix[start : start + ROWS_AT_ONCE], wish)
            tallies.append(tally)
            yield write(columns)

    written = [*JOINERS[wish.media_type](parts())]
    return written, total(tallies)


def _ended(body: bytes, manner: Manner) -> bytes:
    return body + b"\n" if manner.line_end and not body.endswith(b"\n") else body


def _check_explainable(matrix: Float32Matrix, manner: Manner) -> None:
    if len(matrix) > manner.max_explained_rows:
        raise PayloadTooLarge(
            f"The body has {len(matrix)} rows to explain",
            expected=f"at most {manner.max_explained_rows}",
            remedy="Send fewer rows at once, leave `explain` out, or raise FRAUD_DETECT_MAX_EXPLAINED_ROWS.",
        )


@lru_cache(maxsize=256)
def _wish(accept: str, read: str, manner: Manner) -> Wish:
    """Return what Accept asks for, or by default `manner`, after a body of the media type `read`."""
    written = writer_of(accept or manner.default_accept, read)
    text = written.parameters.get(EXPLAIN)
    if text is None:
        return Wish(written.name, manner.outputs, manner.reasons if REASONS in manner.outputs else 0)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_REASONS):
        raise NotAcceptable(
            f"Accept has {EXPLAIN}={text}",
            expected=f"{EXPLAIN}= and an integer from 1 to {MOST_REASONS}, how many reasons to give for each row",
            remedy=f"Correct it, or leave {EXPLAIN} out.",
        )
    return Wish(written.name, tuple(dict.fromkeys((*manner.outputs, REASONS))), int(text))
