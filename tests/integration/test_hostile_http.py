"""Whatever comes over the wire gets a proper refusal or a closed connection, and harms nobody else."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from factories import an_artifact
from running_server import ROW, Server, alone, behind_nginx, wait_until

pytestmark = pytest.mark.alone

HOST = b"Host: x\r\n"
QUIET_SECONDS = 0.1
"""After that a server that has said something has said all."""
PATIENCE_SECONDS = 5.0
SHORT_PATIENCE_SECONDS = 0.3
"""For a server that may well wait for more."""
MARKER = b"987654.125"


def a_post(*headers: bytes, body: bytes = ROW, length: bytes | int | None = None) -> bytes:
    """Return a request with rows; `length` is what it says of its body."""
    announced = len(body) if length is None else length
    lines = [*headers, b"Content-Length: %s" % str(announced).encode() if isinstance(announced, int) else announced]
    return b"POST /invocations HTTP/1.1\r\n" + HOST + b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(body: bytes, *headers: bytes) -> bytes:
    """Return a request whose body comes in the chunks of `body`."""
    lines = b"\r\n".join([*headers, b"Transfer-Encoding: chunked"])
    return b"POST /invocations HTTP/1.1\r\n" + HOST + lines + b"\r\n\r\n" + body


def a_get(target: bytes = b"/ping", *, method: bytes = b"GET", version: bytes = b"HTTP/1.1") -> bytes:
    return b"%s %s %s\r\n%s\r\n" % (method, target, version, HOST)


CHUNK, LAST = b"4\r\n0,3\n\r\n", b"0\r\n\r\n"
NEXT = a_get(b"/metrics")

REFUSED = {
    "a negative length": a_post(length=-4),
    "a length with a plus": a_post(length=b"Content-Length: +4"),
    "a list of lengths": a_post(length=b"Content-Length: 4, 4"),
    "a length in other digits": a_post(length="Content-Length: ٤".encode()),
    "two lengths": a_post(b"Content-Length: 5"),
    "the same length twice": a_post(b"Content-Length: 4"),
    "a length and chunks": a_post(b"Transfer-Encoding: chunked", body=CHUNK + LAST),
    "a length and chunks, reversed": chunked(CHUNK + LAST, b"Content-Length: 4"),
    "chunked twice": chunked(CHUNK + LAST, b"Transfer-Encoding: chunked"),
    "an unknown transfer coding": a_post(b"Transfer-Encoding: xchunked"),
    "a transfer coding after a vertical tab": a_post(b"Transfer-Encoding: \x0bchunked", body=LAST),
    "a space before the colon": a_post(b"Transfer-Encoding : chunked", body=LAST + NEXT),
    "chunks of HTTP/1.0": chunked(CHUNK + LAST).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a chunk size that is no number": chunked(b"zz\r\n0,3\n\r\n" + LAST),
    "a negative chunk size": chunked(b"-4\r\n0,3\n\r\n" + LAST),
    "a chunk longer than announced": chunked(b"4\r\n0,3\n0,3\n\r\n" + LAST),
    "one header of 64 KB": a_post(b"X: " + b"y" * 65_536),
    "headers of 1 MB": a_post(*(b"X-%d: %s" % (number, b"y" * 1000) for number in range(1000))),
    "a NUL in a header's value": a_post(b"X: a\0b"),
    "a NUL in a header's name": a_post(b"X\0: b"),
    "a folded header": a_post(b"X: a\r\n b"),
    "a URL of 9 KB": a_get(b"/" + b"x" * 9216),
    "a path in raw UTF-8": a_get("/invocations/é€".encode()),
    "a path of raw bytes": a_get(b"/\xff\xfe"),
    "a path with a broken escape": a_get(b"/%zz"),
    "a path with an escaped NUL": a_get(b"/ping%00"),
    "a path upwards": a_get(b"/../../etc/passwd"),
    "an escaped path upwards": a_get(b"/%2e%2e/%2e%2e/etc/passwd"),
    "a method of 50 letters": a_get(method=b"A" * 50),
    "a method in small letters": a_get(method=b"get"),
    "CONNECT": a_get(b"example.com:80", method=b"CONNECT"),
    "TRACE": a_get(method=b"TRACE"),
    "OPTIONS *": a_get(b"*", method=b"OPTIONS"),
    "two hosts": a_get().replace(HOST, HOST + HOST),
    "HTTP/2.0": a_get(version=b"HTTP/2.0"),
    "HTTP/9.9": a_get(version=b"HTTP/9.9"),
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "the preface of the PROXY protocol": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + a_get(),
    "a TLS client's hello": bytes.fromhex("16030100c8010000c40303") + bytes(range(256)) + b"\r\n\r\n",
    "what looks like random bytes": b"\xff" + hashlib.shake_256(b"any").digest(3000) + b"\r\n\r\n",
    "rows without a request": b"0,%s\n\r\n\r\n" % MARKER,
    "a Content-Type of raw bytes": a_post(b"Content-Type: \xff\xfe"),
    "custom attributes of raw bytes": a_post(b"X-Amzn-SageMaker-Custom-Attributes: \xff"),
    "a compressed body": a_post(b"Content-Encoding: gzip", body=b"\x1f\x8b\x08"),
    "a request as a body": a_post(body=NEXT),
}
"""What is answered with a 4xx, or one of HTTP's two 5xx for what is not implemented."""

