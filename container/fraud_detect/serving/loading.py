"""A model on its way: a thread of its own loads it, so that the server can say meanwhile how far it is.

Knows models and threads. Never knows HTTP's routes, Flask, processes.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from threading import Thread

from fraud_detect.errors import UserError
from fraud_detect.serving.model import Model
from fraud_detect.serving.reply import Reply, unavailable

logger = logging.getLogger(__name__)


class Loading:
    """A model once `load` has returned it; before that, and if it failed, the reply that says why there is none."""

    def __init__(self, load: Callable[[], Model]) -> None:
        self._load = load
        self._thread = Thread(target=self._run, name="loading", daemon=True)
        self.model: Model | None = None
        self.absence: Reply = unavailable("The model is still being loaded")

    def start(self) -> None:
        """Begin to load."""
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Return when the model is there or has failed, after `seconds` at the latest."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self.model = self._load()
        except UserError as error:
            logger.error("The model cannot be loaded: %s", error)  # noqa: TRY400  its text says all; a traceback would bury it
            self.absence = unavailable(f"The model cannot be loaded: {error.got}", remedy=error.remedy)
        except Exception:
            identifier = uuid.uuid4().hex
            logger.exception("Loading the model failed, id %s", identifier)
            self.absence = unavailable(f"The model cannot be loaded; the server's log says why under {identifier}")
