"""The body of a request, whole or not at all.

Knows WSGI, and the errors of gunicorn's streams. Never knows Flask's application, codecs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from fraud_detect.errors import BadRequest, UnsupportedMediaType

BLOCK_BYTES = 1 << 20
BODIES_DISCARDED = 4
"""How many times the largest body is read of one that is larger still, before the connection is closed."""


def read_body(environ: Mapping[str, Any], max_bytes: int) -> bytes:
    """Return the whole body, or raise.

    Flask's `get_data` would return the part that has arrived when a client breaks off, and the first `max_bytes` of a
    longer body that comes in chunks: rows would be scored as if they were all.

    Raises
    ------
    RequestEntityTooLarge, ClientDisconnected, BadRequest
    UnsupportedMediaType
        If the body is compressed: a small one could unpack to any size.
    """
    encoding = environ.get("HTTP_CONTENT_ENCODING", "identity")
    if encoding.lower() != "identity":
        raise UnsupportedMediaType(
            f"Content-Encoding is '{encoding[:60]}'", expected="a body as it is", remedy="Send it uncompressed."
        )
    length, stream = environ.get("CONTENT_LENGTH", ""), environ["wsgi.input"]
    announced = int(length) if length.isdecimal() and "HTTP_TRANSFER_ENCODING" not in environ else None
    body = _read(stream, max_bytes + 1 if announced is None else min(announced, max_bytes + 1))
    if len(body) > max_bytes:
        _discard(stream, at_most=BODIES_DISCARDED * max_bytes)
        raise RequestEntityTooLarge
    if announced is not None and len(body) < announced:
        raise ClientDisconnected
    return body


def _discard(stream: BinaryIO, *, at_most: int) -> None:
    """Read on and forget: many clients send all before they read, and would see a closed connection, not the answer."""
    while at_most > 0 and (block := _read(stream, BLOCK_BYTES)):
        at_most -= len(block)


def _read(stream: BinaryIO, size: int) -> bytes:
    """Return up to `size` bytes; whatever goes wrong is what the client sent or did not send."""
    try:
        return stream.read(size)
    except ParseException:
        raise BadRequest(
            "The body's chunks are broken", expected="chunks as HTTP/1.1 has them", remedy="Use an HTTP library."
        ) from None
    except OSError:
        raise ClientDisconnected from None
