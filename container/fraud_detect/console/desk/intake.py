"""Transactions of many requests, scored and written together: one call and one commit for all that wait.

A request is answered when its cases are on the disk. While one group is under way the next one gathers, so that
groups grow with the load: a commit costs some milliseconds however much is in it.

Knows threads, the endpoint and the database. Never knows Flask.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass, field, replace
from itertools import islice

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from fraud_detect.artifact.manifest import Manifest
from fraud_detect.console.desk.filing import Filed, Judged, filed
from fraud_detect.console.desk.transactions import Transaction
from fraud_detect.console.endpoint import Endpoint, EndpointError, RowsRefused, Unreachable
from fraud_detect.console.settings import Clock
from fraud_detect.console.storage.database import Database
from fraud_detect.errors import UserError

REASONS = 5
MOST_WAITING = 48
"""Requests that wait at once, those under way too: each holds a thread, and pages need some."""
GROUP_ROWS = 500
EXPLAINED_A_REQUEST = 250
PATIENCE_SECONDS = 30.0
WRITING_SECONDS = 15.0
"""How much longer a request waits whose transactions are being written."""
OUT_OF_REACH = (Unreachable, OperationalError, NoConnectionFree)
"""What fails for all that wait alike: endpoint or database do not answer, and to ask again for each takes too long."""

logger = logging.getLogger(__name__)
Heard = Callable[[Sequence[Filed]], None]


class Overloaded(UserError):
    """More requests wait than the console can hold; nothing is filed, and the sender comes again later."""


class Unsettled(UserError):
    """The database takes too long to say whether transactions are filed."""


@dataclass
class Waiting:
    """The transactions of one request, what the model says of them, their cases, and what is answered."""

    transactions: Sequence[Transaction]
    judged: Sequence[Judged] = ()
    filed: Sequence[Filed] = ()
    outcome: Future[Sequence[Filed]] = field(default_factory=Future)

    def claimed(self) -> bool:
        """Return whether there is an outcome to come: who waits for it has not given up, and cannot any more."""
        return not self.outcome.done() and (self.outcome.running() or self.outcome.set_running_or_notify_cancel())


class Intake:
    """Takes transactions and files them. Threads may share it; it has one thread of its own, from the first use on."""

    def __init__(self, database: Database, endpoint: Endpoint, manifest: Manifest, clock: Clock, heard: Heard) -> None:
        self._database, self._endpoint, self._clock, self._heard = database, endpoint, clock, heard
        self._threshold, self._model = manifest.threshold.value, manifest.training_data.sha256
        self._waiting: deque[Waiting] = deque()
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._places = threading.BoundedSemaphore(MOST_WAITING)

    def file(self, transactions: Sequence[Transaction]) -> Sequence[Filed]:
        """Score `transactions` and write them down, all or none; return when they are on the disk.

        Raises
        ------
        RowsRefused, EndpointError
            As the endpoint says.
        KeyTaken
            If an id stands for another transaction.
        Overloaded
            If too many wait, or the wait takes too long: nothing is filed then, and will not be.
        Unsettled
            If the database takes too long: they may be filed, or will be.
        """
        if not self._places.acquire(blocking=False):
            raise _overloaded(f"{MOST_WAITING} requests wait")
        try:
            return self._outcome(Waiting(transactions))
        finally:
            self._places.release()

    def _outcome(self, waiting: Waiting) -> Sequence[Filed]:
        with self._change:
            self._waiting.append(waiting)
            self._start()
            self._change.notify()
        try:
            return waiting.outcome.result(timeout=PATIENCE_SECONDS)
        except Late:
            if waiting.outcome.cancel():
                raise _overloaded(f"{PATIENCE_SECONDS:g} seconds were not enough") from None
        try:
            return waiting.outcome.result(timeout=WRITING_SECONDS)
        except Late:
            raise _unsettled() from None

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="intake", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            with self._change:
                while not self._waiting:
                    self._change.wait()
                group = self._group()
            if not group:
                continue
            try:
                self.take(group)
            except Exception as error:  # noqa: BLE001 - it is passed on to those who wait
                _failed(group, error)

    def _group(self) -> Sequence[Waiting]:
        """Return those that waited longest, up to so many rows; at least one, unless nobody waits for it any more."""
        group: list[Waiting] = []
        rows = 0
        while self._waiting and (not group or rows + len(self._waiting[0].transactions) <= GROUP_ROWS):
            waiting = self._waiting.popleft()
            if not waiting.outcome.cancelled():
                group.append(waiting)
                rows += len(waiting.transactions)
        return group

    def take(self, group: Sequence[Waiting]) -> None:
        """Score and write the transactions of a group; each of it has its outcome then."""
        _together(self._judge, group)
        _together(self._write, [waiting for waiting in group if waiting.claimed()])
        self._heard([case for waiting in group for case in waiting.filed if case.new and case.alert])

    def _judge(self, group: Sequence[Waiting]) -> None:
        judged = iter(self._judged([one for waiting in group for one in waiting.transactions]))
        for waiting in group:
            waiting.judged = [*islice(judged, len(waiting.transactions))]

    def _write(self, group: Sequence[Waiting]) -> None:
        with self._database.writing() as rows:
            cases = filed(rows, [one for waiting in group for one in waiting.judged], now=self._clock())
        made = iter(cases)
        for waiting in group:
            waiting.filed = [*islice(made, len(waiting.judged))]
            waiting.outcome.set_result(waiting.filed)

    def _judged(self, transactions: Sequence[Transaction]) -> Sequence[Judged]:
        """Return what the model says. Only alerts are explained, for that takes long; one is filed without, too."""
        scores = self._endpoint.score([one.features for one in transactions])
        judged = [
            Judged(one, score, self._threshold, self._model) for one, score in zip(transactions, scores, strict=True)
        ]
        alerts = [place for place, one in enumerate(judged) if one.alert]
        for start in range(0, len(alerts), EXPLAINED_A_REQUEST):
            some = alerts[start : start + EXPLAINED_A_REQUEST]
            try:
                explained = self._endpoint.score([transactions[place].features for place in some], reasons=REASONS)
            except (EndpointError, RowsRefused) as error:
                logger.warning("alerts filed without reasons: %d; %s", len(alerts) - start, error)
                break
            for place, score in zip(some, explained, strict=True):
                judged[place] = replace(judged[place], score=replace(judged[place].score, reasons=score.reasons))
        return judged


def _together(work: Callable[[Sequence[Waiting]], None], group: Sequence[Waiting]) -> None:
    """Do `work` for all of `group` that have no outcome yet; where it fails, for each half: none spoils the others."""
    group = [waiting for waiting in group if not waiting.outcome.done()]
    if not group:
        return
    try:
        work(group)
    except Exception as error:  # noqa: BLE001 - it is passed on to those who wait
        if len(group) == 1 or isinstance(error, OUT_OF_REACH):
            _failed(group, error)
            return
        middle = len(group) // 2
        _together(work, group[:middle])
        _together(work, group[middle:])


def _failed(group: Sequence[Waiting], error: Exception) -> None:
    for waiting in group:
        if waiting.claimed():
            waiting.outcome.set_exception(error)


def _unsettled() -> Unsettled:
    return Unsettled(
        f"{PATIENCE_SECONDS + WRITING_SECONDS:g} seconds were too few to file it; it may have been filed, or will be",
        expected="a database that answers sooner",
        remedy="Send it again with the same `id`, under which it is filed once.",
    )


def _overloaded(got: str) -> Overloaded:
    return Overloaded(
        f"The desk does not keep up: {got}",
        expected="fewer transactions at once",
        remedy="Send it again a little later; with an `id` it is filed once, however often it comes.",
    )
