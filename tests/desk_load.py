"""Programs that send transactions at a fixed rate, browsers that listen, and when each heard of what.

Knows HTTP/1.1 on asyncio's sockets: it has to cost less than what it measures.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from console_process import PASSWORD, ConsoleProcess
from fraud_detect.console.storage.tables import Role

CONNECTIONS = 48
COME_AGAIN, PAUSE_SECONDS, MOST_TRIES = (429, 503), 0.2, 20
_CHUNK_END = b"\r\n"


@dataclass
class Heard:
    """When each of the browsers heard of each case, by `time.perf_counter`."""

    browsers: int
    at: dict[int, dict[int, float]] = field(default_factory=dict)
    """By case, by browser."""
    _parsed: dict[bytes, list[int]] = field(default_factory=dict)
    streams: int = 0

    def note(self, browser: int, message: bytes, now: float) -> None:
        """Note that a browser heard a message; all hear the same one, which is parsed once."""
        numbers = self._parsed.get(message)
        if numbers is None:
            numbers = self._parsed[message] = [case["id"] for case in json.loads(message)["cases"]]
        for number in numbers:
            self.at.setdefault(number, {}).setdefault(browser, now)


@dataclass
class Sent:
    """The answer to one transaction: when it was due, when it was answered, and what was said."""

    due: float
    answered: float
    status: int
    body: dict[str, Any]


class Connection:
    """A connection that is kept, and made anew where it was closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Return status and body; a lost connection is tried once more, for with an id twice is once."""
        try:
            return await self._asked(request)
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return await self._asked(request)

    async def _asked(self, request: bytes) -> tuple[int, bytes]:
        self._streams = self._streams or await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        status, answer, stays = await _answer(reader)
        if not stays:
            self.close()
        return status, answer

    def close(self) -> None:
        """Close it."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


@dataclass
class Load:
    """A console under load."""

    port: int
    token: str
    cookie: str
    heard: Heard = field(default_factory=lambda: Heard(0))
    waits: int = 0
    """How often the console said that it does not keep up, and was asked again."""

    async def run(self, bodies: Sequence[bytes], *, a_second: float, browsers: int) -> list[Sent]:
        """Send `bodies` at a fixed rate while so many browsers listen, and return the answers."""
        self.heard = Heard(browsers)
        ready = [asyncio.Event() for _ in range(browsers)]
        listening = [asyncio.create_task(self._listen(number, ready[number])) for number in range(browsers)]
        await _all_ready(ready, listening)
        sent = await self._send_all(bodies, a_second)
        await self._wait_until_heard([one.body["id"] for one in sent if one.status < 300])
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
        return sent

    async def _wait_until_heard(self, numbers: Sequence[int], seconds: float = 10.0) -> None:
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            if all(len(self.heard.at.get(number, ())) == self.heard.browsers for number in numbers):
                return
            await asyncio.sleep(0.1)

    async def _send_all(self, bodies: Sequence[bytes], a_second: float) -> list[Sent]:
        due: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
        sent: list[Sent] = []
        senders = [asyncio.create_task(self._sender(due, sent)) for _ in range(CONNECTIONS)]
        began = time.perf_counter()
        for number, body in enumerate(bodies):
            at = began + number / a_second
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            due.put_nowait((at, body))
        for _ in senders:
            due.put_nowait(None)
        await asyncio.gather(*senders)
        return sent

    async def _sender(self, due: asyncio.Queue[tuple[float, bytes] | None], sent: list[Sent]) -> None:
        connection = Connection(self.port)
        while (taken := await due.get()) is not None:
            at, body = taken
            status, answer = await connection.ask(self._request(body))
            for _ in range(MOST_TRIES):
                if status not in COME_AGAIN:
                    break
                self.waits += 1
                await asyncio.sleep(PAUSE_SECONDS)
                status, answer = await connection.ask(self._request(body))
            sent.append(Sent(at, time.perf_counter(), status, json.loads(answer)))
        connection.close()

    def _request(self, body: bytes) -> bytes:
        head = (
            f"POST /api/transactions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def _listen(self, browser: int, ready: asyncio.Event) -> None:
        """Listen, and come again where the stream ends, from where it ended."""
        last = ""
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
            resumed = f"Last-Event-ID: {last}\r\n" if last else ""
            writer.write(
                f"GET /desk/events HTTP/1.1\r\nHost: localhost\r\nCookie: {self.cookie}\r\n{resumed}\r\n".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head.split(b"\r\n", 1)[0], head
            ready.set()
            self.heard.streams += 1
            try:
                last = await self._hear(reader, browser, last)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

    async def _hear(self, reader: asyncio.StreamReader, browser: int, last: str) -> str:
        while True:
            size = int((await reader.readuntil(_CHUNK_END)).strip() or b"0", 16)
            if size == 0:
                return last
            chunk = (await reader.readexactly(size + 2))[:-2]
            found = re.match(rb"id: (\S+)\ndata: (.*)\n\n", chunk)
            if found:
                last = found.group(1).decode()
                self.heard.note(browser, found.group(2), time.perf_counter())


async def _all_ready(ready: Sequence[asyncio.Event], listening: Sequence[asyncio.Task[None]]) -> None:
    """Wait until all listen; a fault of one of them is raised here."""
    while not all(event.is_set() for event in ready):
        await asyncio.sleep(0.05)
        for task in listening:
            if task.done():
                task.result()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes, bool]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = re.search(rb"content-length: (\d+)", head)
    assert length is not None, head
    return int(head.split(b" ", 2)[1]), await reader.readexactly(int(length.group(1))), b"connection: close" not in head


@dataclass(frozen=True)
class Outcome:
    """What a load came to: seconds from when a POST was due until a browser heard of its case, over all browsers."""

    sent: int
    refused: int
    alerts: int
    lost: int
    """Pairs of an alert and a browser that never heard of it."""
    unheard: int
    """Pairs of any transaction and a browser that never heard of it."""
    seconds: Sequence[float]
    answers: Sequence[float]

    def percentile(self, share: float) -> float:
        """Return the time that `share` of all stay within."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


def outcome(sent: Sequence[Sent], heard: Heard) -> Outcome:
    """Return what came of all that was sent."""
    taken = [one for one in sent if one.status < 300]
    alerts = [one for one in taken if one.body["alert"]]
    return Outcome(
        sent=len(sent),
        refused=len(sent) - len(taken),
        alerts=len(alerts),
        lost=_missing(alerts, heard),
        unheard=_missing(taken, heard),
        seconds=[at - one.due for one in taken for at in heard.at.get(one.body["id"], {}).values()],
        answers=[one.answered - one.due for one in sent],
    )


def _missing(sent: Sequence[Sent], heard: Heard) -> int:
    return sum(heard.browsers - len(heard.at.get(one.body["id"], ())) for one in sent)


def a_cookie(console: ConsoleProcess) -> str:
    """Return the cookie of a new analyst that is logged in."""
    name = console.account("listener", Role.ANALYST)
    connection = http.client.HTTPConnection("127.0.0.1", console.port)
    connection.request("GET", "/log-in")
    answer = connection.getresponse()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', answer.read().decode())
    assert token is not None
    cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
    body = urlencode({"csrf_token": token.group(1), "name": name, "password": PASSWORD})
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/log-in", body, headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 302, answer.status
    return str(answer.headers["Set-Cookie"]).partition(";")[0]
