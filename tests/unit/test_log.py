"""Log lines go to standard error, once."""

from __future__ import annotations

import logging

import pytest

from fraud_detect import log

logger = logging.getLogger("fraud_detect")


def test_configured_twice_a_line_is_written_once(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure()
    log.configure()

    logger.info("read 3 rows")

    assert capfd.readouterr().err.count("INFO read 3 rows") == 1


def test_lines_below_the_level_are_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure("WARNING")

    logger.info("a detail")
    logger.warning("a warning")

    written = capfd.readouterr().err
    assert "a detail" not in written
    assert "WARNING a warning" in written
