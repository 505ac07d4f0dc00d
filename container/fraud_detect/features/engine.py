"""What an engine does for features, whichever it is.

Knows SQL text and names of day files. Never knows what is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from fraud_detect.features.checks import calendar_day
from fraud_detect.features.dialect import Dialect

GIVEN = "given"
"""The view of the input's files, with their columns as they are."""
STATE_FILE = ".features.json"
SUFFIX = "parquet"


def day_file(day: int) -> str:
    """Return the name of the file of a day since 1970-01-01."""
    return f"{calendar_day(day).isoformat()}.{SUFFIX}"


class Engine(Protocol):
    """Reads transactions, runs queries, writes day files; its session's time zone is UTC."""

    @property
    def name(self) -> str:
        """The engine and its version: what depends on them is not mixed."""
        ...

    @property
    def dialect(self) -> Dialect:
        """How its SQL is written."""
        ...

    @property
    def is_text(self) -> bool:
        """Whether the input is CSV; the columns that features need are then text in `GIVEN`, as they are written."""
        ...

    def open(self, pattern: str) -> None:
        """Make the view `GIVEN` of the files that `pattern` means.

        Raises `TableError` if they cannot be read as one table.
        """
        ...

    def types(self, view: str) -> Mapping[str, str]:
        """Return the type of each column of a view in order, as the engine calls it."""
        ...

    def rows(self, query: str) -> Sequence[Sequence[Any]]:
        """Return the rows of a query."""
        ...

    def view(self, name: str, query: str) -> None:
        """Give a query a name."""
        ...

    def remarks(self) -> Sequence[str]:
        """Return what is to be told of the files, as sentences: such as that some have no rows."""
        ...

    def prepare_output(self) -> None:
        """Make the output folder, and keep other runs out of it until this one ends.

        Raises `SettingError` if it cannot be made, or another run is at work in it.
        """
        ...

    def files(self) -> Mapping[str, int]:
        """Return the names of the files in the output folder, hidden ones left out, and their sizes in bytes."""
        ...

    def read_state(self) -> str | None:
        """Return the text of `STATE_FILE` in the output folder, None if there is none."""
        ...

    def write_state(self, text: str) -> None:
        """Replace `STATE_FILE`."""
        ...

    def write_days(
        self, query: str, columns: Sequence[str], days: Sequence[int], on_day: Callable[[int], None]
    ) -> None:
        """Write the `columns` of a query to one file for each of the `days` that its `EVENT_DAY` has, in time order.

        A file replaces an earlier one whole or not at all; `on_day` is told how many are written.
        """
        ...

    def remove_days(self, days: Sequence[int]) -> None:
        """Delete the files of `days`."""
        ...
