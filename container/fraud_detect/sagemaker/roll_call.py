"""What the hosts of a job tell each other beside the training: what each has, that each is done, or why one failed.

All hosts call the first one, itself too, which passes on what concerns all. XGBoost's collective cannot do this: who
takes part must be known before it begins, and it ends the processes of all hosts, without a cause, when one is gone.

Knows hosts by name. Never knows training, what hosts have.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fraud_detect.errors import UserError
from fraud_detect.sagemaker.line import Line, Message

PORT = 9098
SECONDS_TO_REPORT = 960.0
SECONDS_FOR_LATECOMERS = 300.0
"""How long the first host stays, when the job fails, for hosts that have not called yet: they would try for longer."""
GONE = "it is gone: its process was killed, or the machine or the network failed. Look at its log."
HOST, HAS, ROLL, DONE, FAILED, END = "host", "has", "roll", "done", "failed", "end"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """Why the job fails: the host, the cause and remedy, and the exit code of all hosts."""

    host: str
    cause: str
    code: int


class RollCall:
    """The first host's end of all lines: once every one of `hosts` said what it has, all are told.

    `prepare` is called with what each has before; what it raises is the job's failure.
    """

    def __init__(self, address: str, hosts: Sequence[str], prepare: Callable[[Mapping[str, Any]], None]) -> None:
        self._listener = socket.create_server((address, PORT), backlog=len(hosts) + 8)
        self._hosts, self._prepare = tuple(hosts), prepare
        self._lines: dict[str, Line] = {}
        self._has: dict[str, Any] = {}
        self._done: set[str] = set()
        self._failure: Failure | None = None
        self._open, self._lock = 0, threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()
        timer = threading.Timer(SECONDS_TO_REPORT, self._check_all_there)
        timer.daemon = True
        timer.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._attend, args=[Line(connection)], daemon=True).start()

    def _attend(self, line: Line) -> None:
        name = None
        with self._lock:
            self._open += 1
        for message in line.messages():
            with self._lock:
                name = name or self._known(message, line)
                if name is None:
                    break
                self._heed(name, message)
        with self._lock:
            if name is not None and len(self._done) < len(self._hosts):
                self._fail(Failure(name, GONE, 1))
            self._open -= 1
            self._lock.notify_all()
        line.close()

    def _known(self, message: Message, line: Line) -> str | None:
        name = message.get(HOST)
        if name not in self._hosts or name in self._lines:
            return None
        self._lines[str(name)] = line
        if self._failure is not None:
            line.say({FAILED: asdict(self._failure)})
        return str(name)

    def _heed(self, name: str, message: Message) -> None:
        if HAS in message:
            self._has[name] = message[HAS]
            if len(self._has) == len(self._hosts):
                self._tell_all_what_each_has()
        if FAILED in message:
            self._fail(Failure(**message[FAILED]))
        if DONE in message:
            self._done.add(name)
            if len(self._done) == len(self._hosts) and self._failure is None:
                self._tell({END: True})

    def _tell_all_what_each_has(self) -> None:
        try:
            self._prepare(self._has)
        except (UserError, OSError) as error:
            self._fail(Failure(self._hosts[0], str(error), 1))
        else:
            self._tell({ROLL: self._has})

    def _fail(self, failure: Failure) -> None:
        if self._failure is None:
            self._failure = failure
            self._tell({FAILED: asdict(failure)})

    def _tell(self, message: Message) -> None:
        for line in self._lines.values():
            line.say(message)

    def _check_all_there(self) -> None:
        with self._lock:
            absent = [name for name in self._hosts if name not in self._has]
            if absent:
                cause = f"it did not report within {SECONDS_TO_REPORT:g} s; expected each host to. Check the network."
                self._fail(Failure(absent[0], cause, 1))

    def close(self) -> None:
        """Wait until all have called, heard the last word and hung up, then end."""

        def all_have_heard() -> bool:
            return self._open == 0 and len(self._lines) == len(self._hosts)

        with self._lock:
            self._lock.wait_for(all_have_heard, SECONDS_FOR_LATECOMERS)
        self._listener.close()


class Caller:
    """The end of the line of the host called `name`; at the other one is the `first`."""

    def __init__(self, connection: socket.socket, name: str, first: str) -> None:
        self.name, self._first, self._line = name, first, Line(connection)
        self._changed = threading.Condition()
        self._roll: Mapping[str, Any] | None = None
        self._failure: Failure | None = None
        self._ended = False
        self._line.say({HOST: name})
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for message in self._line.messages():
            with self._changed:
                self._roll = message.get(ROLL, self._roll)
                self._ended = self._ended or END in message
                if FAILED in message and self._failure is None:
                    self._failure = Failure(**message[FAILED])
                self._changed.notify_all()
        with self._changed:
            if not self._ended and self._failure is None:
                self._failure = Failure(self._first, GONE, 1)
            self._changed.notify_all()

    @property
    def failure(self) -> Failure | None:
        """Why the job fails, once any host said so."""
        return self._failure

    def roll(self, has: Any, check: Callable[[], None]) -> Mapping[str, Any] | None:
        """Say what this host has, and return what each has, by name; None if the job fails meanwhile.

        `check` is called now and then; what it raises ends the waiting.
        """
        self._line.say({HAS: has})
        self._wait(lambda: self._roll is not None, check)
        return None if self._failure is not None else self._roll

    def done(self, check: Callable[[], None] = lambda: None) -> None:
        """Say that this host is done, and wait until all are, or the job fails."""
        self._line.say({DONE: True})
        self._wait(lambda: self._ended, check)

    def wait_for_failure(self, seconds: float) -> Failure | None:
        """Return why the job fails, waiting for it."""
        end = time.monotonic() + seconds
        with self._changed:
            self._changed.wait_for(lambda: self._failure is not None, max(0, end - time.monotonic()))
        return self._failure

    def fail(self, cause: str, code: int) -> None:
        """Tell all hosts why this one fails."""
        self._line.say({FAILED: asdict(Failure(self.name, cause, code))})

    def _wait(self, condition: Callable[[], bool], check: Callable[[], None]) -> None:
        with self._changed:
            while not self._changed.wait_for(lambda: condition() or self._failure is not None, 0.5):
                check()

    def close(self) -> None:
        """Hang up."""
        self._line.close()
