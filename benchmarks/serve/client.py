"""One request on a connection of its own.

Knows HTTP. Never knows what is sent.
"""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from bodies import Body

PATIENCE_SECONDS = 60


class RefusedError(Exception):
    """The answer to one request was no success."""


def get(url: str) -> int:
    """Return the status of the answer. Raises `OSError` or `HTTPException` if there is none."""
    return _send(url, None)[0]


def post(url: str, body: Body) -> bytes:
    """Return the answer to `body`. Raises `RefusedError`."""
    status, answer = _send(url, body)
    if status != 200:
        raise RefusedError(f"answers {status}: {answer[:200].decode(errors='replace')}")
    return answer


def _send(url: str, body: Body | None) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_SECONDS)
    try:
        if body is None:
            connection.request("GET", parts.path)
        else:
            accept = {"Accept": body.accept} if body.accept else {}
            connection.request("POST", parts.path, body.content, {"Content-Type": body.content_type, **accept})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
