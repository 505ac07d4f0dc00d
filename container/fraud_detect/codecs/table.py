"""Which codec reads and writes which media type.

Knows the codecs. Never knows Flask, the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from fraud_detect.codecs import csv, json, parquet
from fraud_detect.codecs.media_types import (
    CSV,
    JSON,
    JSON_LINES,
    LONGEST_HEADER,
    PARQUET,
    UNREADABLE,
    MediaType,
    parse,
    preferred,
)
from fraud_detect.errors import NotAcceptable, UnsupportedMediaType
from fraud_detect.schema import Float32Matrix, Schema

LONGEST_SHOWN = 200
UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")

Decode = Callable[[bytes, Schema, Mapping[str, str]], Float32Matrix]
"""From a body and the parameters of its media type to the model's matrix, float32, shape (n, width)."""
Encode = Callable[[Mapping[str, Sequence[object]]], bytes]
"""From the columns of an answer, each of n values, to a body."""

READERS: Mapping[str, Decode] = {
    CSV: csv.decode,
    JSON: json.decode,
    JSON_LINES: json.decode_lines,
    PARQUET: parquet.decode,
}
JOINERS: Mapping[str, Callable[[Iterable[bytes]], Iterable[bytes]]] = {CSV: iter, JSON: json.join, JSON_LINES: iter}
"""From the bodies of parts of an answer to what follows each other in that of the whole."""
WRITERS: Mapping[str, Encode] = {CSV: csv.encode, JSON: json.encode, JSON_LINES: json.encode_lines}
ALIASES: Mapping[str, str] = {
    "": CSV,
    "*/*": CSV,
    "application/csv": CSV,
    "application/x-ndjson": JSON_LINES,
    "application/jsonl": JSON_LINES,
    "application/x-jsonlines": JSON_LINES,
    "application/vnd.apache.parquet": PARQUET,
}


@lru_cache(maxsize=256)
def reader_of(content_type: str) -> MediaType:
    """Return the media type of a request's Content-Type, its name a key of `READERS`; CSV when the header is absent.

    Raises
    ------
    UnsupportedMediaType
        If no codec reads it, or its charset is not UTF-8.
    """
    media_type = parse(content_type) if len(content_type) <= LONGEST_HEADER else MediaType(UNREADABLE)
    name = ALIASES.get(media_type.name, media_type.name)
    if name not in READERS:
        raise UnsupportedMediaType(
            f"Content-Type is '{content_type[:LONGEST_SHOWN]}'",
            expected=f"one of {', '.join(READERS)}",
            remedy="Send the rows in one of these types.",
        )
    charset = media_type.parameters.get("charset", "utf-8").lower()
    if charset not in UTF_8:
        raise UnsupportedMediaType(
            f"Content-Type has the charset '{charset}'", expected="utf-8", remedy="Encode the body as UTF-8."
        )
    return MediaType(name, media_type.parameters)


@lru_cache(maxsize=256)
def writer_of(accept: str, read: str) -> MediaType:
    """Return the media type of the answer, its name a key of `WRITERS`, with the parameters that Accept gives it.

    It is what Accept prefers, or `read`, the request's own, where Accept leaves it open.

    Raises
    ------
    NotAcceptable
        If Accept admits no type that a codec writes.
    """
    offered = sorted(WRITERS, key=lambda name: name != read)
    aliases = [name for name, meant in ALIASES.items() if meant in WRITERS and name not in ("", "*/*")]
    chosen = preferred(accept, (*offered, *aliases)) if len(accept) <= LONGEST_HEADER else None
    if chosen is None:
        raise NotAcceptable(
            f"Accept is '{accept[:LONGEST_SHOWN]}'",
            expected=f"one of {', '.join(WRITERS)}",
            remedy="Accept one of these types, or */*.",
        )
    return MediaType(ALIASES.get(chosen.name, chosen.name), chosen.parameters)
