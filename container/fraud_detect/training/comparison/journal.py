"""`cells.jsonl`: what a comparison is of, and one line for each cell that ended, safe from the moment it is written.

Knows one file. Never knows how cells are run, what their figures mean.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from fraud_detect.errors import SettingError
from fraud_detect.training.comparison.plan import Cell

NAME = "cells.jsonl"
PLACE = ("algorithm", "resampler", "repeat", "fold")

Entry = Mapping[str, Any]


class Journal:
    """An open journal; `entries` are the latest of each cell."""

    def __init__(self, file: BinaryIO, entries: dict[Cell, Entry]) -> None:
        self._file = file
        self.entries = entries

    def add(self, cell: Cell, entry: Entry) -> None:
        """Append what became of `cell`; when this returns, it is on the disk."""
        _append(self._file, {**dict(zip(PLACE, _place(cell), strict=True)), **entry})
        self.entries[cell] = entry


def _place(cell: Cell) -> tuple[str, str, int, int]:
    return cell.algorithm, cell.resampler, cell.repeat, cell.fold


@contextmanager
def opened(folder: Path, subject: Mapping[str, Any]) -> Iterator[Journal]:
    """Open the journal of `folder` to go on with, or begin it; `subject` is what the comparison is of, as JSON has it.

    Raises
    ------
    SettingError
        If it is of another subject, damaged before its end, or open in another process.
    """
    path = folder / NAME
    with path.open("a+b") as file:
        _lock(file, path)
        lines = _whole_lines(file)
        if lines:
            _check_same(path, _parsed(path, 1, lines[0]), subject)
        else:
            _append(file, subject)
        documents = [_parsed(path, number, line) for number, line in enumerate(lines[1:], start=2)]
        yield Journal(file, {Cell(*(each[name] for name in PLACE)): each for each in documents})


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SettingError(
            f"Another process is writing {path}",
            expected="one comparison in a folder at a time",
            remedy="Wait for it, or give another --output.",
        ) from None


def _whole_lines(file: BinaryIO) -> list[bytes]:
    """Return the lines, after cutting off one that a killed process left without its end."""
    file.seek(0)
    content = file.read()
    whole = content[: content.rfind(b"\n") + 1]
    file.truncate(len(whole))
    return whole.splitlines()


def _parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError:
        document = None
    if not isinstance(document, dict) or (number > 1 and not document.keys() >= {*PLACE}):
        raise SettingError(
            f"Line {number} of {path} is damaged",
            expected="what an earlier comparison wrote",
            remedy="Begin anew with --restart, or give another --output.",
        )
    return document


def _check_same(path: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    wanted = json.loads(json.dumps(wanted))
    other = [name for name in {**found, **wanted} if found.get(name) != wanted.get(name)]
    if other:
        raise SettingError(
            f"{path} is of another comparison: {' and '.join(other)} {'is' if len(other) == 1 else 'are'} not the same",
            expected="what it was begun with",
            remedy="Give what it was begun with, another --output, or --restart to begin anew.",
        )


def _append(file: BinaryIO, document: Mapping[str, Any]) -> None:
    file.write(json.dumps(document, allow_nan=False).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())
