"""One line a step, to standard error: for people, or an object of JSON a line.

Knows the standard library's logging. Never knows who logs.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

FORMAT = "%(asctime)s %(levelname)s %(message)s"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
FIELDS = "fields"
"""The key of `extra` under which a line's own fields come, a mapping of plain values."""


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object: time, level, message, the line's own fields, and the traceback if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of `record`."""
        time = datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds")
        line = {"time": time, "level": record.levelname, "message": record.getMessage(), **getattr(record, FIELDS, {})}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """Writes a record for people, its own fields after the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of `record`."""
        fields: Mapping[str, object] = getattr(record, FIELDS, {})
        return " ".join([super().format(record), *(f"{name}={_in_a_line(value)}" for name, value in fields.items())])


def _in_a_line(value: object) -> str:
    """Return `value` as text that cannot begin a line of its own."""
    text = str(value)
    return text if text.isprintable() else repr(text)


FORMATTERS: Mapping[str, Callable[[], logging.Formatter]] = {
    "text": lambda: TextFormatter(FORMAT),
    "json": JsonFormatter,
}


def configure(level: str = "INFO", form: str = "text") -> None:
    """Send this package's log lines of `level` and above to standard error, in one of `FORMATTERS`."""
    logger = logging.getLogger("fraud_detect")
    logger.setLevel(level)
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler(sys.stderr))
        logger.propagate = False
    for handler in logger.handlers:
        handler.setFormatter(FORMATTERS[form]())
