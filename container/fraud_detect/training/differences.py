"""What has changed of what a file is of, in words for whoever changed it.

Knows names and values. Never knows what they are of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ROWS, COLUMNS = "rows", "columns"
UNSAID: Mapping[str, str] = {
    ROWS: "the table, or how it is divided, has changed",
    COLUMNS: "the columns, or their categories, have changed",
}
"""What to say of checksums."""


def differences(noted: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return what is not the same in `noted` and `now`, which hold values, and such mappings again, by name."""
    names = [name for name in {**noted, **now} if noted.get(name) != now.get(name)]
    return "; ".join(_difference(name, noted.get(name), now.get(name)) for name in names)


def _difference(name: str, noted: Any, now: Any) -> str:
    if isinstance(noted, Mapping) and isinstance(now, Mapping):
        return differences(noted, now)
    return UNSAID.get(name) or f"`{name}` was {_shown(noted)} and is {_shown(now)}"


def _shown(value: Any) -> str:
    return "not given" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
