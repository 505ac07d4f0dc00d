"""Run jobs in processes of their own, several at a time within a memory bound.

Knows processes and signals. Never knows what a job does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any, Generic, Protocol, TypeVar

from fraud_detect.errors import UserError

PATIENCE_SECONDS = 5.0
GONE = 1

Job = TypeVar("Job")
AnyJob = TypeVar("AnyJob", contravariant=True)
Work = Callable[[Any], Any]
"""A function at the top of a module, of one argument that can be pickled."""


@dataclass(frozen=True)
class Done:
    """What the work returned."""

    value: Any


@dataclass(frozen=True)
class Refused:
    """The data, the family or the machine did not allow it."""

    reason: str


@dataclass(frozen=True)
class Broken:
    """A bug, with its traceback."""

    reason: str
    trace: str


Outcome = Done | Refused | Broken


@dataclass(frozen=True)
class Bounds:
    """How many jobs run at a time, in how much memory together, and for how long each; None is no bound."""

    jobs: int
    memory_bytes: float | None = None
    seconds: float | None = None


class Demands(Protocol[AnyJob]):
    """What is known of jobs before they run; it may change as others end."""

    def argument(self, job: AnyJob) -> Any:
        """Return what the work is handed for `job`."""

    def weight(self, job: AnyJob) -> float:
        """Return how long `job` takes: the longest are begun first."""

    def memory_bytes(self, job: AnyJob) -> float:
        """Return how much memory `job` takes. One that takes more than there is runs alone."""


@dataclass(frozen=True)
class _Running(Generic[Job]):
    job: Job
    process: ForkServerProcess
    answer: Connection
    memory_bytes: float
    began: float


class Pool(Generic[Job]):
    """Runs jobs by `work`; each process has imported `modules` before its first line."""

    def __init__(self, work: Work, modules: Sequence[str], bounds: Bounds) -> None:
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(modules))
        self._work, self._bounds = work, bounds
        self._running: list[_Running[Job]] = []

    def run(self, jobs: Iterable[Job], demands: Demands[Job]) -> Generator[tuple[Job, Outcome], None, None]:
        """Yield each job with what became of it, as they end. Whatever ends this early leaves no process behind."""
        waiting = list(jobs)
        try:
            while waiting or self._running:
                while (job := self._next(waiting, demands)) is not None:
                    waiting.remove(job)
                    self._begin(job, demands)
                yield from self._ended()
        finally:
            self._end_all()

    def _next(self, waiting: Sequence[Job], demands: Demands[Job]) -> Job | None:
        """Return the longest of the jobs that there is room for, the first of several; None if there is none."""
        if len(self._running) >= self._bounds.jobs:
            return None
        fitting: Sequence[Job] = waiting
        if self._running and self._bounds.memory_bytes is not None:
            room = self._bounds.memory_bytes - sum(each.memory_bytes for each in self._running)
            fitting = [job for job in waiting if demands.memory_bytes(job) <= room]
        return max(fitting, key=demands.weight, default=None)

    def _begin(self, job: Job, demands: Demands[Job]) -> None:
        receiving, sending = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=_in_process, args=(sending, self._work, demands.argument(job)), daemon=True
        )
        process.start()
        sending.close()  # so that the end of the process is the end of what can be received
        self._running.append(_Running(job, process, receiving, demands.memory_bytes(job), time.monotonic()))

    def _ended(self) -> Iterator[tuple[Job, Outcome]]:
        """Yield those that ended or ran too long, after waiting for the first of them."""
        ready = wait([each.answer for each in self._running], timeout=self._patience())
        for each in list(self._running):
            outcome = _outcome(each) if each.answer in ready else self._late(each)
            if outcome is not None:
                self._running.remove(each)
                _end([each])
                yield each.job, outcome

    def _patience(self) -> float | None:
        if self._bounds.seconds is None:
            return None
        first = min(each.began for each in self._running)
        return max(0.0, first + self._bounds.seconds - time.monotonic())

    def _late(self, running: _Running[Job]) -> Outcome | None:
        seconds = self._bounds.seconds
        if seconds is None or time.monotonic() - running.began < seconds:
            return None
        return Refused(f"It took more than {seconds / 60:g} minutes and was ended.")

    def _end_all(self) -> None:
        _end(self._running)
        self._running.clear()


def _outcome(running: _Running[Any]) -> Outcome:
    try:
        outcome: Outcome = running.answer.recv()
    except EOFError:
        running.process.join()
        code = running.process.exitcode or 0
        if code == -signal.SIGKILL:
            return Refused("Its process was killed, as for lack of memory. Lower --jobs, or give it more memory.")
        return Broken(f"its process ended with exit code {code}", "")
    return outcome


def _end(running: Sequence[_Running[Any]]) -> None:
    """End processes that still work, gently and then not, and wait for them."""
    for each in running:
        each.process.terminate()
    until = time.monotonic() + PATIENCE_SECONDS
    for each in running:
        each.process.join(max(0.0, until - time.monotonic()))
        if each.process.is_alive():
            each.process.kill()
            each.process.join()
        each.answer.close()


def _in_process(answer: Connection, work: Work, argument: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(BrokenPipeError):  # nobody is left to tell
        answer.send(_tried(work, argument))


def _tried(work: Work, argument: Any) -> Outcome:
    try:
        return Done(work(argument))
    except UserError as error:
        return Refused(str(error))
    except MemoryError:
        return Refused("Out of memory. Lower --jobs, or use a machine with more memory.")
    except Exception as error:  # noqa: BLE001 - a bug, which the parent logs with this traceback
        return Broken(f"{type(error).__name__}: {error}", traceback.format_exc())


def _end_with_parent() -> None:
    """Leave when the parent is gone, even if it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(GONE)
