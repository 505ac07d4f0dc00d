"""Parse Content-Type and Accept as RFC 9110 has them.

Knows the syntax of the two headers. Never knows which codecs exist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from functools import lru_cache

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
PARQUET = "application/x-parquet"
UNREADABLE = "unreadable"
LONGEST_HEADER = 1000
"""Characters of a Content-Type or Accept that is looked at; longer ones would fill the caches of what they mean."""


_NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{0,9})?")


@dataclass(frozen=True)
class MediaType:
    """A media type in lower case and its parameters, such as `text/csv; charset=utf-8`."""

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def quality(self) -> float:
        """The weight `q` of an Accept entry, in [0, 1]; 1 where it is absent or unreadable."""
        text = self.parameters.get("q", "1")
        return min(max(float(text), 0.0), 1.0) if _NUMBER.fullmatch(text) else 1.0


@lru_cache(maxsize=256)
def parse(header: str) -> MediaType:
    """Return the media type that a Content-Type header names; the name is empty if the header is."""
    message = Message()
    message["Content-Type"] = header
    try:
        first, *rest = message.get_params(failobj=[("", "")])
    except (ValueError, TypeError):  # parameters in parts, as RFC 2231 has them, whose numbers are none
        return MediaType(UNREADABLE)
    return MediaType(first[0].strip().lower(), {key.lower(): _plain(value) for key, value in rest})


def _plain(value: str | tuple[str | None, str | None, str]) -> str:
    """Return a parameter's value, without the charset and language that RFC 2231 lets it carry."""
    return value if isinstance(value, str) else value[2]


@lru_cache(maxsize=256)
def preferred(accept: str, offered: Sequence[str]) -> MediaType | None:
    """Return the type in `offered` that `accept` weighs highest, the earlier one in a tie, or None.

    It carries the parameters of the entry that weighs it. An empty header accepts anything.
    """
    if not accept.strip():
        return MediaType(offered[0])
    ranges = [parse(entry) for entry in accept.split(",") if entry.strip()]
    covering = [(entry, name) for name in offered if (entry := _most_specific(name, ranges)) and entry.quality > 0]
    if not covering:
        return None
    entry, name = max(covering, key=lambda pair: (pair[0].quality, -offered.index(pair[1])))
    return MediaType(name, {key: value for key, value in entry.parameters.items() if key != "q"})


def _most_specific(name: str, ranges: Sequence[MediaType]) -> MediaType | None:
    """Return the most specific range that covers `name`, the heaviest of several, or None."""
    major = name.partition("/")[0]
    for pattern in (name, f"{major}/*", "*/*"):
        entries = [entry for entry in ranges if entry.name == pattern]
        if entries:
            return max(entries, key=lambda entry: entry.quality)
    return None
