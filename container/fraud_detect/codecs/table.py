"""Which codec reads and writes which media type.

Knows the codecs. Never knows Flask, the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from fraud_detect.codecs import csv, json
from fraud_detect.codecs.media_types import CSV, JSON, JSON_LINES, MediaType, parse, preferred
from fraud_detect.codecs.records import Records
from fraud_detect.errors import NotAcceptable, UnsupportedMediaType
from fraud_detect.schema import Schema

UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")


@dataclass(frozen=True)
class Codec:
    """How one media type is read and written."""

    media_type: str
    decode: Callable[[bytes, Schema, Mapping[str, str]], Records]
    encode: Callable[[Mapping[str, Sequence[object]]], bytes]


CODECS: Mapping[str, Codec] = {
    codec.media_type: codec
    for codec in (
        Codec(CSV, csv.decode, csv.encode),
        Codec(JSON, json.decode, json.encode),
        Codec(JSON_LINES, json.decode_lines, json.encode_lines),
    )
}
ALIASES: Mapping[str, str] = {
    "": CSV,
    "*/*": CSV,
    "application/csv": CSV,
    "application/x-ndjson": JSON_LINES,
    "application/jsonl": JSON_LINES,
    "application/x-jsonlines": JSON_LINES,
}
SUPPORTED = ", ".join(CODECS)


@lru_cache(maxsize=256)
def reader_of(content_type: str) -> tuple[Codec, MediaType]:
    """Return the codec for a request's Content-Type, and the type as parsed; CSV when the header is absent.

    Raises
    ------
    UnsupportedMediaType
        If no codec reads it, or its charset is not UTF-8.
    """
    media_type = parse(content_type)
    codec = CODECS.get(ALIASES.get(media_type.name, media_type.name))
    if codec is None:
        raise UnsupportedMediaType(
            f"Content-Type is '{content_type}'",
            expected=f"one of {SUPPORTED}",
            remedy="Send the rows in one of these types.",
        )
    charset = media_type.parameters.get("charset", "utf-8").lower()
    if charset not in UTF_8:
        raise UnsupportedMediaType(
            f"Content-Type has the charset '{charset}'", expected="utf-8", remedy="Encode the body as UTF-8."
        )
    return codec, media_type


@lru_cache(maxsize=256)
def writer_of(accept: str, reader: Codec) -> Codec:
    """Return the codec for the answer: what Accept prefers, or the request's own where Accept leaves it open.

    Raises
    ------
    NotAcceptable
        If Accept admits no type that a codec writes.
    """
    offered = (reader.media_type, *(name for name in CODECS if name != reader.media_type))
    chosen = preferred(accept, (*offered, *(name for name in ALIASES if name not in ("", "*/*"))))
    if chosen is None:
        raise NotAcceptable(
            f"Accept is '{accept}'",
            expected=f"one of {SUPPORTED}",
            remedy="Accept one of these types, or */*.",
        )
    return CODECS[ALIASES.get(chosen, chosen)]
