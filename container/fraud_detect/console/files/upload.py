"""Requests whose files go to the console's own folder as they come, not to memory or a shared temporary folder.

A file that is not kept goes when the request does, however it ends; what a killed console leaves is removed at the
next start.

Knows Flask's request. Never knows what the files are.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from flask import Request
from werkzeug.exceptions import HTTPException

from fraud_detect.console.files.folder import NO_ROOM, private
from fraud_detect.console.files.room import Room

MOST_PARTS = 8
"""Of a form with a file: the file, the token, and what a browser may add."""
BYTES_AT_ONCE = 1 << 16
FORM_BYTES = 4096
"""What a form has around its file."""


class InsufficientStorage(HTTPException):
    """The disk is full: 507, which werkzeug does not have."""

    code = 507
    description = (
        "The disk of the console has no room for this file. Delete files that nobody needs, or ask who looks after it."
    )

    @property
    def name(self) -> str:
        """What the status is called."""
        return "No room on the disk"


class UploadRequest(Request):
    """A request whose files go to `upload_folder` where a view has set one."""

    upload_folder: Path | None = None
    _taken = 0

    def let_in(self, folder: Path, most_bytes: int, room: Room) -> None:
        """Take a file of at most `most_bytes` into `folder`; to be called before anything reads the form.

        Raises
        ------
        InsufficientStorage
            If the disk has not room for what the request says it brings, or may bring if it says nothing.
        """
        said = self.content_length
        size = most_bytes if said is None else min(said, most_bytes)
        if not room.taken(size):
            raise InsufficientStorage
        self._taken, self.upload_folder, self.max_content_length = size, folder, most_bytes + FORM_BYTES
        self.max_form_parts = MOST_PARTS

    def let_go(self, room: Room) -> None:
        """Give back the room that was taken for the file; to be called when the request ends, however it does."""
        room.given_back(self._taken)
        self._taken = 0

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if self.upload_folder is None:
            return super()._get_file_stream(total_content_length, content_type, filename, content_length)
        return OnDisk(self.upload_folder)  # type: ignore[return-value]  # has what is used of one


def drain(body: IO[bytes], most_bytes: int) -> None:
    """Read on to the end of `body`, or `most_bytes` of it, and keep nothing."""
    while most_bytes > 0 and (data := body.read(min(BYTES_AT_ONCE, most_bytes))):
        most_bytes -= len(data)


class OnDisk:
    """A file of this user's alone that goes when it is closed, unless it was moved to another place before."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{secrets.token_hex(16)}.part"
        self._file = private(self.path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __del__(self) -> None:
        self.close()

    def write(self, data: bytes) -> int:
        """Write `data`; raises InsufficientStorage where there is no room for it."""
        with _room():
            return self._file.write(data)

    def sync(self) -> int:
        """Return the file's size when all of it is on the disk; raises as `write` does."""
        with _room():
            self._file.flush()
            os.fsync(self._file.fileno())
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Close the file, and remove it from where it was made."""
        with suppress(OSError):  # bytes that there is no room for are written at the end, too
            self._file.close()
        self.path.unlink(missing_ok=True)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise InsufficientStorage from error
        raise
