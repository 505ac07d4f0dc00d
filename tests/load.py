"""Clients at once, each of which knows the right answer to every row that it sends."""

from __future__ import annotations

import http.client
import itertools
import math
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from running_server import PATIENCE_SECONDS

STEPS, STEP, FIRST = 8000, 0.001, -4.0
TOLERANCE = 1e-6
"""Neighbouring rows differ by 1.7e-5 and more in their probability: a neighbour's answer is noticed."""
RIGHT, WRONG, HALF, LOST, REFUSED = "right", "wrong", "half", "lost", "refused"


@dataclass
class Outcomes:
    """How often each outcome came: `RIGHT`, ..., or the status of an answer that is none of 200."""

    counts: Counter[str | int] = field(default_factory=Counter)
    details: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, outcome: str | int, detail: str = "") -> None:
        """Count an outcome, and keep what it was if it is none to expect."""
        with self.lock:
            self.counts[outcome] += 1
            if outcome not in (RIGHT, REFUSED):
                self.details.append(f"{outcome}: {detail}")

    def __getitem__(self, outcome: str | int) -> int:
        return self.counts[outcome]

    def kinds(self) -> set[str | int]:
        """Return the outcomes that came."""
        return {outcome for outcome, count in self.counts.items() if count}


class Client:
    """Sends rows, one after the other, each with a value of its own, and judges the answers."""

    def __init__(self, port: int, number: int, clients: int) -> None:
        self.port, self.outcomes = port, Outcomes()
        self._values = (FIRST + STEP * (turn % STEPS) for turn in itertools.count(number, clients))
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, outcomes: Outcomes, *, keep: bool) -> None:
        """Send a row and note what came of it; the connection is used again if `keep`."""
        value, used = next(self._values), self._connection is not None
        try:
            connection = self._connected()
        except OSError as error:
            self._connection = None
            return outcomes.note(REFUSED, repr(error))
        outcome, detail = _outcome(connection, value)
        outcomes.note(outcome, f"{detail} ({'used' if used else 'fresh'} connection)")
        if not keep or outcome in (LOST, HALF):
            self.close()
        return None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None or self._connection.sock is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
            self._connection.connect()
        return self._connection


def _outcome(connection: http.client.HTTPConnection, value: float) -> tuple[str | int, str]:
    try:
        connection.request("POST", "/invocations", f"{value:.3f},3\n".encode(), {"Content-Type": "text/csv"})
        response = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        return LOST, repr(error)
    try:
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        return HALF, repr(error)
    if response.status != 200:
        return response.status, body.decode()
    return (RIGHT, "") if is_right(body, value) else (WRONG, f"{value:.3f} was answered {body!r}")


def is_right(body: bytes, value: float) -> bool:
    """Return whether `body` is the answer of `factories.an_artifact` to a row that begins with `value`."""
    if body.count(b"\n") != 1 or not body.endswith(b"\n"):
        return False
    label, probability = body.split(b",")
    expected = 1 / (1 + math.exp(-value))
    return abs(float(probability) - expected) < TOLERANCE and (label == b"1" or expected < 0.5 + TOLERANCE)


class Load:
    """Clients that ask one after the other until the block is left."""

    def __init__(self, port: int, *, clients: int = 8, keep: bool = False) -> None:
        self.outcomes = Outcomes()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(Client(port, number, clients), keep), daemon=True)
            for number in range(clients)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive(), "a client has no answer and no end"

    def _run(self, client: Client, keep: bool) -> None:
        while not self._stop.is_set():
            client.ask(self.outcomes, keep=keep)
            if self.outcomes[REFUSED] and client._connection is None:
                self._stop.wait(0.01)
        client.close()
