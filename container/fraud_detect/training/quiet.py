"""Who may write to the log while a search goes on.

Knows names of loggers, Optuna's among them. Never knows what is searched.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

TALKATIVE = ("fraud_detect.training.candidate", "fraud_detect.resampling", "fraud_detect.estimators")

logger = logging.getLogger(__name__)


class _Forward(logging.Handler):
    """Hands Optuna's warnings to our own log."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.log(record.levelno, "optuna: %s", record.getMessage())


@contextmanager
def quiet() -> Iterator[None]:
    """Let those who make the models log errors only, since the winner is made once more, and Optuna warn in our log."""
    import optuna

    own, optunas, forward = [logging.getLogger(name) for name in TALKATIVE], logging.getLogger("optuna"), _Forward()
    optuna.logging.disable_default_handler()
    optunas.addHandler(forward)
    before = {each: each.level for each in (*own, optunas)}
    for each in before:
        each.setLevel(logging.WARNING if each is optunas else logging.ERROR)
    try:
        yield
    finally:
        optunas.removeHandler(forward)
        for each, level in before.items():
            each.setLevel(level)
