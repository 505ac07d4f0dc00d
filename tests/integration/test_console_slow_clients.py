"""A real console and clients who are slow or speak broken HTTP: everybody else is answered meanwhile."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from console_process import ConsoleProcess
from factories import an_artifact
from fraud_detect.entrypoints.console import THREADS
from running_server import PATIENCE_SECONDS

pytestmark = [pytest.mark.slow, pytest.mark.alone]
CHUNKED = b"POST %b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\nTransfer-Encoding: chunked\r\n%b\r\n%b"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
BROKEN = [b"ZZ\r\nabc", b"3\r\nabcXX", b"3;\r\x01\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n0\r\nno header\r\n\r\n"]


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleProcess]:
    """Give a console whose endpoint is away."""
    root = tmp_path_factory.mktemp("console")
    (root / "model").mkdir()
    an_artifact(root / "model")
    with ConsoleProcess(root, "http://127.0.0.1:1") as process:
        yield process


def seconds_of_a_ping(console: ConsoleProcess) -> float:
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=PATIENCE_SECONDS)
    with contextlib.closing(connection):
        connection.request("GET", "/ping")
        assert connection.getresponse().status == 200
    return time.monotonic() - began


def connected(console: ConsoleProcess, said: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", console.port), timeout=PATIENCE_SECONDS)
    client.sendall(said)
    return client


@pytest.mark.parametrize("said", [b"", b"GET /pi"])
def test_clients_that_have_not_said_what_they_want_hold_no_threads(console: ConsoleProcess, said: bytes) -> None:
    with ExitStack() as open_until_then:
        for _ in range(THREADS + 20):
            open_until_then.enter_context(connected(console, said))
        assert seconds_of_a_ping(console) < 4  # each would have held its thread for five and more


def test_a_head_in_pieces_is_answered(console: ConsoleProcess) -> None:
    with connected(console, b"GET /ping HT") as client:
        for piece in (b"TP/1.1\r\nHo", b"st: x\r\n", b"\r", b"\n"):
            time.sleep(0.2)
            client.sendall(piece)
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_stays_silent_amid_its_head_is_let_go(console: ConsoleProcess) -> None:
    with connected(console, b"GET /pi") as client, contextlib.suppress(ConnectionResetError):
        assert client.recv(1000) == b""


def test_clients_that_do_not_close_keep_nobody_waiting(console: ConsoleProcess) -> None:
    with ExitStack() as open_until_then:
        for _ in range(10):
            client = open_until_then.enter_context(connected(console, b"GET /ping HTTP/1.0\r\n\r\n"))
            assert client.recv(1000).startswith(b"HTTP/1.0 200 ")
        assert seconds_of_a_ping(console) < 4  # gunicorn's loop heard each out for two seconds


@pytest.mark.parametrize("body", BROKEN)
def test_broken_chunks_are_the_clients_fault(console: ConsoleProcess, body: bytes) -> None:
    with connected(console, CHUNKED % (b"/log-in", b"-", FORM, body)) as client:
        assert client.recv(1000).startswith(b"HTTP/1.1 400 ")
    with connected(console, CHUNKED % (b"/api/transactions", console.token().encode(), b"", body)) as client:
        answer = http.client.HTTPResponse(client)
        answer.begin()
        told = json.loads(answer.read())
    assert (answer.status, told["error"]) == (400, "That does not work")
    assert "The body's chunks are broken" in told["message"]
    assert "Traceback" not in console.log