ANSWERED = {
    "200 headers": a_post(*(b"X-%d: y" % number for number in range(200))),
    "a header without a colon": a_post(b"Nocolon"),
    "two Content-Types": a_post(b"Content-Type: text/csv", b"Content-Type: application/json"),
    "SCRIPT_NAME": a_post(b"SCRIPT_NAME: /elsewhere"),
    "Script-Name": a_post(b"Script-Name: /elsewhere"),
    "PATH_INFO": a_post(b"PATH_INFO: /elsewhere"),
    "contradicting schemes": a_post(b"X-Forwarded-Proto: https", b"X-Forwarded-Ssl: off"),
    "an unknown Expect": a_post(b"Expect: something"),
    "an upgrade to HTTP/2": a_get().replace(HOST, HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n"),
    "ranges": a_get().replace(HOST, HOST + b"Range: bytes=0-1,3-4\r\n"),
    "HTTP/0.9": b"GET /ping\r\n",
    "HTTP/1.2": a_get(version=b"HTTP/1.2"),
    "no host": a_get().replace(HOST, b""),
    "an absolute URL": a_get(b"http://example.com/ping"),
    "bare line feeds": a_get().replace(b"\r", b""),
    "a GET with a body": a_get().replace(HOST, HOST + b"Content-Length: 4\r\n") + ROW,
    "a chunk with an extension": chunked(b"4;a=b\r\n0,3\n\r\n" + LAST),
    "a chunk extension of 20 KB": chunked(b"4;%s\r\n0,3\n\r\n" % (b"a" * 20_000) + LAST),
    "chunks with bare line feeds": chunked((CHUNK + LAST).replace(b"\r", b"")),
    "a trailer that is a length": chunked(CHUNK + b"0\r\nContent-Length: 3\r\n\r\n"),
    "rows without a length": b"POST /invocations HTTP/1.1\r\n" + HOST + b"\r\n" + ROW,
    "empty lines": b"\r\n" * 100,
    "a length of many digits": a_post(length=b"Content-Length: " + b"9" * 30),
    "identity, then chunks": chunked(CHUNK + LAST, b"Transfer-Encoding: identity"),
    "a chunk shorter than announced": chunked(b"5\r\n0,3\n\r\n" + LAST),
    "a chunk of 2^80 bytes": chunked(b"1" + b"0" * 20 + b"\r\n0,3\n"),
}
"""What nginx and gunicorn may take one way or another: an answer, a refusal, a closed connection, silence."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    an_artifact(folder / "model")
    return folder


@pytest.fixture(scope="module", params=[behind_nginx, alone])
def server(request: pytest.FixtureRequest, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("log") / "log"
    with Server(root, request.param, log=log, SAGEMAKER_CONTAINER_LOG_LEVEL="DEBUG") as server:
        wait_until(lambda: len(server.workers()) == 2)
        yield server


@pytest.fixture(autouse=True)
def _unharmed(server: Server) -> Iterator[None]:
    """Hold that after each test the same processes run, and the next request is answered."""
    before = server.processes()
    yield
    assert server.processes() == before
    assert server.post(ROW).body == b"1,0.5\n"


@dataclass(frozen=True)
class Heard:
    """All that came over a connection: of each answer its status and body."""

    raw: bytes

    @property
    def answers(self) -> Sequence[tuple[int, bytes]]:
        """Status and body of each answer, split at the heads."""
        heads = [*re.finditer(rb"HTTP/1\.\d (\d{3}) [^\r]*\r\n(?:[^\r]+\r\n)*\r\n", self.raw)]
        ends = [*(head.start() for head in heads), len(self.raw)][1:]
        return [(int(head[1]), self.raw[head.end() : end]) for head, end in zip(heads, ends, strict=False)]

    @property
    def statuses(self) -> Sequence[int]:
        """The statuses of the answers."""
        return [status for status, _ in self.answers]


def hear(server: Server, sent: bytes, patience_seconds: float = PATIENCE_SECONDS) -> Heard:
    """Send bytes as they are, and return what comes until the server closes or falls silent."""
    heard = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=patience_seconds) as connection:
        with suppress(OSError):  # refused before all was sent; the answer may be there all the same
            connection.sendall(sent)
        with suppress(OSError):
            while block := connection.recv(1 << 16):
                heard += block
                connection.settimeout(QUIET_SECONDS)
    return Heard(heard)


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_wrong_is_refused_in_json(server: Server, sent: bytes) -> None:
    heard = hear(server, sent)

    status, body = heard.answers[0]
    assert 400 <= status < 500 or status in (501, 505)
    assert {"error", "expected", "remedy"} == json.loads(body).keys()
    assert b"X-Request-Id: " in heard.raw


@pytest.mark.parametrize("sent", ANSWERED.values(), ids=ANSWERED.keys())
def test_what_is_odd_never_fails(server: Server, sent: bytes) -> None:
    heard = hear(server, sent, SHORT_PATIENCE_SECONDS)

    assert all(status < 500 for status in heard.statuses)
    assert all(body.startswith(b'{"error":') for status, body in heard.answers if status >= 400)
    assert b"Traceback" not in heard.raw
    assert b"<html" not in heard.raw


def test_a_body_shorter_than_said_is_waited_for(server: Server) -> None:
    assert hear(server, a_post(length=40), SHORT_PATIENCE_SECONDS).statuses == []


def test_what_follows_a_body_is_another_request(server: Server) -> None:
    assert hear(server, a_post(body=ROW + b"0,3\n", length=len(ROW))).statuses == [200, 400]


def test_requests_in_one_piece_are_answered_in_turn(server: Server) -> None:
    sent = b"".join(a_post(body=b"%d,3\n" % number) for number in (-1, 0, 1))
    answers = [body for _, body in hear(server, sent).answers]

    assert [body[:5] for body in answers] == [b"0,0.2", b"1,0.5", b"1,0.7"]


POST = b"POST /invocations HTTP/1.1\r\n" + HOST
LENGTH, CHUNKED = b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"
SMUGGLED = {
    "a length, then chunks": POST + LENGTH + CHUNKED + b"\r\n" + LAST,
    "chunks, then a length": POST + CHUNKED + LENGTH + b"\r\n" + LAST,
    "chunks in capitals": POST + LENGTH + b"Transfer-Encoding: CHUNKED\r\n\r\n" + LAST,
    "a coding after a tab": POST + LENGTH + b"Transfer-Encoding:\tchunked\r\n\r\n" + LAST,
    "a coding after a line feed": POST + LENGTH + b"X: y\n" + CHUNKED + b"\r\n" + LAST,
    "a broken chunk": POST + CHUNKED + b"\r\n2\r\n0,3\n\r\n" + LAST,
    "two lengths": POST + b"Content-Length: 0\r\n" + LENGTH + b"\r\n",
}
"""Requests of which one server may see the end elsewhere than another."""


@pytest.mark.parametrize("first", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_no_request_hides_behind_another(server: Server, first: bytes) -> None:
    heard = hear(server, first + NEXT, SHORT_PATIENCE_SECONDS)

    assert b"fraud_detect_requests" not in heard.raw, "the hidden request for /metrics was answered"
    assert heard.statuses[:1] in ([], [400], [501])


def test_no_log_line_holds_what_was_not_a_request(server: Server) -> None:
    for sent in (b"0,%s\n\r\n\r\n", chunked(b"%s\r\n0,3\n\r\n"), a_post(b"X: \0%s"), b"0,%s\n", chunked(b"4\r\n0,%s")):
        hear(server, sent.replace(b"%s", MARKER), SHORT_PATIENCE_SECONDS)

    assert server.post(ROW).status == 200
    assert MARKER.decode() not in server.log()
