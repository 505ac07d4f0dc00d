"""Which models are loaded: one small file for each, in a folder that all workers share.

A file is there from the moment its model is loaded until it is unloaded, whole or not at all. A worker that has the
model open keeps the file open too, with a shared lock: whoever unloads the model can wait until that lock is gone, and
a worker that is killed leaves none behind.

Knows files and locks. Never knows models, HTTP, how much memory there is.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from fraud_detect.errors import Busy

SUFFIX = ".json"
INCOMING, LOCK = "incoming", "lock"
PAUSE_SECONDS = 0.01
FOLDER = "models"


@dataclass(frozen=True)
class Entry:
    """A loaded model: its name, where its artifact lies, what it takes, and when it was used last."""

    name: str
    url: str
    manifest_sha256: str
    charge_bytes: int
    used_ns: int = 0


class Lease:
    """An entry whose file this process keeps open, so that others see it in use; ends with the object."""

    def __init__(self, path: str, descriptor: int) -> None:
        weakref.finalize(self, os.close, descriptor)
        self.path, self._descriptor = path, descriptor
        found = os.fstat(descriptor)
        self._file = found.st_dev, found.st_ino
        self._touched_ns = 0
        self._size = found.st_size

    def entry(self) -> Entry:
        """Return what the file says."""
        document: dict[str, Any] = orjson.loads(os.pread(self._descriptor, self._size, 0))
        return Entry(**document, used_ns=os.fstat(self._descriptor).st_mtime_ns)

    def is_current(self) -> bool:
        """Return whether the model is still loaded, and not loaded anew; while the file is open, no other is its."""
        try:
            found = os.stat(self.path)  # noqa: PTH116  Path.stat takes half as long again, at every request
        except FileNotFoundError:
            return False
        return (found.st_dev, found.st_ino) == self._file

    def touch(self, now_ns: int, pause_ns: int) -> None:
        """Note that the model is used at `now_ns`, unless that was done less than `pause_ns` ago."""
        if now_ns - self._touched_ns >= pause_ns:
            self._touched_ns = now_ns
            os.utime(self._descriptor, ns=(now_ns, now_ns))

    def share(self) -> None:
        """Let others see that the model is in use here."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def wait_until_unused(self, seconds: float) -> bool:
        """Return whether nobody has the model open any more, after `seconds` at the latest."""
        return _lock(self._descriptor, seconds)


class Registry:
    """The loaded models in `folder`, which is made if need be."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def entries(self) -> Sequence[Entry]:
        """Return all loaded models, by name."""
        leases = (_opened(str(path)) for path in self._folder.glob(f"*{SUFFIX}"))
        return sorted((lease.entry() for lease in leases if lease), key=lambda entry: entry.name)

    def find(self, name: str) -> Entry | None:
        """Return the model `name` if it is loaded."""
        lease = _opened(self._path(name))
        return lease.entry() if lease else None

    def lease(self, name: str) -> Lease | None:
        """Return a lease of the model `name` if it is loaded."""
        lease = _opened(self._path(name))
        if lease:
            lease.share()
        return lease

    def add(self, entry: Entry, *, now_ns: int) -> Lease:
        """Note that a model is loaded, and return a lease of it. Call it within `locked`.

        Raises
        ------
        FileExistsError
            If a model of that name is loaded.
        """
        incoming, path = self._folder / INCOMING, self._path(entry.name)
        incoming.unlink(missing_ok=True)  # of a worker that was killed
        document = {name: value for name, value in vars(entry).items() if name != "used_ns"}
        incoming.write_bytes(orjson.dumps(document))
        lease = Lease(path, os.open(incoming, os.O_RDWR | os.O_CLOEXEC))
        lease.share()
        lease.touch(now_ns, 0)
        os.link(incoming, path)
        incoming.unlink()
        return lease

    def remove(self, name: str) -> Lease | None:
        """Note that the model `name` is unloaded; return its last lease, to wait for the others, or None."""
        path = self._path(name)
        lease = _opened(path)
        try:
            Path(path).unlink()
        except FileNotFoundError:
            return None
        return lease

    @contextmanager
    def locked(self, seconds: float) -> Iterator[None]:
        """Keep others from loading models.

        Raises
        ------
        Busy
            If others keep this one from it for `seconds`.
        """
        descriptor = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _lock(descriptor, seconds):
                raise Busy(
                    f"Other models have been loading for {seconds:g} seconds",
                    expected="one model to load at a time",
                    remedy="Try again.",
                )
            yield
        finally:
            os.close(descriptor)

    def changed_ns(self) -> int:
        """Return when a model was loaded or unloaded last, as exactly as the file system says."""
        return self._folder.stat().st_mtime_ns

    def _path(self, name: str) -> str:
        return str(self._folder / (hashlib.sha256(name.encode()).hexdigest() + SUFFIX))


def _opened(path: str) -> Lease | None:
    try:
        return Lease(path, os.open(path, os.O_RDWR | os.O_CLOEXEC))
    except FileNotFoundError:
        return None


def _lock(descriptor: int, seconds: float) -> bool:
    """Return whether an exclusive lock was had within `seconds`; the system itself waits for ever or not at all."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(PAUSE_SECONDS)
        else:
            return True
