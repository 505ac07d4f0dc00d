"""What all tests share: reproducible hypothesis runs, and a clean slate of signals and logging."""

from __future__ import annotations

import gc
import logging
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, core, settings
from hypothesis.vendor import pretty

settings.register_profile(
    "reproducible",
    derandomize=True,  # the same examples in every run: a red build is red everywhere
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("reproducible")

# schemathesis' plugin puts a printer in its place that prints nothing: no failing example of any test could be read.
core.RepresentationPrinter = pretty.RepresentationPrinter


def pytest_collection_finish() -> None:
    """Let garbage collections pass over thousands of collected tests, which took each of them seconds at the end."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Take them back, since libraries complain of what is left at the end."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _clean_slate() -> Iterator[None]:
    """Give back the signal handlers and the logger that a command run inside the test took for itself."""
    logger = logging.getLogger("fraud_detect")
    before = logger.handlers[:], logger.propagate, logger.level
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    logger.handlers[:], logger.propagate, logger.level = before
    for number, handler in handlers.items():
        signal.signal(number, handler)
