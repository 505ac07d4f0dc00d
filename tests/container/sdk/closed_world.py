"""The way out of this machine, closed: a proxy that refuses everything, and writes down who was asked for."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class ClosedWorld:
    """The address of the proxy, and what it was asked for so far."""

    address: str = ""
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def closed_world() -> Iterator[ClosedWorld]:
    """Serve the proxy on a free port."""
    world = ClosedWorld()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(world))
    world.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield world
    finally:
        server.shutdown()
        server.server_close()


def _handler(world: ClosedWorld) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def refuse(self) -> None:
            world.asked.append(f"{self.command} {self.path}")
            self.send_error(502, "nobody is asked in these tests")

        do_CONNECT = do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = refuse  # noqa: N815 (http.server's names)

        def log_message(self, *_: object) -> None:
            """Say nothing: `asked` has it."""

    return Handler
