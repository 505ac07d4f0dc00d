"""A folder that holds one table file a day, `2018-04-01.parquet` and so on.

Knows the file system. Never knows what the rows mean.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from fraud_detect.errors import SettingError

URI = re.compile("[a-z][a-z0-9+.-]+:/")


@dataclass(frozen=True)
class DayFiles:
    """The files of `folder`, named by their date and `suffix` (without a dot)."""

    folder: Path
    suffix: str
    beside: str | None = None
    """Name of a file that may lie beside the days; whoever reads the folder as a table must know to skip it."""
    faults: tuple[type[Exception], ...] = (OSError,)
    """What writing raises when the disk is full or the folder cannot be written to."""

    def name(self, day: date) -> str:
        """Return the name of a day's file."""
        return f"{day.isoformat()}.{self.suffix}"

    def prepare(self, days: Iterable[date]) -> None:
        """Make the folder, and remove what an earlier run left beside the days.

        Raise `SettingError` if the folder cannot be made, or holds visible files beside those of `days`. Files that
        this run does not replace would be taken for a part of its table by whoever reads the folder.
        """
        others = sorted(self.visible() - {self.beside, *(self.name(day) for day in days)})
        if others:
            raise SettingError(
                f"{self.folder} already holds other files: {', '.join(others[:3])}{', ...' if others[3:] else ''}",
                expected="an empty folder, or files of the same days and format, which are replaced",
                remedy="Choose another folder, or empty this one.",
            )
        if self.beside:
            self._remove(self.beside)

    def visible(self) -> frozenset[str]:
        """Make the folder, and return the names of what lies in it, hidden files left out.

        Raises
        ------
        SettingError
            If the folder cannot be made or read.
        """
        if URI.match(str(self.folder)):
            raise SettingError(
                f"The output folder is {self.folder}",
                expected="a folder of this machine",
                remedy="Write to a folder, and copy it; features go elsewhere by --engine spark.",
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return frozenset(path.name for path in self.folder.iterdir() if not path.name.startswith("."))
        except OSError as error:
            raise _unwritable(self.folder, error.strerror or str(error)) from error

    def sizes(self) -> Mapping[str, int]:
        """Return the sizes in bytes of the visible files, by name; of a link that leads nowhere it is -1."""
        paths = {name: self.folder / name for name in self.visible()}
        return {name: path.stat().st_size if path.exists() else -1 for name, path in paths.items()}

    def read(self, name: str) -> str | None:
        """Return the text of a file, None if there is none, and nothing of one that holds no text."""
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            return ""

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs that lock the folder out of it. Raise `SettingError` if one is at work in it."""
        import fcntl

        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise SettingError(
                    f"Another run is writing into {self.folder}",
                    expected="one run at a time",
                    remedy="Wait until it has ended, or choose another folder.",
                ) from error
            yield
        finally:
            os.close(descriptor)

    def replacing(self, day: date) -> AbstractContextManager[Path]:
        """Give the path to write a day's file to; it takes its place when the block ends well, and vanishes if not.

        Raises
        ------
        SettingError
            If the disk is full or the folder cannot be written to.
        """
        return self.replacing_file(self.name(day))

    def replacing_beside(self) -> AbstractContextManager[Path]:
        """Give the path to write the file `beside` to, likewise; there must be one."""
        assert self.beside is not None  # noqa: S101 - the caller named it
        return self.replacing_file(self.beside)

    def _remove(self, name: str) -> None:
        path = self.folder / name
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(path, error.strerror or str(error)) from error

    @contextmanager
    def replacing_file(self, name: str) -> Iterator[Path]:
        """Give the path to write the file `name` to, likewise."""
        path = self.folder.absolute() / name  # an engine would read a leading ~ as a home
        incoming = path.with_name(f".{path.name}.incoming")
        try:
            yield incoming
            incoming.replace(path)
        except self.faults as error:
            raise _unwritable(path, str(error).partition("\n")[0]) from error
        finally:
            with suppress(OSError):  # it has taken its place
                incoming.unlink()


def _unwritable(path: Path, reason: str) -> SettingError:
    return SettingError(
        f"Cannot write {path} ({reason})",
        expected="a folder that can be written to, with room left",
        remedy="Choose another folder, or free space.",
    )
