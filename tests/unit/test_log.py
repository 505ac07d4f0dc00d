"""Log lines go to standard error, once."""

from __future__ import annotations

import json
import logging
from datetime import datetime

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


def test_a_line_of_json_has_the_level_the_message_and_its_own_fields(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure(form="json")

    logger.warning("read %d rows", 3, extra={log.FIELDS: {"id": "a1", "rows": 3}})

    line = json.loads(capfd.readouterr().err)
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line == {"level": "WARNING", "message": "read 3 rows", "id": "a1", "rows": 3}


def test_a_traceback_stays_within_its_line_of_json(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure(form="json")

    try:
        raise ValueError("two\nlines")  # noqa: TRY301
    except ValueError:
        logger.exception("failed")

    (line,) = capfd.readouterr().err.splitlines()
    assert "ValueError: two\nlines" in json.loads(line)["traceback"]


def test_fields_follow_the_message_for_people(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure()

    logger.info("request", extra={log.FIELDS: {"rows": 3, "status": 200}})

    assert "INFO request rows=3 status=200" in capfd.readouterr().err


def test_a_field_cannot_begin_a_line_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure()

    logger.info("request", extra={log.FIELDS: {"path": "/x\nINFO forged"}})

    assert len(capfd.readouterr().err.splitlines()) == 1
