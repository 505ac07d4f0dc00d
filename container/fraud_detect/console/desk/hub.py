"""One thread that reads what happens and hands it to everybody who listens.

Each message is read and rendered once, however many listen. A listener that does not keep up is dropped: its browser
comes again and says how far it has heard.

Knows threads, the feed and the form of server-sent events. Never knows Flask.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import orjson

from fraud_detect.console.desk import feed
from fraud_detect.console.desk.feed import Changes, Place
from fraud_detect.console.storage.database import Database
from fraud_detect.errors import UserError

EVERY_SECONDS = 0.1
MOST_LISTENERS = 64
MOST_MESSAGES = 100
"""That wait for one listener: ten seconds of them."""
HEARTBEAT_SECONDS = 10.0
LONGEST_STREAM_SECONDS = 60.0
"""After that a browser comes again, and whether it still may is looked at again."""
MOST_BEHIND = 20_000
"""Rows that are sent to who comes again; who missed more loads the page anew."""
HEARTBEAT = b": still here\n\n"
GREETING = b"retry: 1000\n\n"
PAUSE_AFTER_FAULT_SECONDS = 2.0

SWEEP_SECONDS = 1.0
IsGone = Callable[[], bool]
"""Says whether a browser has closed its connection."""

logger = logging.getLogger(__name__)


class TooManyListen(UserError):
    """All places of listeners are taken."""


@dataclass(eq=False)
class Listener:
    """A browser: where in the feed its messages begin, whether it has left, what waits for it.

    None among the messages ends it.
    """

    start: Place
    is_gone: IsGone
    messages: queue.Queue[bytes | None] = field(default_factory=lambda: queue.Queue(MOST_MESSAGES))
    over: bool = False

    def give(self, message: bytes | None) -> bool:
        """Add a message, and return whether there was room."""
        try:
            self.messages.put_nowait(message)
        except queue.Full:
            self.over = True
        return not self.over


class Hub:
    """Where browsers listen. Its thread runs from the first listener on, until `stop`."""

    def __init__(self, database: Database, *, most_listeners: int = MOST_LISTENERS) -> None:
        self._database, self._most_listeners = database, most_listeners
        self._listeners: set[Listener] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._place = Place()
        self._stopping = False

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def stop(self) -> None:
        """End all streams within a moment. Takes no lock: handlers of signals may call it."""
        self._stopping = True

    def wait_until_ended(self) -> None:
        """Return when the thread has ended, which `stop` asks it to."""
        if self._thread is not None:
            self._thread.join()

    def stream(
        self, after: Place | None, *, is_gone: IsGone = lambda: False, seconds: float = LONGEST_STREAM_SECONDS
    ) -> Iterator[bytes]:
        """Return the messages after a place, or from now on, as server-sent events.

        Raises
        ------
        TooManyListen
        """
        listener = self._join(is_gone)
        messages = self._messages(listener, after or listener.start, time.monotonic() + seconds)
        next(messages)  # from here on it notices its end, even if nobody ever reads it
        return messages

    def _join(self, is_gone: IsGone) -> Listener:
        with self._lock:
            if len(self._listeners) >= self._most_listeners:
                self._sweep()
            if len(self._listeners) >= self._most_listeners or self._stopping:
                raise TooManyListen(
                    f"{len(self._listeners)} browsers listen",
                    expected=f"{self._most_listeners} at most",
                    remedy="Ask for /desk/changes every few seconds instead, as the page does.",
                )
            if not self._listeners:  # nobody needs what happened while nobody listened
                with self._database.reading() as rows:
                    self._place = feed.latest(rows)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="desk", daemon=True)
                self._thread.start()
            listener = Listener(self._place, is_gone)
            self._listeners.add(listener)
        return listener

    def _messages(self, listener: Listener, after: Place, end: float) -> Iterator[bytes]:
        try:
            yield b""
            yield GREETING
            yield from self._missed(after, listener)
            while not listener.over and time.monotonic() < end:
                try:
                    message = listener.messages.get(timeout=HEARTBEAT_SECONDS)
                except queue.Empty:
                    message = HEARTBEAT
                if message is None:
                    return
                yield message
        finally:
            with self._lock:
                self._listeners.discard(listener)

    def _missed(self, after: Place, listener: Listener) -> Iterator[bytes]:
        """Yield what happened between a place and where the listener's own messages begin."""
        if feed.behind(after, listener.start) > MOST_BEHIND:
            yield b"id: %b\nevent: reload\ndata: {}\n\n" % str(listener.start).encode()
            return
        while feed.behind(after, listener.start) and not self._stopping:
            with self._database.reading() as rows:
                changes = feed.since(rows, after, listener.start)
            if changes.empty:
                return
            after = changes.place
            yield rendered(changes)

    def _sweep(self) -> None:
        """Drop those whose browsers have left: a browser that loads its page again must not count twice."""
        for listener in [one for one in self._listeners if one.is_gone()]:
            listener.give(None)
            self._listeners.discard(listener)

    def _work(self) -> None:
        swept = time.monotonic()
        while not self._stopping:
            time.sleep(EVERY_SECONDS)
            try:
                self._tell()
                if time.monotonic() >= swept + SWEEP_SECONDS:
                    swept = time.monotonic()
                    with self._lock:
                        self._sweep()
            except Exception:
                logger.exception("the desk cannot read what happened; it tries again")
                time.sleep(PAUSE_AFTER_FAULT_SECONDS)
        with self._lock:
            for listener in self._listeners:
                listener.give(None)

    def _tell(self) -> None:
        with self._lock:
            place = self._place
            if not self._listeners:
                return
        with self._database.reading() as rows:
            changes = feed.since(rows, place)
        if changes.empty:
            return
        message = rendered(changes)
        with self._lock:
            if self._place != place:  # all left meanwhile, and the first of others came: they begin later
                return
            self._place = changes.place
            self._listeners = {listener for listener in self._listeners if listener.give(message)}


def rendered(changes: Changes) -> bytes:
    """Return changes as one server-sent event, whose id is the place to go on from."""
    return b"id: %b\ndata: %b\n\n" % (str(changes.place).encode(), as_json(changes))


def as_json(changes: Changes) -> bytes:
    """Return changes as JSON."""
    return orjson.dumps({"place": str(changes.place), "cases": [*changes.cases], "decisions": [*changes.decisions]})
