"""Names of browsers that people know, from what browsers call themselves.

Knows User-Agent lines. Never knows sessions.
"""

from __future__ import annotations

from collections.abc import Mapping

BROWSERS: Mapping[str, str] = {
    "Edg/": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS: Mapping[str, str] = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "Linux": "Linux",
}
"""In the order in which they are looked for: all browsers claim to be those after them, too."""


def name_of(agent: str) -> str:
    """Return such as 'Firefox on Windows'; what is neither is called by its first word."""
    browser = next((name for mark, name in BROWSERS.items() if mark in agent), "")
    system = next((name for mark, name in SYSTEMS.items() if mark in agent), "")
    known = " on ".join(part for part in (browser, system) if part)
    return known or agent.partition(" ")[0][:32] or "unknown"
