"""A line between two hosts: JSON objects either way, and a beat that tells that the other end is alive.

Knows sockets and JSON. Never knows what is said.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any

SECONDS_BETWEEN_BEATS = 5.0
SECONDS_OF_SILENCE = 30.0
"""After which the other end counts as gone; one whose process ended is noticed at once."""
MOST_BYTES = 64 << 20

Message = Mapping[str, Any]


class Line:
    """One end of a line over `connection`, which is closed with it."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(SECONDS_OF_SILENCE)
        self._connection, self._file = connection, connection.makefile("rb")
        self._saying, self._closed = threading.Lock(), threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def say(self, message: Message) -> None:
        """Send `message`; what cannot be sent is noticed by who reads."""
        with self._saying, contextlib.suppress(OSError):
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def messages(self) -> Iterator[Message]:
        """Yield what the other end says, until it is gone."""
        with contextlib.suppress(OSError, ValueError):
            while text := self._file.readline(MOST_BYTES):
                message = json.loads(text)
                if isinstance(message, dict) and message:
                    yield message

    def close(self) -> None:
        """Hang up; what was said before arrives."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _beat(self) -> None:
        while not self._closed.wait(SECONDS_BETWEEN_BEATS):
            self.say({})
