"""Where the files lie: one folder for each upload, named by a random token, for this user alone.

Knows paths and how to write so that a crash leaves nothing half. Never knows what the files say.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
INCOMING = "incoming"
TOKEN_BYTES = 16
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Folder:
    """What one upload has: the file as it came, the scored one, and what pages need to find rows in that."""

    path: Path

    @property
    def upload(self) -> Path:
        """The file as it came."""
        return self.path / "upload.csv"

    @property
    def scored(self) -> Path:
        """The file with probabilities; there once it is whole."""
        return self.path / "scored.csv"

    @property
    def order(self) -> Path:
        """uint32, shape (n,): rows of the scored file from 0, the highest probability first, refused ones last."""
        return self.path / "order.u32"

    @property
    def offsets(self) -> Path:
        """uint64, shape (n + 1,): where each row of the scored file begins, and where the last one ends."""
        return self.path / "offsets.u64"

    @property
    def summary(self) -> Path:
        """What the scoring came to, as JSON."""
        return self.path / "summary.json"

    @property
    def is_there(self) -> bool:
        """Whether there is such a folder."""
        return self.path.exists()

    @property
    def size(self) -> int:
        """How many bytes came; 0 where the file is gone."""
        try:
            return self.upload.stat().st_size
        except FileNotFoundError:
            return 0

    def remove(self) -> None:
        """Remove all of it; what is not there, or no longer, is no fault."""
        shutil.rmtree(self.path, ignore_errors=True)


@dataclass(frozen=True)
class Folders:
    """All uploads' folders, below `path`."""

    path: Path

    @property
    def incoming(self) -> Path:
        """Where uploads are until they are whole."""
        return self.path / INCOMING

    def prepare(self) -> None:
        """Make the folders that have to be there, and remove what uploads left that ended with the console."""
        shutil.rmtree(self.incoming, ignore_errors=True)
        for folder in (self.path, self.incoming):
            folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)

    def of(self, token: str) -> Folder:
        """Return the folder of an upload; `token` is one that `new_token` gave."""
        return Folder(self.path / token)

    def tokens(self) -> list[str]:
        """Return the tokens of the folders that are there."""
        return sorted(each.name for each in self.path.iterdir() if each.name != INCOMING)

    def keep(self, upload: Path, token: str) -> None:
        """Move an upload that is whole to the folder of `token`, on the disk before this returns."""
        folder = self.of(token)
        folder.path.mkdir(mode=PRIVATE_FOLDER)
        upload.replace(folder.upload)
        synced(folder.path)
        synced(self.path)


def new_token() -> str:
    """Return the name of a folder that is not there yet, and that nobody guesses."""
    return secrets.token_urlsafe(TOKEN_BYTES)


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """Give a file that becomes `path` when the block ends and all of it is on the disk; else it never does."""
    part = path.with_name(f"{path.name}.part")
    try:
        with private(part) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    synced(path.parent)


def private(path: Path) -> BinaryIO:
    """Return `path` opened to write and read, emptied; its owner alone may read it."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE), "w+b")


def synced(folder: Path) -> None:
    """Return when the names in `folder` are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
