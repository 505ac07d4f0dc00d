"""What goes back to a client, and the one shape of every error: `error`, `expected`, `remedy`.

Knows JSON and HTTP statuses. Never knows Flask, processes, the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson

from fraud_detect.codecs.media_types import JSON
from fraud_detect.errors import PayloadTooLarge, RequestError
from fraud_detect.serving.tally import Tally

NOT_HTTP: Mapping[int, str] = {
    400: "The request is not valid HTTP",
    414: "The URL is too long",
    417: "The Expect header asks for something unknown",
    431: "A header is too long, or there are too many",
    501: "The Transfer-Encoding is unknown",
    505: "The HTTP version is unknown",
}


class Reply(NamedTuple):
    """Status, body and media type of an answer.

    `retry_seconds` tells a client when to try again; `tally` is of the rows that were scored; `rest` are the pieces of
    a large answer after its body.
    """

    status: int
    body: bytes
    media_type: str
    retry_seconds: int | None = None
    tally: Tally | None = None
    rest: Sequence[bytes] = ()

    def whole(self) -> bytes:
        """Return the body with what follows it."""
        return b"".join((self.body, *self.rest))


def fault(status: int, got: str, *, expected: str, remedy: str) -> Reply:
    """Return the reply for an error: what was got, expected, and what to do."""
    return Reply(status, orjson.dumps({"error": got, "expected": expected, "remedy": remedy}), JSON)


def refusal(error: RequestError) -> Reply:
    """Return the reply for a request that cannot be answered as it is."""
    return fault(error.status, error.got, expected=error.expected, remedy=error.remedy)


def too_large(max_body_mb: int) -> Reply:
    """Return the reply for a body above `max_body_mb`, in units of 1,048,576 bytes."""
    return refusal(
        PayloadTooLarge(
            f"The body is larger than {max_body_mb} MB",
            expected=f"at most {max_body_mb} MB",
            remedy="Send the rows in several requests, or raise SAGEMAKER_MAX_PAYLOAD_IN_MB.",
        )
    )


def not_found(path: str, paths: Sequence[str]) -> Reply:
    """Return the reply for a `path` that is none of `paths`."""
    return fault(404, f"There is no {path}", expected=" or ".join(paths), remedy="Correct the path of the URL.")


def wrong_method(path: str, method: str, methods: Sequence[str]) -> Reply:
    """Return the reply for a `method` that is none of `methods`, which `path` takes."""
    got = f"{path} does not take {method}"
    return fault(405, got, expected=", ".join(methods), remedy="Use one of these methods.")


def not_http(status: int) -> Reply:
    """Return the reply for what cannot be read as a request; `status` is one of `NOT_HTTP`."""
    return fault(
        status,
        NOT_HTTP[status],
        expected="a complete HTTP/1.1 request with a path and headers of at most 8 KB each",
        remedy="Use an HTTP library.",
    )


def out_of_time(timeout_seconds: int) -> Reply:
    """Return the reply for a request that took a worker longer than it may take."""
    return unavailable(
        f"The request took longer than {timeout_seconds} seconds",
        remedy="Send the rows in several requests, or raise SAGEMAKER_MODEL_SERVER_TIMEOUT.",
    )


def unavailable(reason: str, *, remedy: str = "Try again in a second; if it lasts, read the server's log.") -> Reply:
    """Return the reply while there is no model to answer with; `reason` is a sentence without its full stop."""
    said = {"error": reason, "expected": "a model server that is ready", "remedy": remedy}
    return Reply(503, orjson.dumps(said), JSON, retry_seconds=1)


def failure(identifier: str) -> Reply:
    """Return the reply for a bug of ours, which the log tells under `identifier`."""
    said = {
        "error": "The server failed at this request",
        "expected": "an answer or a 4xx error for any request",
        "remedy": f"Report the log lines that hold {identifier}.",
        "id": identifier,
    }
    return Reply(500, orjson.dumps(said), JSON)
