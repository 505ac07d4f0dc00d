"""The worker of threads: who sends too slowly loses the connection, not the console its threads."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.workers import gthread

from fraud_detect.console import worker
from fraud_detect.console.worker import Metered, Worker

HALF = b"POST /log-in HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


class Quiet:
    """Takes any call and does nothing, as gunicorn's log."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_args, **_named: None


def test_a_client_that_falls_silent_gives_its_thread_back(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "SILENT_SECONDS", 1)
    ours, theirs = pair
    theirs.sendall(HALF)
    made = Worker.__new__(Worker)
    made.cfg, made.log = Config(), Quiet()
    connection = gthread.TConn(made.cfg, ours, ("10.0.0.9", 1), ("10.0.0.1", 8080))
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(made.handle, connection).result(timeout=30) is False


def test_a_client_that_drips_is_given_up(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    now = [0.0]
    metered = Metered(ours, clock=lambda: now[0])
    theirs.sendall(b"a")
    assert metered.recv(1) == b"a"
    now[0] = worker.GRACE_SECONDS + 1
    theirs.sendall(b"b")
    with pytest.raises(ConnectionResetError):
        metered.recv(1)


def test_a_client_that_keeps_pace_is_not(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    now = [0.0]
    metered = Metered(ours, clock=lambda: now[0])
    theirs.sendall(bytes(40_000))
    now[0] = worker.GRACE_SECONDS + 1
    assert sum(len(metered.recv(20_000)) for _ in range(2)) == 40_000


def test_the_next_request_on_the_same_connection_has_time_of_its_own(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    now = [0.0]
    metered = Metered(ours, clock=lambda: now[0])
    now[0] = 10 * worker.GRACE_SECONDS
    metered.begin()
    theirs.sendall(b"a")
    assert metered.recv(1) == b"a"
