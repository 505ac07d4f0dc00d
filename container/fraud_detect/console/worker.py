"""gunicorn's worker of threads, for clients that fall silent or drip: each of them would hold a thread for ever.

Knows gunicorn's code. Never knows Flask, what a request asks.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import re
import socket
import struct
import termios
import time
from collections.abc import Callable
from typing import Any, NoReturn

from gunicorn import util
from gunicorn.workers import gthread

SILENT_SECONDS = 15
"""How long nothing may come amid a request's body, and nothing of an answer may be taken."""
GRACE_SECONDS, SLOWEST_BYTES_A_SECOND = 30.0, 512
"""After so long a request has to come, and an answer to be taken, at this pace; the slowest telephone is faster."""
LOOK_SECONDS = 5
"""How often is looked whether a client that keeps a thread waiting has taken anything."""
LONGEST_HEAD = 1 << 16
"""Of more bytes gunicorn is left to say that they are too many."""
HEAD_END = re.compile(rb"[^\r\n]\r?\n\r?\n")


class Metered:
    """A connection that is given up when its client is too slow; all else is the socket's own."""

    def __init__(self, client: socket.socket, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._socket, self._clock = client, clock
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", SILENT_SECONDS, 0))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", LOOK_SECONDS, 0))
        self._head_bytes, self._handed, self._most_taken, self._last_took = -1, 0, -1, 0.0
        self.begin()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def begin(self) -> None:
        """Count from here: a request begins."""
        self._began, self._bytes = self._clock(), 0
        self._waited, self._taken_before = 0.0, self._taken()

    def has_head(self, held: bytes) -> bool:
        """Return whether a request's line and headers can be read without a wait; `held` of them was read before.

        If not, the socket is not readable until more has come. Raises ConnectionResetError if the head takes too long.
        """
        self._socket.setblocking(True)
        if self._head_bytes < 0:
            self.begin()
        try:
            came = self._socket.recv(LONGEST_HEAD, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            came = b""
        before, self._head_bytes = self._head_bytes, len(held) + len(came)
        is_over = self._head_bytes == before  # woken for nothing more: the client has closed its side
        if is_over or len(came) == LONGEST_HEAD or HEAD_END.search(held + came):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
            self._head_bytes = -1
            self.begin()
            return True
        if self._clock() - self._began > GRACE_SECONDS:
            self._give_up("the client is too slow")
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(came) + 1)
        return False

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Return what comes. Raises ConnectionResetError, which gunicorn takes for the end, if that takes too long."""
        try:
            data = self._socket.recv(size, flags)
        except BlockingIOError:
            self._give_up("the client fell silent")
        self._bytes += len(data)
        if _too_slow(self._clock() - self._began, self._bytes):
            self._give_up("the client is too slow")
        return data

    def send(self, data: bytes, flags: int = 0, /) -> int:
        """Send all of `data`, as `sendall` does."""
        self.sendall(data, flags)
        return len(data)

    def sendall(self, data: bytes, flags: int = 0, /) -> None:
        """Send all of `data`. Raises ConnectionResetError if the client takes nothing for too long, or too little."""
        if self._socket.gettimeout() == 0.0:  # whoever does not want to wait is not to
            self._socket.sendall(data, flags)
            return
        rest = memoryview(data)
        while rest:
            began = self._clock()
            try:
                sent = self._socket.send(rest, flags)
            except BlockingIOError:
                sent = 0
            except TimeoutError:
                self._give_up("the client takes nothing")
            rest = rest[sent:]
            self._handed += sent
            self._waited += self._clock() - began
            if rest or self._waited > GRACE_SECONDS:
                self._look()

    def hear_out(self) -> None:
        """End the connection: read on for gunicorn's two seconds, so that what was sent is not lost with a reset."""
        with contextlib.suppress(OSError):
            util.close_graceful(self._socket.dup())
            self._socket.shutdown(socket.SHUT_RDWR)

    def _look(self) -> None:
        """Give the client up if it is too slow in taking what was sent: the kernel keeps megabytes of it."""
        taken, now = self._taken(), self._clock()
        if taken > self._most_taken:
            self._most_taken, self._last_took = taken, now
        elif now - self._last_took >= SILENT_SECONDS:
            self._give_up("the client takes nothing")
        if _too_slow(self._waited, taken - self._taken_before):
            self._give_up("the client takes too little")

    def _taken(self) -> int:
        (kept,) = struct.unpack("i", fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, bytes(4)))
        return self._handed - int(kept)

    def _give_up(self, why: str) -> NoReturn:
        """End the connection at once, whatever is still to be sent, and let gunicorn wait for no more of it."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError(errno.ECONNRESET, why)


def _too_slow(seconds: float, count: int) -> bool:
    return seconds > GRACE_SECONDS and count < seconds * SLOWEST_BYTES_A_SECOND


class Worker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A thread for each request whose head is there, as long as its client keeps sending and taking."""

    def handle(self, conn: Any) -> Any:
        """Read a request on `conn` and answer it, in a thread of its own; or have gunicorn wait for more, in none."""
        if not isinstance(conn.sock, Metered):
            conn.sock = Metered(conn.sock)
        try:
            if not conn.sock.has_head(conn.parser.unreader.buf.getvalue() if conn.parser else b""):
                return gthread._DEFER
        except ConnectionResetError:
            return False
        goes_on = super().handle(conn)
        if not goes_on:
            conn.sock.hear_out()  # or else gunicorn would in its loop, where everybody waits
        return goes_on
