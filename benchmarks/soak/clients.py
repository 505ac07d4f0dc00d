"""Clients that send a mixture of requests, and compare every answer with the first one to the same request.

Knows HTTP and what the endpoint answers. Never knows processes.
"""

from __future__ import annotations

import http.client
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from bodies import Body, Table, csv, json_lines, json_lists, json_records

BYTES_PER_MB = 1 << 20
PATIENCE_SECONDS = 60
SHOWN_CHARACTERS = 200


@dataclass(frozen=True)
class Kind:
    """A request that is sent `weight` times as often as one of weight 1, and the status that it is answered with.

    With `drop` the client goes away after that part of the body, in [0, 1].
    """

    name: str
    body: Body
    weight: float
    status: int = 200
    drop: float | None = None
    path: str = "/invocations"


def mixture(table: Table) -> Sequence[Kind]:
    """Return what is sent: mostly single rows, now and then the largest body there may be."""
    explained = json_records(table, 20)
    explained = Body(explained.content_type, explained.content, explained.rows, "application/json;explain=5")
    rows_of_a_mb = csv(table, 1000).rows * BYTES_PER_MB // len(csv(table, 1000).content)
    return [
        Kind("one CSV row", csv(table, 1), 400),
        Kind("one JSON record", json_records(table, 1), 200),
        Kind("20 rows explained", explained, 20),
        Kind("1,000 CSV rows", csv(table, 1000), 20),
        Kind("300 JSON lists", json_lists(table, 300), 20),
        Kind("300 JSON Lines", json_lines(table, 300), 20),
        Kind("8 MB of CSV", csv(table, 8 * rows_of_a_mb), 1),
        Kind("20 MB of CSV", csv(table, 20 * rows_of_a_mb), 0.2),
        Kind("8 MB of JSON lists", json_lists(table, 8 * rows_of_a_mb), 0.5),
        Kind("a row too short", Body("text/csv", b"1,2,3\n", 1), 30, status=400),
        Kind("broken JSON", Body("application/json", b'{"instances": [', 0), 30, status=400),
        Kind("an unknown type", Body("image/png", b"1,2,3\n", 1), 10, status=415),
        Kind("an unknown path", Body("text/csv", b"1\n", 1), 10, status=404, path="/nowhere"),
        Kind("gone after half a row", csv(table, 1), 30, drop=0.5),
        Kind("gone after half of 8 MB", csv(table, 8 * rows_of_a_mb), 0.5, drop=0.5),
        Kind("gone before the answer", csv(table, 1000), 10, drop=1.0),
    ]


@dataclass
class Tally:
    """What came of the requests: how many of each kind, how many were cut off, and what was wrong."""

    sent: Counter[str] = field(default_factory=Counter)
    cut_off: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


class Clients:
    """Threads that send requests until the block is left, each over a connection that it keeps."""

    def __init__(self, port: int, kinds: Sequence[Kind], *, number: int, seed: int) -> None:
        self.tally = Tally()
        self._port, self._kinds = port, kinds
        self._expected: Mapping[str, bytes] = {
            kind.name: _ask(self._connection(), kind)[1] for kind in kinds if kind.drop is None
        }
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(seed + place),))  # noqa: S311  which comes next is no secret
            for place in range(number)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, choice: random.Random) -> None:
        connection, weights = self._connection(), [kind.weight for kind in self._kinds]
        while not self._stop.is_set():
            (kind,) = choice.choices(self._kinds, weights)
            if kind.drop is None:
                connection = self._compare(connection, kind)
            else:
                _drop(self._port, kind, kind.drop)
                self._note(kind)
        connection.close()

    def _compare(self, connection: http.client.HTTPConnection, kind: Kind) -> http.client.HTTPConnection:
        """Send a request, and return the connection for the next one."""
        start = time.monotonic()
        try:
            status, answer = _ask(connection, kind)
        except (OSError, http.client.HTTPException):
            connection.close()
            self._note(kind, cut_off=True)
            return self._connection()
        if status != kind.status or answer != self._expected[kind.name]:
            shown = answer[:SHOWN_CHARACTERS].decode(errors="replace")
            self._note(kind, wrong=f"{kind.name}: {status} {shown}")
        else:
            self._note(kind, seconds=time.monotonic() - start)
        return connection

    def _note(self, kind: Kind, *, cut_off: bool = False, wrong: str = "", seconds: float | None = None) -> None:
        with self._lock:
            self.tally.sent[kind.name] += 1
            self.tally.cut_off += cut_off
            self.tally.wrong += [wrong] if wrong else []
            if seconds is not None and kind.body.rows == 1:
                self.tally.seconds.append(seconds)

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_SECONDS)


def _ask(connection: http.client.HTTPConnection, kind: Kind) -> tuple[int, bytes]:
    accept = {"Accept": kind.body.accept} if kind.body.accept else {}
    headers = {"Content-Type": kind.body.content_type, **accept}
    connection.request("POST", kind.path, kind.body.content, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def _drop(port: int, kind: Kind, part: float) -> None:
    """Send a part of the body and reset the connection."""
    head = f"POST {kind.path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind.body.content_type}\r\n"
    head += f"Content-Length: {len(kind.body.content)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(head.encode() + kind.body.content[: int(part * len(kind.body.content))])
