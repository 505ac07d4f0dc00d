"""An endpoint at an address of HTTP.

Knows urllib3. Never knows what bodies say.
"""

from __future__ import annotations

import time
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from fraud_detect.console.endpoint import Answer, EndpointError, Unreachable
from fraud_detect.console.endpoint.exchange import CONNECTIONS, Exchange
from fraud_detect.errors import SettingError

INVOCATIONS = "/invocations"
CONNECT_SECONDS = 3.0
BYTES_AT_ONCE = 1 << 16
LARGEST_ANSWER_BYTES = 256 << 20


class HttpEndpoint(Exchange):
    """`address` is the server's, such as http://localhost:8080; `/invocations` is added."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._path = _parts_of(address).path.rstrip("/") + INVOCATIONS
        self._address = address.rstrip("/")
        self._pool = urllib3.connection_from_url(address, maxsize=CONNECTIONS, retries=False)

    def __str__(self) -> str:
        return self._address

    def _exchange(self, body: bytes, content_type: str, accept: str, seconds: float) -> Answer:
        headers = {"Content-Type": content_type, "Accept": accept}
        try:
            try:
                return self._sent(body, headers, seconds)
            except (
                ProtocolError
            ):  # a connection that was kept is gone; scoring changes nothing, so it can be done twice
                return self._sent(body, headers, seconds)
        except HTTPError as error:
            raise Unreachable(
                f"The endpoint {self} does not answer ({type(error).__name__})",
                expected=f"a fraud-detect server there, and an answer in {seconds:.0f} s",
                remedy="Start it, or correct --endpoint.",
            ) from error

    def _sent(self, body: bytes, headers: dict[str, str], seconds: float) -> Answer:
        end = time.monotonic() + seconds
        answer = self._pool.urlopen(
            "POST",
            self._path,
            body,
            headers,
            redirect=False,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds),
            preload_content=False,
        )
        try:
            return Answer(answer.status, self._read(answer, end))
        finally:
            answer.close()  # a connection whose answer was read to its end is back in the pool, and stays

    def _read(self, answer: urllib3.BaseHTTPResponse, end: float) -> bytes:
        """Return the body; the time of each read is limited by itself, but many small ones could go on for ever."""
        pieces, size = [], 0
        while piece := answer.read1(BYTES_AT_ONCE):
            pieces.append(piece)
            size += len(piece)
            if size > LARGEST_ANSWER_BYTES:
                raise EndpointError(
                    f"The endpoint {self} answers more than {LARGEST_ANSWER_BYTES >> 20} MiB",
                    expected="scores",
                    remedy="Look whether the address is that of a fraud-detect model.",
                )
            if time.monotonic() > end:
                raise urllib3.exceptions.ReadTimeoutError(self._pool, self._path, "the answer takes too long")
        return b"".join(pieces)


def _parts_of(address: str) -> SplitResult:
    """Return the parts of `address`. Raises `SettingError` if it is none that questions can be sent to."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises for one that is no port
    except ValueError:
        parts = urlsplit("")
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or parts.username is not None
    ):
        shown = address.rpartition("@")[2]  # what is before it may be a password
        raise SettingError(
            f"The endpoint is '{shown}'",
            expected="http://HOST:PORT, https://HOST or sagemaker:NAME, without user, password, query and fragment",
            remedy="Pass --endpoint http://localhost:8080 for a server on this machine.",
        )
    return parts
