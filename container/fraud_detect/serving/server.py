"""The gunicorn process, and the application that each worker opens after its fork.

Knows gunicorn's code. Never knows nginx, the environment, what a request holds.

Runs as `python -m fraud_detect.serving.server SETTINGS_JSON FOLDER MODE`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from fraud_detect import log
from fraud_detect.serving import model
from fraud_detect.serving.app import create_app
from fraud_detect.serving.gunicorn import Configuration, configuration
from fraud_detect.serving.loading import Loading
from fraud_detect.serving.settings import Settings

PATIENCE_SECONDS = 1.0
"""How long a new worker leaves requests to the others while its model loads; after that it answers 503."""


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn over one model."""

    def __init__(self, settings: Settings, options: Configuration) -> None:
        self._settings, self._options = settings, options
        super().__init__()

    def load_config(self) -> None:
        """Take the configuration from the settings alone: no file, no command line, no environment."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the application; a worker calls this after its fork."""
        loading = Loading(partial(model.load, self._settings.model_folder))
        loading.start()
        loading.wait(PATIENCE_SECONDS)
        return create_app(loading, max_body_mb=self._settings.max_body_mb)


def main(arguments: Sequence[str]) -> None:
    """Serve until a signal ends it."""
    text, folder, mode = arguments
    settings = Settings.model_validate_json(text)
    log.configure(settings.log_level)
    Server(settings, configuration(settings, Path(folder), mode)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
