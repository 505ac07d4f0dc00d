"""The worker of threads: who sends or takes too slowly loses the connection, not the console its threads."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.workers import gthread

from fraud_detect.console import worker
from fraud_detect.console.worker import Metered, Worker

HEAD = b"POST /log-in HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Give a connection's two ends: ours, and the client's, who keeps little of what he does not read."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as theirs:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        theirs.connect(server.getsockname())
        ours, _ = server.accept()
        with ours:
            yield ours, theirs


class Quiet:
    """Takes any call and does nothing, as gunicorn's log."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_args, **_named: None


class Reading(Worker):
    """A worker whose application reads bodies and answers nothing."""

    def __init__(self) -> None:
        self.cfg, self.log = Config(), Quiet()

    def handle_request(self, req: Any, _: Any) -> bool:
        """Read the body, and end the connection after it."""
        return not req.body.read()


def a_connection(made: Worker, ours: socket.socket) -> Any:
    return gthread.TConn(made.cfg, ours, ("10.0.0.9", 1), ("10.0.0.1", 8080))


def test_a_client_that_falls_silent_gives_its_thread_back(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SILENT_SECONDS", 1)
    ours, theirs = pair
    theirs.sendall(HEAD + b"name")
    made = Reading()
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(made.handle, a_connection(made, ours)).result(timeout=30) is False


@pytest.mark.parametrize("came", [b"", b"P", HEAD[:-1], b"\r\n\r\n"])
def test_a_head_that_is_not_whole_takes_no_thread(pair: Pair, came: bytes) -> None:
    ours, theirs = pair
    theirs.sendall(came)
    made = Reading()
    connection = a_connection(made, ours)
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(made.handle, connection).result(timeout=4) is gthread._DEFER


def test_a_head_in_many_pieces_is_read_when_it_is_whole(pair: Pair) -> None:
    ours, theirs = pair
    metered, told = Metered(ours), []
    for place in range(len(HEAD)):
        told.append(metered.has_head(b""))
        theirs.sendall(HEAD[place : place + 1])
        assert select.select([ours], [], [], 10)[0] == [ours]
    assert (told, metered.has_head(b"")) == ([False] * len(HEAD), True)
    assert metered.recv(1000) == HEAD


def test_what_was_read_with_the_request_before_belongs_to_the_head(pair: Pair) -> None:
    metered = Metered(pair[0])
    assert (metered.has_head(HEAD[:5]), metered.has_head(HEAD)) == (False, True)


def test_gunicorn_reads_on_where_a_client_has_ended_amid_the_head(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(HEAD[:9])
    metered = Metered(ours)
    assert metered.has_head(b"") is False
    theirs.shutdown(socket.SHUT_WR)
    assert metered.has_head(b"") is True


def test_a_client_that_drips_its_head_is_given_up(pair: Pair) -> None:
    ours, theirs = pair
    now = [0.0]
    metered = Metered(ours, clock=lambda: now[0])
    theirs.sendall(b"G")
    assert metered.has_head(b"") is False
    now[0] = worker.GRACE_SECONDS + 1
    theirs.sendall(b"E")
    with pytest.raises(ConnectionResetError):
        metered.has_head(b"")


def test_a_client_that_drips_is_given_up(pair: Pair) -> None:
    ours, theirs = pair
    now = [0.0]
    metered = Metered(ours, clock=lambda: now[0])
    theirs.sendall(b"a")
    assert metered.recv(1) == b"a"
    now[0] = worker.GRACE_SECONDS + 1
    theirs.sendall(b"b")
    with pytest.raises(ConnectionResetError):
        metered.recv(1)


def test_a_client_that_keeps_pace_is_not(pair: Pair) -> None:
    ours, theirs = pair
    now = [0.0]
    metered = Metered(ours, clock=lambda: now[0])
    theirs.sendall(bytes(40_000))
    now[0] = worker.GRACE_SECONDS + 1
    assert sum(len(metered.recv(20_000, socket.MSG_WAITALL)) for _ in range(2)) == 40_000


def test_the_next_request_on_the_same_connection_has_time_of_its_own(pair: Pair) -> None:
    ours, theirs = pair
    now = [0.0]
    metered = Metered(ours, clock=lambda: now[0])
    now[0] = 10 * worker.GRACE_SECONDS
    metered.begin()
    theirs.sendall(b"a")
    assert metered.recv(1) == b"a"


def test_a_client_that_takes_nothing_is_given_up(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SILENT_SECONDS", 2)
    monkeypatch.setattr(worker, "LOOK_SECONDS", 1)
    metered = Metered(pair[0])
    with ThreadPoolExecutor(1) as threads, pytest.raises(ConnectionResetError):
        threads.submit(metered.sendall, bytes(20_000_000)).result(timeout=30)


def test_a_client_that_takes_too_little_is_given_up(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LOOK_SECONDS", 1)
    monkeypatch.setattr(worker, "GRACE_SECONDS", 3)
    monkeypatch.setattr(worker, "SLOWEST_BYTES_A_SECOND", 1 << 30)
    ours, theirs = pair
    metered, ended = Metered(ours), threading.Event()
    with ThreadPoolExecutor(2) as threads:
        reading = threads.submit(_read_slowly, theirs, ended)
        with pytest.raises(ConnectionResetError):
            threads.submit(metered.sendall, bytes(20_000_000)).result(timeout=30)
        ended.set()
    assert reading.result() > 0


def test_a_client_that_reads_slowly_gets_all(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel keeps megabytes for it, so that a thread may wait for longer than the client may be silent."""
    monkeypatch.setattr(worker, "SILENT_SECONDS", 2)
    monkeypatch.setattr(worker, "LOOK_SECONDS", 1)
    ours, theirs = pair
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)
    metered, ended = Metered(ours), threading.Event()
    size = 600_000
    with ThreadPoolExecutor(2) as threads:
        reading = threads.submit(_read_slowly, theirs, ended)
        threads.submit(metered.sendall, bytes(size)).result(timeout=60)
        ended.set()
        ours.shutdown(socket.SHUT_WR)
    assert reading.result() == size


def _read_slowly(theirs: socket.socket, ended: threading.Event) -> int:
    """Read a little now and then, and all that is left once the other side has `ended`."""
    count = 0
    try:
        while data := theirs.recv(60_000):
            count += len(data)
            ended.wait(0.2)
    except ConnectionResetError:
        pass
    return count


def test_a_stream_that_says_little_for_long_is_not_cut(pair: Pair) -> None:
    ours, theirs = pair
    now = [0.0]
    metered = Metered(ours, clock=lambda: now[0])
    for _ in range(100):
        now[0] += worker.GRACE_SECONDS
        metered.sendall(b": here\n\n")
    assert theirs.recv(800, socket.MSG_WAITALL) == b": here\n\n" * 100


def test_a_client_that_does_not_close_keeps_nobody_waiting(pair: Pair) -> None:
    """In the loop that all connections come through gunicorn hears it out for two seconds."""
    ours, theirs = pair
    theirs.sendall(HEAD + b"name=anna")
    made = Reading()
    connection = a_connection(made, ours)
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(made.handle, connection).result(timeout=30) is False
        threads.submit(connection.close, graceful=True).result(timeout=1)
