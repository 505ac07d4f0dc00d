"""The file of the console's key: one key a line, of which the first seals and signs, and all open what they sealed.

Knows files. Never knows what a key is for.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fraud_detect.errors import SettingError

SHORTEST_KEY = 32
KEY_BYTES = 32


def read(file: Path) -> Sequence[bytes]:
    """Return the keys in `file`, the present one first; it is written with a new one where it is not there yet.

    Raises
    ------
    SettingError
        If one of them is shorter than `SHORTEST_KEY`.
    """
    if not file.exists():
        _draw(file)
    keys = file.read_bytes().split() or [b""]
    for key in keys:
        if len(key) < SHORTEST_KEY:
            raise SettingError(
                f"The key in {file} has {len(key)} characters",
                expected=f"at least {SHORTEST_KEY}",
                remedy="Put back the file that this console began with.",
            )
    return keys


def begin_change(file: Path) -> Sequence[bytes]:
    """Put a new key before those in `file`, and return them all: whatever happens next, they open every secret."""
    keys = [secrets.token_hex(KEY_BYTES).encode(), *read(file)]
    _write(file, keys)
    return keys


def end_change(file: Path) -> None:
    """Keep only the first key in `file`: nothing is sealed by the others any more."""
    _write(file, read(file)[:1])


def _draw(file: Path) -> None:
    """Write a new key, whole from its first moment on: another process may come at the same time."""
    with tempfile.NamedTemporaryFile(dir=file.parent) as new:  # of this user's alone
        _fill(new.fileno(), [secrets.token_hex(KEY_BYTES).encode()])
        with contextlib.suppress(FileExistsError):
            os.link(new.name, file)


def _write(file: Path, keys: Sequence[bytes]) -> None:
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as new:
        _fill(new.fileno(), keys)
        Path(new.name).replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _fill(descriptor: int, keys: Sequence[bytes]) -> None:
    os.write(descriptor, b"\n".join(keys))
    os.fsync(descriptor)
