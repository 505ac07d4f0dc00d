"""What a worker says of what it cannot answer, and how it sends what it can."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http import errors

from fraud_detect.serving.worker import TOGETHER_BYTES, SyncWorker, Whole, as_http, reply_to

IDENTIFIER = "0" * 32


@pytest.fixture
def ends() -> Iterator[tuple[Whole, socket.socket]]:
    """Give the server's and the client's end of a connection."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    with ours, theirs:
        whole = Whole(ours)
        yield whole, theirs


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidHeader("X"), 400),
        (errors.InvalidChunkSize(b"zz"), 400),
        (errors.LimitRequestLine(9000), 414),
        (errors.LimitRequestHeaders("many"), 431),
        (errors.UnsupportedTransferCoding("x"), 501),
        (errors.InvalidHTTPVersion("9.9"), 505),
        (errors.InvalidResponseHeader("X"), 500),
        (ValueError("a bug"), 500),
        (SystemExit(1), 503),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_each_error_has_its_status(error: BaseException, status: int) -> None:
    assert reply_to(error, identifier=IDENTIFIER, timeout_seconds=60).status == status


def test_no_reply_holds_what_the_client_sent() -> None:
    reply = reply_to(errors.InvalidHeader("987654.125"), identifier=IDENTIFIER, timeout_seconds=60)

    assert b"987654.125" not in reply.body


def test_a_request_out_of_time_is_told_the_limit_and_when_to_come_back() -> None:
    reply = reply_to(SystemExit(1), identifier=IDENTIFIER, timeout_seconds=60)

    assert json.loads(reply.body)["error"] == "The request took longer than 60 seconds"
    assert reply.retry_seconds == 1


def test_a_reply_is_whole_http() -> None:
    reply = reply_to(errors.LimitRequestLine(9000), identifier=IDENTIFIER, timeout_seconds=60)
    head, _, body = as_http(reply, IDENTIFIER).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 414 ")
    assert f"X-Request-Id: {IDENTIFIER}".encode() in head
    assert (f"Content-Length: {len(body)}".encode() in head, body) == (True, reply.body)


def test_a_head_that_nothing_follows_yet_has_not_been_sent(ends: tuple[Whole, socket.socket]) -> None:
    with ends[0].one_answer():
        ends[0].sendall(b"head ")
        ends[0].sendall(b"")

        assert _received(ends[1]) == b""


def test_a_head_goes_with_what_follows(ends: tuple[Whole, socket.socket]) -> None:
    with ends[0].one_answer():
        ends[0].sendall(b"head ")
        ends[0].sendall(b"body")

        assert _received(ends[1]) == b"head body"


def test_a_head_that_nothing_follows_goes_at_the_end(ends: tuple[Whole, socket.socket]) -> None:
    with ends[0].one_answer():
        ends[0].sendall(b"head")

    assert _received(ends[1]) == b"head"


def test_a_long_body_is_sent_once_and_in_order(ends: tuple[Whole, socket.socket]) -> None:
    body = bytes(range(256)) * (TOGETHER_BYTES // 256) + b"the rest"
    with ends[0].one_answer():
        ends[0].sendall(b"head ")
        ends[0].sendall(body)

    assert b"".join(iter(lambda: _received(ends[1]), b"")) == b"head " + body


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(1 << 20)
    except BlockingIOError:
        return b""


def test_the_next_answer_is_kept_together_too(ends: tuple[Whole, socket.socket]) -> None:
    for answer in (b"first", b"second"):
        with ends[0].one_answer():
            ends[0].sendall(answer)

        assert _received(ends[1]) == answer


def a_worker(app: Callable[..., Any]) -> SyncWorker:
    """Return a worker for `app` whose last sign of life is long ago."""
    settings = Config()
    settings.set("timeout", 60)
    worker = SyncWorker(1, os.getpid(), [], None, 30, settings, Logger(settings))
    worker.wsgi = app
    os.utime(worker.tmp.fileno(), (0, 0))
    return worker


def the_answer(worker: SyncWorker) -> bytes:
    """Let the worker answer a request, and return what it sends."""
    ours, theirs = socket.socketpair()
    with theirs, socket.socket(socket.AF_UNIX) as listener:
        theirs.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        theirs.shutdown(socket.SHUT_WR)
        worker.handle(listener, ours, "")
        return b"".join(iter(lambda: theirs.recv(1 << 16), b""))


def test_a_worker_gives_a_sign_of_life_before_each_request() -> None:
    signs = []

    def app(_: object, start_response: Callable[..., Any]) -> list[bytes]:
        signs.append(worker.tmp.last_update())
        start_response("200 OK", [("Content-Length", "0")])
        return []

    worker = a_worker(app)

    assert the_answer(worker).startswith(b"HTTP/1.1 200 OK\r\n")
    assert signs[0] > 0


def test_a_worker_that_is_ended_over_a_request_answers_it_503() -> None:
    def app(*_: object) -> list[bytes]:
        raise SystemExit(1)  # as gunicorn's handler of SIGABRT does

    answer = the_answer(a_worker(app))

    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"The request took longer than 60 seconds" in answer


def test_a_worker_that_is_ended_amid_an_answer_sends_none() -> None:
    def app(_: object, start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "2")])
        yield b""
        raise SystemExit(1)

    assert the_answer(a_worker(app)) == b""
