"""Numbers of rows as addresses say them: one that no row can have leads nowhere, before a database is asked.

Knows Werkzeug's converters. Never knows tables.
"""

from __future__ import annotations

from typing import Any

from werkzeug.routing import IntegerConverter, Map

LARGEST = 2**31 - 1
"""PostgreSQL's INTEGER; SQLite's is larger, but no driver takes just any number."""


class RowNumber(IntegerConverter):
    """`<int:...>` in an address; what is larger than a row's number can be is a 404."""

    def __init__(self, map: Map, *args: Any, **given: Any) -> None:  # noqa: A002 - Werkzeug's own name
        super().__init__(map, *args, **{"max": LARGEST, **given})


def row_number(text: str) -> int:
    """Return the number that `text` says; raises ValueError if no row can have it."""
    number = int(text)
    if not 0 <= number <= LARGEST:
        raise ValueError(f"{number} is no row's")
    return number
