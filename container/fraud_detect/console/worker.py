"""gunicorn's worker of threads, for clients that fall silent or drip: each of them would hold a thread for ever.

Knows gunicorn's code. Never knows Flask, what a request asks.
"""

from __future__ import annotations

import errno
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from gunicorn.workers import gthread

SILENT_SECONDS = 15
"""How long nothing may come amid a request."""
GRACE_SECONDS, SLOWEST_BYTES_A_SECOND = 30.0, 512
"""After so long a request has to have come at this pace; the slowest telephone sends faster."""


class Metered:
    """A connection that is given up when its client is too slow with a request; all else is the socket's own."""

    def __init__(self, client: socket.socket, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._socket, self._clock = client, clock
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", SILENT_SECONDS, 0))
        self.begin()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def begin(self) -> None:
        """Count from here: a request begins."""
        self._began, self._bytes = self._clock(), 0

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Return what comes. Raises ConnectionResetError, which gunicorn takes for the end, if that takes too long."""
        try:
            data = self._socket.recv(size, flags)
        except BlockingIOError:
            raise ConnectionResetError(errno.ECONNRESET, "the client fell silent") from None
        self._bytes += len(data)
        seconds = self._clock() - self._began
        if seconds > GRACE_SECONDS and self._bytes < seconds * SLOWEST_BYTES_A_SECOND:
            raise ConnectionResetError(errno.ECONNRESET, "the client is too slow")
        return data


class Worker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A thread for each request, as long as its client keeps sending."""

    def handle(self, conn: Any) -> Any:
        """Read a request on `conn` and answer it, in a thread of its own."""
        if isinstance(conn.sock, Metered):
            conn.sock.begin()
        else:
            conn.sock = Metered(conn.sock)
        return super().handle(conn)
