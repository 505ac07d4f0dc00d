"""Every page that an account can reach by links, one of each kind, beginning at the first.

Knows links. Never knows which pages there are.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

from forms import Reader, read
from playwright.sync_api import APIRequestContext, APIResponse

_PARTICULAR = re.compile(r"/(?=[^/]*\d|[^/]{20,})[^/]+")

Found = tuple[str, Reader]


def kind_of(path: str) -> str:
    """Return `path` with a star for each part that names one thing of many; the query is only its names."""
    parts = urlsplit(path)
    names = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)})
    return _PARTICULAR.sub("/*", parts.path) + ("?" + "&".join(names) if names else "")


def pages(request: APIRequestContext, start: str = "/") -> Iterator[Found]:
    """Give each page's address and what is in it, one of each kind; what is no page of HTML is passed over."""
    waiting, kinds = deque([start]), {kind_of(start)}
    while waiting:
        path = waiting.popleft()
        answer = request.get(path, fail_on_status_code=False)
        if not is_page(answer):
            continue
        said = read(answer.text())
        yield path, said
        for link in _local(path, said.links):
            if kind_of(link) not in kinds:
                kinds.add(kind_of(link))
                waiting.append(link)


def is_page(answer: APIResponse) -> bool:
    """Return whether an answer is HTML."""
    return answer.headers.get("content-type", "").startswith("text/html")


def _local(page: str, links: list[str]) -> Iterator[str]:
    """Give the addresses that stay in the console, without what comes after `#`."""
    for link in links:
        address = urldefrag(urljoin(page, link)).url
        if address.startswith("/") and not address.startswith("//"):
            yield address
