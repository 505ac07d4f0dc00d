"""The file of the console's key: one key a line, of which the first seals and signs, and all open what they sealed.

Knows files. Never knows what a key is for.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from fraud_detect.errors import SettingError

SHORTEST_KEY = 32
KEY_BYTES = 32
LOCK = "key.lock"
OF_THIS_USER_ALONE = 0o600


def read(file: Path) -> Sequence[bytes]:
    """Return the keys in `file`, the present one first; it is written with a new one where it is not there yet.

    Raises
    ------
    SettingError
        If one of them is shorter than `SHORTEST_KEY`.
    """
    if not file.exists():
        _draw(file)
    keys = [line.strip() for line in file.read_bytes().splitlines() if line.strip()] or [b""]
    for key in keys:
        if len(key) < SHORTEST_KEY:
            raise SettingError(
                f"The key in {file} has {len(key)} characters",
                expected=f"at least {SHORTEST_KEY}",
                remedy="Put back the file that this console began with.",
            )
    return keys


@contextlib.contextmanager
def used(file: Path, *, to_change_it: bool) -> Iterator[None]:
    """Hold the key in `file`, together with others or, to change it, alone.

    Raises
    ------
    SettingError
        If somebody changes it, or if it is to be changed and somebody uses it: what a console that knows the key so far
        seals with it afterwards, nobody could open.
    """
    with file.with_name(LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, (fcntl.LOCK_EX if to_change_it else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingError(
                f"A console uses the key in {file.parent}"
                if to_change_it
                else f"The key in {file.parent} is being changed",
                expected="nobody else at it",
                remedy="Stop that console first, and start it again after." if to_change_it else "Start it after that.",
            ) from None
        yield


def begin_change(file: Path) -> None:
    """Put a new key before those in `file`: whatever happens next, they open every secret. Raises as `end_change`."""
    _write(file, [secrets.token_hex(KEY_BYTES).encode(), *read(file)])


def end_change(file: Path) -> None:
    """Keep only the first key in `file`: nothing is sealed by the others any more.

    Raises
    ------
    SettingError
        If the file cannot be replaced, and is as it was.
    """
    _write(file, read(file)[:1])


def _draw(file: Path) -> None:
    """Write a new key, whole from its first moment on: another process may come at the same time."""
    with tempfile.NamedTemporaryFile(dir=file.parent) as new:  # of this user's alone
        _fill(new.fileno(), [secrets.token_hex(KEY_BYTES).encode()])
        with contextlib.suppress(FileExistsError):
            os.link(new.name, file)


def _write(file: Path, keys: Sequence[bytes]) -> None:
    new = file.with_name(f"{file.name}.new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OF_THIS_USER_ALONE), "wb") as opened:
            _fill(opened.fileno(), keys)
        new.replace(file)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise SettingError(
            f"The key in {file} cannot be replaced ({error.strerror}), and is still the one so far",
            expected="a file that this user may replace, and room for it",
            remedy="Make room, or mount the folder rather than the file.",
        ) from error
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _fill(descriptor: int, keys: Sequence[bytes]) -> None:
    os.write(descriptor, b"\n".join(keys))  # a few hundred bytes: all of them, or an error
    os.fsync(descriptor)
