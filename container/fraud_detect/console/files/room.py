"""Whether the disk has room for one more file, beside those that come, those that wait, and what the database needs.

Knows sizes and the disk. Never knows Flask, the database.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence

from fraud_detect.console.files.folder import Folders

PER_BYTE = 4
"""The upload, the scored file, and reasons in it."""
PER_BYTE_THAT_IS_THERE = PER_BYTE - 1
RESERVE_BYTES = 1 << 30
"""For the database, which may be on the same disk: decisions and log-ins must not fail since files fill it."""


class Room:
    """Keeps count of what uploads that are under way may still write; `unfinished` gives the tokens that wait.

    `coming` has the bytes of uploads that are under way. Threads may share it.
    """

    def __init__(self, folders: Folders, unfinished: Callable[[], Sequence[str]]) -> None:
        self._folders, self._unfinished = folders, unfinished
        self.coming, self._lock = 0, threading.Lock()

    def taken(self, size: int) -> bool:
        """Take room for an upload of `size` bytes until it is `given_back`; False where there is not so much."""
        with self._lock:
            if not self._is_free(PER_BYTE * size):
                return False
            self.coming += size
            return True

    def given_back(self, size: int) -> None:
        """Forget an upload: it is whole and waits, or it is gone."""
        with self._lock:
            self.coming -= size

    def is_enough_for(self, size: int) -> bool:
        """Return whether a file of `size` bytes that is there already can be scored."""
        with self._lock:
            return self._is_free(PER_BYTE_THAT_IS_THERE * size)

    def _is_free(self, wanted: int) -> bool:
        promised = PER_BYTE * self.coming + PER_BYTE_THAT_IS_THERE * self._waiting()
        return shutil.disk_usage(self._folders.path).free >= RESERVE_BYTES + promised + wanted

    def _waiting(self) -> int:
        return sum(self._folders.of(token).size for token in self._unfinished())
