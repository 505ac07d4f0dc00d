"""Servers that answer as a test says: wrongly, slowly, or never."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Conversation = Callable[[socket.socket], None]
"""What a server does with a connection; it is closed then."""
END_OF_HEADERS = b"\r\n\r\n"


def request_of(connection: socket.socket) -> bytes:
    """Return a whole request with a Content-Length; empty if the client hangs up."""
    received = b""
    while END_OF_HEADERS not in received:
        piece = connection.recv(1 << 16)
        if not piece:
            return b""
        received += piece
    headers, _, body = received.partition(END_OF_HEADERS)
    lengths = [line.split(b":")[1] for line in headers.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < int(lengths[0]):
        body += connection.recv(1 << 16)
    return headers + END_OF_HEADERS + body


def reply(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Return a response; by `headers` it may close the connection or lead elsewhere."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + END_OF_HEADERS + body


def saying(*replies: bytes) -> Conversation:
    """Return what answers the requests of a connection one by one, and then hangs up."""

    def talk(connection: socket.socket) -> None:
        for each in replies:
            if request_of(connection):
                connection.sendall(each)

    return talk


@contextmanager
def a_server(*conversations: Conversation) -> Iterator[str]:
    """Give the address of a server that has the `conversations`, a connection each, the last one again and again."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve() -> None:
        for number in range(1 << 20):
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            talk = conversations[min(number, len(conversations) - 1)]
            thread = threading.Thread(target=_talked, args=(talk, connection), daemon=True)
            thread.start()
            threads.append(thread)

    accepting = threading.Thread(target=serve, daemon=True)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(10)


def _talked(talk: Conversation, connection: socket.socket) -> None:
    with connection, suppress(OSError):  # the client hung up
        talk(connection)
