"""Every page that an account can reach by links, one of each kind, beginning at the first.

Knows links. Never knows which pages there are.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

from forms import Reader, read
from playwright.sync_api import APIRequestContext, APIResponse

OF_A_KIND = 2
"""So many pages are looked at whose addresses differ by a number or a token alone."""
_PARTICULAR = re.compile(r"/(?=[^/]*\d|[^/]{20,})[^/]+")

Found = tuple[str, Reader]


def kind_of(path: str) -> str:
    """Return `path` with a star for each part that names one thing of many; the query is only its names."""
    parts = urlsplit(path)
    names = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)})
    return _PARTICULAR.sub("/*", parts.path) + ("?" + "&".join(names) if names else "")


def pages(request: APIRequestContext, start: str = "/") -> Iterator[Found]:
    """Give each page's address and what is in it; what is no page of HTML is passed over."""
    waiting, seen, kinds = deque([start]), {start}, dict[str, int]()
    while waiting:
        path = waiting.popleft()
        answer = request.get(path, fail_on_status_code=False)
        if not is_page(answer):
            continue
        said = read(answer.text())
        yield path, said
        for link in _local(path, said.links):
            kind = kind_of(link)
            if link not in seen and kinds.get(kind, 0) < OF_A_KIND:
                seen.add(link)
                kinds[kind] = kinds.get(kind, 0) + 1
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


View = Callable[[str], str]
"""The name of the view behind an address."""
