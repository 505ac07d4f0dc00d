"""Many models in one server: load, find, list and unload them, within the memory that they may take.

Knows the registry, artifacts, the arithmetic of memory. Never knows HTTP, what is asked of a model.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fraud_detect.artifact import bundle
from fraud_detect.errors import AlreadyLoaded, ArtifactError, BadRequest, NotLoaded, OutOfMemory
from fraud_detect.estimators.native import NATIVE_FROM_ROWS
from fraud_detect.serving import model
from fraud_detect.serving.memory import give_back, held_bytes
from fraud_detect.serving.model import Model
from fraud_detect.serving.model_memory import BYTES_PER_MB, REMEDY, charge_bytes, peak_bytes, to_unload
from fraud_detect.serving.open_models import Opened, OpenModels, fingerprint, not_loaded
from fraud_detect.serving.registry import Entry, Registry

logger = logging.getLogger(__name__)
RELEASE_SECONDS = 2.0
"""How long an unloaded model may take to leave the other workers; one that answers a large request may take longer."""
EXHAUSTED = (errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC)


@dataclass(frozen=True)
class Limits:
    """How many workers open each model, what all models may take in all of them, how long one load waits for others."""

    workers: int
    budget_bytes: int
    patience_seconds: float


class Models:
    """The loaded models of a server, as one worker sees them. Call it from any thread."""

    def __init__(self, registry: Registry, opened: OpenModels, limits: Limits) -> None:
        self._registry, self._opened, self._limits = registry, opened, limits
        self._has_libraries = False

    def entries(self) -> Sequence[Entry]:
        """Return all loaded models, by name."""
        return self._registry.entries()

    def find(self, name: str) -> Entry:
        """Return what is known of the model `name`. Raises `NotLoaded`."""
        entry = self._registry.find(name)
        if entry is None:
            raise not_loaded(name)
        return entry

    def get(self, name: str, *, now_ns: int) -> Opened:
        """Return the model `name` to be used at `now_ns`. Raises `NotLoaded`."""
        return self._opened.get(name, now_ns=now_ns)

    def load(self, name: str, url: str, *, now_ns: int) -> Entry:
        """Load the artifact in the folder `url` as the model `name`, which then any worker can use.

        Raises
        ------
        AlreadyLoaded
        BadRequest
            If `url` is not a folder that holds an artifact.
        OutOfMemory
            If it does not fit, even after all others were unloaded.
        Busy
            If other models take too long to load.
        """
        self._refuse_loaded(name)
        with self._registry.locked(self._limits.patience_seconds):
            self._refuse_loaded(name)
            try:
                return self._load(name, url, now_ns)
            except MemoryError as error:
                raise _exhausted(error) from None
            except OSError as error:
                raise (_exhausted(error) if error.errno in EXHAUSTED else error) from None
            except ArtifactError as error:
                if isinstance(error.__cause__, OSError) and error.__cause__.errno in EXHAUSTED:
                    raise _exhausted(error.__cause__) from None
                raise BadRequest(error.got, expected=error.expected, remedy=error.remedy) from None

    def unload(self, name: str) -> Entry:
        """Unload the model `name`; its memory is free then, but for a worker that is using it. Raises `NotLoaded`."""
        lease = self._registry.remove(name)
        if lease is None:
            raise not_loaded(name)
        self._opened.forget(name)
        if not lease.wait_until_unused(RELEASE_SECONDS):
            logger.warning("model '%s' is unloaded, but a worker still uses it", name)
        return lease.entry()

    def _refuse_loaded(self, name: str) -> None:
        if self._registry.find(name):
            raise AlreadyLoaded(
                f"A model '{name}' is loaded",
                expected="a name that no loaded model has",
                remedy=f"Use it, or unload it first with DELETE /models/{name}.",
            )

    def _load(self, name: str, url: str, now_ns: int) -> Entry:
        folder = _folder(url)
        file_bytes = sum(entry.bytes for entry in bundle.read(folder).manifest.files.values())
        manifest_sha256 = fingerprint(folder)
        self._make_room(peak_bytes(file_bytes, self._limits.workers))
        opened, grown_bytes = self._opened_and_measured(folder)
        charge = charge_bytes(grown_bytes, file_bytes, self._limits.workers)
        self._make_room(charge)
        entry = Entry(name, url, manifest_sha256, charge)
        self._opened.keep(name, Opened(opened, self._registry.add(entry, now_ns=now_ns)))
        logger.info("model %r is loaded from %r and takes %.1f MB", name, url, charge / BYTES_PER_MB)
        return entry

    def _make_room(self, needed_bytes: int) -> None:
        for name in to_unload(self._registry.entries(), needed_bytes, self._limits.budget_bytes):
            logger.info("model '%s' is unloaded: it was used least recently, and another needs its memory", name)
            with suppress(NotLoaded):  # another worker was faster
                self.unload(name)

    def _opened_and_measured(self, folder: Path) -> tuple[Model, int | None]:
        """Return the model in `folder` and by how many bytes this worker has grown for it."""
        if not self._has_libraries:
            _open_all(folder)  # which brings the libraries along: they are no part of what a model takes
            self._has_libraries = True
        give_back()
        before = held_bytes()
        opened = _open_all(folder)
        give_back()
        after = held_bytes()
        return opened, None if before is None or after is None else after - before


def _open_all(folder: Path) -> Model:
    """Return the model in `folder`, with all that it opens at need: a block of rows and an explanation ask for it."""
    opened = model.load(folder)
    opened.scoring.probabilities(np.zeros((NATIVE_FROM_ROWS, opened.schema.width), np.float32))
    opened.explainer()
    return opened


def _folder(url: str) -> Path:
    folder = Path(url)
    try:
        plain = folder.is_absolute() and "\0" not in url and ".." not in folder.parts and not folder.is_symlink()
    except OSError:
        plain = False
    if not plain:
        raise BadRequest(
            f"The url is '{url[:200]}'",
            expected="the absolute path of a folder, not a link, that holds a model's files",
            remedy="Unpack model.tar.gz there first; SageMaker does so in /opt/ml/models/NAME/model.",
        )
    return folder


def _exhausted(error: Exception) -> OutOfMemory:
    reason = (error.strerror if isinstance(error, OSError) else None) or "the memory is full"
    return OutOfMemory(
        f"The model cannot be loaded: {reason}", expected="memory and files for one more model", remedy=REMEDY
    )
