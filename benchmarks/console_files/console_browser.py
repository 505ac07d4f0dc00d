"""What asks a console as a browser does.

Knows HTTP and the console's forms. Never knows what is measured.
"""

from __future__ import annotations

import re

import urllib3

PATIENCE_SECONDS = 1200.0
TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Browser:
    """Asks a console as a browser does: it keeps cookies, and sends forms with their token."""

    def __init__(self, url: str) -> None:
        self._url, self._pool = url, urllib3.PoolManager(timeout=PATIENCE_SECONDS, retries=False)
        self._cookies: dict[str, str] = {}

    def get(self, path: str) -> urllib3.BaseHTTPResponse:
        """Return the answer to a path."""
        return self._ask("GET", path)

    def post(self, path: str, page: str, **fields: str | tuple[str, bytes]) -> urllib3.BaseHTTPResponse:
        """Return the answer to the form of `page`; a pair is a file's name and content."""
        found = TOKEN.search(self.get(page).data.decode())
        assert found, page
        return self._ask("POST", path, fields={"csrf_token": found[1], **fields})

    def _ask(self, method: str, path: str, **body: object) -> urllib3.BaseHTTPResponse:
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"Cookie": cookie, "Accept": "text/html"}
        answer = self._pool.request(method, self._url + path, headers=headers, redirect=False, **body)
        for text in answer.headers.getlist("Set-Cookie"):
            name, _, value = text.partition(";")[0].partition("=")
            self._cookies[name] = value
        assert answer.status in (200, 302, 303), (path, answer.status, answer.data[:400])
        return answer
