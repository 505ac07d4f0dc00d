"""The one folder that a running server writes to: its configuration, socket and temporary files.

Knows the file system. Never knows what is put there.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fraud_detect.errors import SettingError

PREFIX = "fraud-detect-"
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  a container with a read-only root still has it
LONGEST_PATH = 80
"""Bytes: the address of a Unix socket holds 104 to 108, and the socket lies two names below."""


def candidates() -> Sequence[Path]:
    """Return where the folder may lie, the best place first."""
    try:
        return Path(tempfile.gettempdir()), SHARED_MEMORY
    except FileNotFoundError:  # no temporary folder can be written
        return (SHARED_MEMORY,)


@contextmanager
def run_directory(places: Sequence[Path]) -> Iterator[Path]:
    """Give a new folder that only this user can enter, in the first of `places` that can be written; remove it after.

    Raises
    ------
    SettingError
        If none of them can be written.
    """
    folder = _make(places)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make(places: Sequence[Path]) -> Path:
    for place in places:
        if len(str(place).encode()) > LONGEST_PATH:
            continue
        try:
            return Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        except OSError:
            continue
    raise SettingError(
        f"None of {', '.join(map(str, places))} can be written",
        expected="one folder for the server's socket and temporary files",
        remedy="Mount a tmpfs on /tmp, for example with `docker run --tmpfs /tmp`.",
    )
