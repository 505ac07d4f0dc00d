"""An endpoint at an address of HTTP.

Knows urllib3. Never knows what bodies say.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import urllib3

from fraud_detect.console.endpoint import Answer, EndpointError
from fraud_detect.console.endpoint.exchange import CONNECTIONS, Exchange
from fraud_detect.errors import SettingError

INVOCATIONS = "/invocations"
CONNECT_SECONDS, READ_SECONDS = 3.0, 60.0


class HttpEndpoint(Exchange):
    """`address` is the server's, such as http://localhost:8080; `/invocations` is added."""

    def __init__(self, address: str) -> None:
        super().__init__()
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise SettingError(
                f"The endpoint is '{address}'",
                expected="http://HOST:PORT, https://HOST or sagemaker:NAME",
                remedy="Pass --endpoint http://localhost:8080 for a server on this machine.",
            )
        self._address = address.rstrip("/")
        # A lost connection is tried once more: scoring changes nothing, so twice is as good as once.
        self._pool = urllib3.PoolManager(
            maxsize=CONNECTIONS,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            retries=urllib3.Retry(total=1, allowed_methods=None, status=0, redirect=False),
        )

    def __str__(self) -> str:
        return self._address

    def _exchange(self, body: bytes, content_type: str, accept: str) -> Answer:
        headers = {"Content-Type": content_type, "Accept": accept}
        try:
            answer = self._pool.request("POST", self._address + INVOCATIONS, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise EndpointError(
                f"The endpoint {self} does not answer ({type(error).__name__})",
                expected="a fraud-detect server there",
                remedy="Start it, or correct --endpoint.",
            ) from error
        return Answer(answer.status, answer.data)
