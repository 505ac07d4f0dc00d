"""Start some programs, end them together, and leave no process behind.

Knows processes and signals. Never knows Flask, models, what the programs do.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

logger = logging.getLogger(__name__)
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
SIGNAL_EXIT = 128
"""A process that a signal ended has 128 plus its number as exit code, as in a shell."""
SHORT_GRACE_SECONDS = 2.0
LOOK_SECONDS = 0.01
SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


@dataclass(frozen=True)
class Program:
    """A command, its environment, the signal that makes it finish its work and exit, and the files it inherits.

    It is started once the file `after` is there, if one is given. One that is `patient` does not take the CPU from a
    program at work the moment it has something to do.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    stop_signal: signal.Signals
    descriptors: Sequence[int] = ()
    patient: bool = False
    after: Path | None = None


class Signals:
    """Records the signals that ask for a stop, and wakes a wait when one comes or a child dies; does nothing else."""

    def __init__(self) -> None:
        self.stop: signal.Signals | None = None
        self._receiver, self._sender = socket.socketpair()

    def __enter__(self) -> Self:
        self._receiver.setblocking(False)
        self._sender.setblocking(False)
        self._previous_descriptor = signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        self._previous = {number: signal.signal(number, self._record) for number in STOP_SIGNALS}
        # Python wakes the wait only for signals that have a handler.
        self._previous[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_descriptor)
        self._receiver.close()
        self._sender.close()

    def _record(self, number: int, _: FrameType | None) -> None:
        self.stop = signal.Signals(number)

    def wait(self, seconds: float | None = None) -> None:
        """Return at the next signal, after `seconds` at the latest."""
        readable, _, _ = select.select([self._receiver], [], [], seconds)
        if readable:
            self._receiver.recv(4096)


class Children:
    """The programs that were started, each the leader of a process group of its own, in the order of their start."""

    def __init__(self) -> None:
        self.running: dict[int, Program] = {}
        self.exit_codes: dict[str, int] = {}

    def start(self, program: Program) -> None:
        """Start `program`; it and its workers get a signal if this process dies without stopping them."""
        process = subprocess.Popen(  # noqa: S603 - the commands are our own
            program.command,
            env=program.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_before(program),
            pass_fds=program.descriptors,
        )
        process.returncode = 0  # `reap` waits for it, not the object
        self.running[process.pid] = program

    def reap(self) -> None:
        """Take note of the programs that have ended, and end what they left; as PID 1, take in orphans too."""
        while self.running:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            program = self.running.pop(pid, None)
            if program is not None:
                self.exit_codes[program.name] = _exit_code(status)
                _send(pid, signal.SIGKILL)

    def kill(self) -> None:
        """End all that still runs, at once."""
        for pid, program in list(self.running.items()):
            logger.warning("%s is killed", program.name)
            _send(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            del self.running[pid]


def supervise(
    programs: Sequence[Program],
    signals: Signals,
    *,
    grace_seconds: float,
    before_stop: Callable[[], None] | None = None,
) -> int:
    """Run `programs` until a signal asks for a stop or one of them ends; return the exit code for this process.

    They are started in the order given and stopped in the reverse order, each after the one before has finished. The
    code is 0 after a signal, or 137 if anything still ran after `grace_seconds`; it is that of the program that ended
    of itself, whose work the others cannot finish: they are given `SHORT_GRACE_SECONDS`. `before_stop` is called after
    a signal, while all of them still run.
    """
    children = Children()
    try:
        for program in programs:
            if _may_start(program, children, signals):
                children.start(program)
        while signals.stop is None and not children.exit_codes:
            signals.wait()
            children.reap()
        if signals.stop is None:
            return _end_after_death(children, signals)
        logger.info("%s: finishing the requests at hand", signals.stop.name)
        deadline = time.monotonic() + grace_seconds
        if before_stop is not None:
            before_stop()
        _stop(children, signals, deadline - time.monotonic())
        return SIGNAL_EXIT + signal.SIGKILL if children.running else 0
    finally:
        children.kill()


def _may_start(program: Program, children: Children, signals: Signals) -> bool:
    """Return whether to start `program`, once it can be: not if a stop was asked for, or another one has ended."""
    while signals.stop is None and not children.exit_codes:
        if program.after is None or program.after.exists():
            return True
        signals.wait(LOOK_SECONDS)
        children.reap()
    return False


def _end_after_death(children: Children, signals: Signals) -> int:
    """Stop the others and return the exit code of the program that ended first."""
    name, code = next(iter(children.exit_codes.items()))
    logger.error("%s has ended with exit code %d; the rest is stopped", name, code)
    _stop(children, signals, SHORT_GRACE_SECONDS)
    return code


def _stop(children: Children, signals: Signals, grace_seconds: float) -> None:
    deadline = time.monotonic() + grace_seconds
    for pid, program in reversed(list(children.running.items())):
        if pid in children.running:
            os.kill(pid, program.stop_signal)
        while pid in children.running and (seconds := deadline - time.monotonic()) > 0:
            signals.wait(seconds)
            children.reap()


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else SIGNAL_EXIT - code


def _send(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left; macOS says so with the second
        os.killpg(group, number)


def _before(program: Program) -> Callable[[], None] | None:
    """Return what a child does before it becomes `program`: ask to end with its parent, and for its place in the queue.

    None where no system call does this.
    """
    if sys.platform != "linux":
        return None
    set_option = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        set_option(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
        if program.patient:
            with contextlib.suppress(OSError):  # a sandbox may forbid it; then it is served as ever
                os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))

    return ask
