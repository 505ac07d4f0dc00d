"""Parse Content-Type and Accept as RFC 9110 has them.

Knows the syntax of the two headers. Never knows which codecs exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from functools import lru_cache

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"


@dataclass(frozen=True)
class MediaType:
    """A media type in lower case and its parameters, such as `text/csv; charset=utf-8`."""

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def quality(self) -> float:
        """The weight `q` of an Accept entry, in [0, 1]; 1 where it is absent or unreadable."""
        try:
            return min(max(float(self.parameters.get("q", "1")), 0.0), 1.0)
        except ValueError:
            return 1.0


@lru_cache(maxsize=256)
def parse(header: str) -> MediaType:
    """Return the media type that a Content-Type header names; the name is empty if the header is."""
    message = Message()
    message["Content-Type"] = header
    first, *rest = message.get_params(failobj=[("", "")])
    return MediaType(first[0].strip().lower(), {key.lower(): _plain(value) for key, value in rest})


def _plain(value: str | tuple[str | None, str | None, str]) -> str:
    """Return a parameter's value, without the charset and language that RFC 2231 lets it carry."""
    return value if isinstance(value, str) else value[2]


@lru_cache(maxsize=256)
def preferred(accept: str, offered: Sequence[str]) -> str | None:
    """Return the type in `offered` that `accept` weighs highest, the earlier one in a tie, or None.

    An empty header accepts anything.
    """
    if not accept.strip():
        return offered[0]
    ranges = [parse(entry) for entry in accept.split(",") if entry.strip()]
    best = max(offered, key=lambda name: (_weight(name, ranges), -offered.index(name)))
    return best if _weight(best, ranges) > 0 else None


def _weight(name: str, ranges: Sequence[MediaType]) -> float:
    """Return the weight of `name` by the most specific range that covers it, 0 if none does."""
    major = name.partition("/")[0]
    for pattern in (name, f"{major}/*", "*/*"):
        weights = [entry.quality for entry in ranges if entry.name == pattern]
        if weights:
            return max(weights)
    return 0.0
