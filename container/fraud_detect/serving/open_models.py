"""The models that this worker has open, of those that are loaded.

Any worker is asked for any model: it opens one at its first request, and lets go of one that another worker unloads.

Knows the registry, how a model is opened. Never knows HTTP, how much memory there is.
"""

from __future__ import annotations

import hashlib
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

from fraud_detect.artifact.bundle import open_regular
from fraud_detect.artifact.manifest import MANIFEST
from fraud_detect.errors import ArtifactError, NotLoaded
from fraud_detect.serving import model
from fraud_detect.serving.memory import give_back
from fraud_detect.serving.model import Model
from fraud_detect.serving.registry import Lease, Registry

logger = logging.getLogger(__name__)
TOUCH_NS = 100_000_000
"""How exactly the last use of a model is noted."""
LOOK_SECONDS = 0.2
"""How often a worker looks for models that were unloaded elsewhere: asking when the folder changed takes 2 us."""
SETTLED_NS = 1_000_000_000
"""A folder may change again within the same tick of its clock; after this time it would show."""


@dataclass(frozen=True)
class Opened:
    """A model that is open here, and the lease that says so to others: keep both while you use it."""

    model: Model
    lease: Lease


class OpenModels:
    """What is open here of the models in `registry`. Call it from any thread."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._opened: dict[str, Opened] = {}
        self._changing = Lock()
        self._seen_ns: int | None = None

    def get(self, name: str, *, now_ns: int) -> Opened:
        """Return the model `name`, used at `now_ns`.

        Raises
        ------
        NotLoaded
            If it is not loaded, or its files are no longer what they were.
        """
        opened = self._opened.get(name)
        if opened is None or not opened.lease.is_current():
            opened = self._open(name)
        opened.lease.touch(now_ns, TOUCH_NS)
        return opened

    def keep(self, name: str, opened: Opened) -> None:
        """Take in a model that was opened elsewhere in this worker."""
        with self._changing:
            self._opened[name] = opened

    def forget(self, name: str) -> None:
        """Close the model `name`, if it is open."""
        with self._changing:
            self._close(name)

    def forget_unloaded(self, *, now_ns: int) -> None:
        """Close the models that are no longer loaded, if any has been loaded or unloaded since the last call."""
        changed_ns = self._registry.changed_ns()
        if changed_ns == self._seen_ns:
            return
        self._seen_ns = changed_ns if now_ns - changed_ns > SETTLED_NS else None
        with self._changing:
            for name in [name for name, opened in self._opened.items() if not opened.lease.is_current()]:
                self._close(name)

    def watch(self) -> None:
        """Close unloaded models from now on, in a thread of its own, even if no request comes."""
        Thread(target=self._watch, name="unloaded models", daemon=True).start()

    def _watch(self) -> None:
        with suppress(FileNotFoundError):  # the server has ended, and its folder is gone
            while True:
                time.sleep(LOOK_SECONDS)
                try:
                    self.forget_unloaded(now_ns=time.time_ns())
                except FileNotFoundError:
                    raise
                except Exception:
                    logger.exception("looking for unloaded models failed; trying again")

    def _close(self, name: str) -> None:
        opened = self._opened.pop(name, None)
        if opened is None:
            return
        lease = opened.lease
        del opened
        give_back()
        del lease  # only now, when the memory is free, unless a request still uses the model

    def _open(self, name: str) -> Opened:
        with self._changing:
            opened = self._opened.get(name)
            if opened is not None and opened.lease.is_current():
                return opened
            self._close(name)
            lease = self._registry.lease(name)
            if lease is None:
                raise not_loaded(name)
            opened = self._opened[name] = Opened(self._reopen(name, lease), lease)
            give_back()
            return opened

    def _reopen(self, name: str, lease: Lease) -> Model:
        """Return the model of `lease`, and unload it if its files are not the same as when it was loaded."""
        entry = lease.entry()
        folder = Path(entry.url)
        try:
            if fingerprint(folder) == entry.manifest_sha256:
                return model.load(folder)
        except (ArtifactError, OSError) as error:
            logger.warning("model '%s' cannot be opened again: %s", name, error)
        self._registry.remove(name)
        raise NotLoaded(
            f"The files of the model '{name}' have changed since it was loaded, so it is unloaded",
            expected="files that stay as they are until the model is unloaded",
            remedy="Load it again with POST /models.",
        )


def fingerprint(folder: Path) -> str:
    """Return the sha256 of the manifest in `folder`, which holds those of all other files. Raises `OSError`."""
    with open_regular(folder / MANIFEST) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def not_loaded(name: str) -> NotLoaded:
    """Return the error that says so of the model `name`."""
    return NotLoaded(
        f"The model '{name}' is not loaded",
        expected="the name of a loaded model, as GET /models lists them",
        remedy="Load it with POST /models.",
    )
