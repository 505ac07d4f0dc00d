"""gunicorn's workers, but for what they say of a request that they refuse, and how long they give it.

gunicorn answers what it cannot read in HTML, and logs the bytes that it could not read: those may be features.

Knows gunicorn's code. Never knows Flask, the model, what a body holds.
"""

from __future__ import annotations

import errno
import http
import logging
import socket
import struct
import time
import uuid
from collections.abc import Mapping
from socket import SO_RCVTIMEO, SO_SNDTIMEO, SOL_SOCKET
from typing import Any, Self

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers import gthread, sync

from fraud_detect.log import FIELDS
from fraud_detect.serving.listener import TAKE_SECONDS, turn_away
from fraud_detect.serving.nginx import CLIENT_SECONDS
from fraud_detect.serving.reply import Reply, failure, not_http, out_of_time

STATUSES: Mapping[type[Exception], int] = {
    errors.LimitRequestLine: 414,
    errors.ExpectationFailed: 417,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
    errors.InvalidHTTPVersion: 505,
}
"""The status for each of gunicorn's refusals that is none of 400."""
TOGETHER_BYTES = 1 << 16
"""How much of what follows the head is sent in one piece with it."""
SIGN_SECONDS = 0.5
"""How fresh a sign of life is: a busy worker would give thousands a second."""
FAULTS_OF_OURS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName, errors.ConfigurationProblem)


def reply_to(error: BaseException, *, identifier: str, timeout_seconds: int) -> Reply:
    """Return the reply for a request that ended with `error` in gunicorn's hands, not in the application's."""
    if isinstance(error, SystemExit):  # raised by the signal that ends a worker whose time is up
        return out_of_time(timeout_seconds)
    if isinstance(error, errors.ParseException) and not isinstance(error, FAULTS_OF_OURS):
        return not_http(STATUSES.get(type(error), 400))
    return failure(identifier)


def as_http(reply: Reply, identifier: str) -> bytes:
    """Return `reply` as the bytes of a response after which the connection is closed."""
    headers = {
        "Date": util.http_date(),
        "Connection": "close",
        "Content-Type": reply.media_type,
        "Content-Length": str(len(reply.body)),
        "X-Request-Id": identifier,
        **({} if reply.retry_seconds is None else {"Retry-After": str(reply.retry_seconds)}),
    }
    lines = [f"HTTP/1.1 {reply.status} {http.HTTPStatus(reply.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + reply.body


class Refusals:
    """What both kinds of workers do instead of gunicorn's own `handle_error`."""

    cfg: Any
    log: Any

    def handle_error(self, _request: Any, client: socket.socket, _address: Any, error: BaseException) -> None:
        """Answer in our shape, and log what it was without what the client sent."""
        identifier = uuid.uuid4().hex
        reply = reply_to(error, identifier=identifier, timeout_seconds=self.cfg.timeout)
        fields = {"id": identifier, "status": reply.status, "error": type(error).__name__}
        level = logging.INFO if reply.status != http.HTTPStatus.INTERNAL_SERVER_ERROR else logging.ERROR
        trace = error if level == logging.ERROR else None
        self.log.log(level, "request refused", extra={FIELDS: fields}, exc_info=trace)
        try:
            util.write_nonblock(client, as_http(reply, identifier))
        except OSError:
            self.log.debug("The client of %s is gone", identifier)


class Whole:
    """A connection that can send the head of an answer together with what follows; all else is the socket's own.

    gunicorn sends the head by itself. A worker killed just then would leave half an answer, which nginx cannot ask
    another worker for, and a client may take for an empty one.
    """

    __slots__ = ("_head", "_holds", "_socket")

    def __init__(self, client: socket.socket) -> None:
        self._socket, self._holds = client, False
        self._head: bytes | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def one_answer(self) -> Self:
        """Keep what is sent first in a `with` block until something follows or it ends; forget it if it fails."""
        return self

    def __enter__(self) -> None:
        self._holds = True

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._holds = False
        if kind is not None:
            self._head = None
        elif self._head is not None:
            self._send_kept(b"")

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send `data` after what is kept, or keep it."""
        if self._holds:
            self._holds, self._head = False, data
        elif not data:
            return
        elif self._head is not None:
            self._send_kept(data[:TOGETHER_BYTES])
            if len(data) > TOGETHER_BYTES:
                self._socket.sendall(memoryview(data)[TOGETHER_BYTES:], flags)
        else:
            self._socket.sendall(data, flags)

    def _send_kept(self, more: bytes) -> None:
        head, self._head = self._head or b"", None
        self._socket.sendall(head + more)


class WholeToNginx(Whole):
    """A connection to nginx, which has sent all before its answer begins."""

    __slots__ = ()

    def shutdown(self, how: int, /) -> None:
        """Raise where nothing was left unread: gunicorn then closes at once, not when nginx has closed."""
        try:
            unread = self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            raise OSError(errno.ENOTCONN, "the peer has said all") from None
        if unread:
            self._socket.shutdown(how)


class SyncWorker(Refusals, sync.SyncWorker):  # type: ignore[misc]  # gunicorn has no types
    """One request at a time, each with the whole time limit.

    gunicorn counts from the worker's last sign of life, which may lie half the limit before the request.
    """

    _last_sign = 0.0

    def notify(self) -> None:
        """Give a sign of life, a system call, unless the last one is fresh."""
        now = time.monotonic()
        if now - self._last_sign > SIGN_SECONDS:
            self._last_sign = now
            super().notify()

    def accept(self, listener: Any) -> None:
        """Take a connection, without system calls for what it is already, and answer its request."""
        client, address = listener.accept()
        client.setblocking(True)
        self.handle(listener, client, address)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Read the request on `client` and answer it."""
        self.notify()
        super().handle(listener, WholeToNginx(client), addr)

    def handle_request(self, listener: Any, req: Any, client: Any, addr: Any) -> None:
        """Answer the request on `client`."""
        with client.one_answer():
            super().handle_request(listener, req, client, addr)


class ThreadWorker(Refusals, gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Some requests at a time; a client that falls silent in the midst of one does not keep its thread for ever."""

    def enqueue_req(self, conn: Any) -> None:
        """Give a connection that has something to say to a thread."""
        if not isinstance(conn.sock, Whole):
            conn.sock = Whole(conn.sock)
            limit = struct.pack("ll", CLIENT_SECONDS, 0)
            conn.sock.setsockopt(SOL_SOCKET, SO_RCVTIMEO, limit)
            conn.sock.setsockopt(SOL_SOCKET, SO_SNDTIMEO, limit)
        super().enqueue_req(conn)

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Answer a request on `conn`, and return whether another one may follow."""
        with conn.sock.one_answer():
            keep: bool = super().handle_request(req, conn)
        return keep

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take connections or leave them; at the end take those that wait, and close the port.

        gunicorn keeps it open until the last answer, and drops whoever has connected by then.
        """
        if self.alive or not self._accepting:
            super().set_accept_enabled(enabled)
            return
        turn_away(self.sockets)
        deadline = time.monotonic() + TAKE_SECONDS
        while (seconds := deadline - time.monotonic()) > 0:
            self.wait_for_and_dispatch_events(seconds)
        super().set_accept_enabled(False)
        for listener in self.sockets:
            listener.close()
