"""The gunicorn process, and the application that each worker opens after its fork.

Knows gunicorn's code. Never knows nginx, the environment, what a request holds.

Runs as `python -m fraud_detect.serving.server SETTINGS_JSON FOLDER MODE`.
"""

from __future__ import annotations

import gc
import logging
import resource
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from gunicorn import glogging
from gunicorn.app.base import BaseApplication

from fraud_detect import log
from fraud_detect.serving import model
from fraud_detect.serving.app import create_app
from fraud_detect.serving.gunicorn import ALONE, configuration
from fraud_detect.serving.loading import Loading
from fraud_detect.serving.metrics import Metrics, make_folder
from fraud_detect.serving.multi_model import create_multi_model_app, open_models
from fraud_detect.serving.settings import Settings

COLLECTIONS = (20_000, 20, 20)
"""After how many new objects garbage is looked for, and after how many times among the older ones; Python's are 700, 10
and 10."""
PATIENCE_SECONDS = 1.0
"""How long a new worker leaves requests to the others while its model loads; after that it answers 503."""


class Log(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's own lines, in the form of ours."""

    def setup(self, cfg: Any) -> None:
        """Take the formatter of this package's log."""
        super().setup(cfg)
        for ours in logging.getLogger("fraud_detect").handlers:
            for handler in self.error_log.handlers:
                handler.setFormatter(ours.formatter)

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log `msg`, with exceptions by their names: their texts hold what a client sent."""
        super().debug(msg, *(type(arg).__name__ if isinstance(arg, BaseException) else arg for arg in args), **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log `msg` and the traceback of the exception at hand, unless that is a client's silence."""
        if isinstance(sys.exception(), BlockingIOError):
            self.debug("A client fell silent")
        else:
            super().exception(msg, *args, **kwargs)


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn over one model or many; `overrides` change its configuration."""

    def __init__(self, settings: Settings, folder: Path, mode: str, **overrides: object) -> None:
        self.settings, self.folder, self.mode, self._overrides = settings, folder, mode, overrides
        super().__init__()

    def load_config(self) -> None:
        """Take the configuration from the settings alone: no file, no command line, no environment."""
        chosen = configuration(self.settings, self.folder, self.mode)
        code = {"logger_class": Log, "post_worker_init": settle}
        for name, value in {**chosen, **code, **self._overrides}.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the application; a worker calls this after its fork."""
        metrics, logs_requests = Metrics(make_folder(self.folder)), self.mode == ALONE
        if self.settings.multi_model:
            allow_files()
            models = open_models(self.settings, self.folder)
            return create_multi_model_app(models, self.settings, metrics, logs_requests=logs_requests)
        loading = Loading(partial(model.load, self.settings.model_folder))
        loading.start()
        loading.wait(PATIENCE_SECONDS)
        return create_app(loading, self.settings, metrics, logs_requests=logs_requests)


def settle(worker: Any) -> None:
    """Make a worker that has started cheap to run.

    It looks for garbage seldom, and not in what was loaded: a request leaves hardly any. Its configuration, which
    gunicorn asks a dozen times a request and which does not change any more, becomes plain attributes.
    """
    worker.cfg.__dict__.update({name: setting.get() for name, setting in worker.cfg.settings.items()})
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTIONS)


def allow_files() -> None:
    """Let this process open as many files as the system permits: every open model keeps one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError):  # macOS names a number that it does not permit
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main(arguments: Sequence[str]) -> None:
    """Serve until a signal ends it."""
    text, folder, mode = arguments
    settings = Settings.model_validate_json(text)
    log.configure(settings.log_level, settings.log_format)
    Server(settings, Path(folder), mode).run()


if __name__ == "__main__":
    main(sys.argv[1:])
