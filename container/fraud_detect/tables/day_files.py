"""A folder that holds one table file a day, `2018-04-01.parquet` and so on.

Knows the file system and DuckDB's faults. Never knows what the rows mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from fraud_detect.errors import SettingError


@dataclass(frozen=True)
class DayFiles:
    """The files of `folder`, named by their date and `suffix` (without a dot)."""

    folder: Path
    suffix: str

    def name(self, day: date) -> str:
        """Return the name of a day's file."""
        return f"{day.isoformat()}.{self.suffix}"

    def prepare(self, days: Iterable[date]) -> None:
        """Make the folder. Raise `SettingError` if it cannot be made, or holds visible files beside those of `days`.

        Files that this run does not replace would be taken for a part of its table by whoever reads the folder.
        """
        own = {self.name(day) for day in days}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            others = sorted(path.name for path in self.folder.iterdir() if path.name not in own)
        except OSError as error:
            raise _unwritable(self.folder, error.strerror or str(error)) from error
        others = [name for name in others if not name.startswith(".")]
        if others:
            raise SettingError(
                f"{self.folder} already holds other files: {', '.join(others[:3])}{', ...' if others[3:] else ''}",
                expected="an empty folder, or files of the same days and format, which are replaced",
                remedy="Choose another folder, or empty this one.",
            )

    @contextmanager
    def replacing(self, day: date) -> Iterator[Path]:
        """Give the path to write a day's file to; it takes its place when the block ends well, and vanishes if not.

        Raises
        ------
        SettingError
            If the disk is full or the folder cannot be written to.
        """
        import duckdb

        path = self.folder / self.name(day)
        incoming = path.with_name(f".{path.name}.incoming")
        try:
            yield incoming
            incoming.replace(path)
        except (OSError, duckdb.IOException) as error:
            raise _unwritable(path, str(error).partition("\n")[0]) from error
        finally:
            incoming.unlink(missing_ok=True)


def _unwritable(path: Path, reason: str) -> SettingError:
    return SettingError(
        f"Cannot write {path} ({reason})",
        expected="a folder that can be written to, with room left",
        remedy="Choose another folder, or free space.",
    )
