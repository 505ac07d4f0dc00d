"""Bring the lines that nginx writes of its requests to our standard error.

nginx would open /dev/stderr anew: where that is a socket it cannot, and where it is a file it writes over our lines.

Knows pipes and threads. Never knows nginx, what a line says.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

BLOCK_BYTES = 1 << 16


@contextmanager
def relayed(pipe: Path) -> Iterator[None]:
    """Make a named pipe and copy what is written to it to standard error, until all of it has come at the end."""
    os.mkfifo(pipe, 0o600)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # else it would wait for a writer
    writer = os.open(pipe, os.O_WRONLY)  # ours keeps the pipe open while nginx is not there
    os.set_blocking(reader, True)
    copying = Thread(target=_copy, args=(reader, sys.stderr.fileno()), name="request log", daemon=True)
    copying.start()
    try:
        yield
    finally:
        os.close(writer)
        copying.join(1)


def _copy(reader: int, target: int) -> None:
    with suppress(OSError):  # nobody reads our standard error any more
        while block := os.read(reader, BLOCK_BYTES):
            _write(target, block)
    os.close(reader)


def _write(target: int, block: bytes) -> None:
    while block:
        block = block[os.write(target, block) :]
