"""The threads that score files, some at a time, in the order in which they came.

What the database calls unfinished when the console starts is begun anew: nothing that was half done counts.

Knows the folders, the database, threads. Never knows Flask, what scoring is made of.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Mapping
from queue import Queue

from sqlalchemy.exc import SQLAlchemyError

from fraud_detect.console.courtesy import Courtesy
from fraud_detect.console.endpoint import EndpointError
from fraud_detect.console.files import records
from fraud_detect.console.files.folder import NO_ROOM, Folders
from fraud_detect.console.files.progress import Progress
from fraud_detect.console.files.scoring import MOST_EXPLAINED, Abandoned, Model, Summary, Wait, score
from fraud_detect.console.said import NO_ANSWER
from fraud_detect.console.settings import Clock
from fraud_detect.console.storage.database import Database
from fraud_detect.console.storage.tables import ScoredFile
from fraud_detect.errors import UserError

FILES_AT_ONCE = 2

logger = logging.getLogger(__name__)


class Scoring:
    """Scores files in the background. `begin` looks once for what an earlier console left. Threads may share it."""

    def __init__(self, folders: Folders, database: Database, model: Model, clock: Clock, courtesy: Courtesy) -> None:
        self._courtesy = courtesy
        self._folders, self._database, self._model, self._clock = folders, database, model, clock
        self._waiting: Queue[tuple[str, threading.Event]] = Queue()
        self._progress: dict[str, Progress] = {}
        self._abandoned: dict[str, threading.Event] = {}
        self._unsettled: dict[str, int] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Clear up after the console before this one, and go on with the files that it had not finished."""
        self._folders.prepare()
        with self._database.reading() as rows:
            known, unfinished = records.tokens(rows), [file.token for file in records.unfinished(rows)]
        for token in self._folders.tokens():
            if token not in known:
                self._folders.of(token).remove()
        self.expire()
        for token in unfinished:
            self.add(token)

    def add(self, token: str) -> None:
        """Score the file of `token` when its turn comes; once, however often this is called meanwhile."""
        abandoned = threading.Event()
        with self._lock:
            if token in self._abandoned:
                return
            self._abandoned[token] = abandoned
            if len(self._threads) < FILES_AT_ONCE:
                # A daemon, so that a console that stops need not wait: the next one begins the file anew.
                thread = threading.Thread(target=self._run, name="scoring files", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._waiting.put((token, abandoned))

    def join(self) -> None:
        """Return when no file waits or is being scored."""
        self._waiting.join()

    def unfinished(self) -> list[str]:
        """Return the tokens of the files that wait or are being scored."""
        with self._lock:
            return [*self._abandoned]

    def progress(self, token: str) -> Progress | None:
        """Return how far a file is; None for one that is not being scored now."""
        return self._progress.get(token)

    def remove(self, file: ScoredFile, by: str) -> None:
        """Forget a file and remove what belongs to it, also while it is being scored."""
        with self._database.writing() as rows:
            records.removed(rows, file, by, self._clock())
        with self._lock:
            abandoned = self._abandoned.get(file.token)
        if abandoned is not None:
            abandoned.set()
        self._folders.of(file.token).remove()

    def is_written(self, token: str, user_id: int) -> bool:
        """Return whether the database has an upload though writing it failed: a commit's answer may be lost.

        The folder of one that it has not goes. Where the database does not say either, `expire` asks it again.
        """
        if not self._folders.of(token).is_there:  # so the commit was never sent
            return False
        self._unsettled[token] = user_id
        try:
            return self._settled(token, user_id)
        except SQLAlchemyError:
            return False

    def _settled(self, token: str, user_id: int) -> bool:
        with self._database.writing() as rows:
            known = records.is_written(rows, token, user_id)
        if not known:
            self._folders.of(token).remove()
        self._unsettled.pop(token, None)
        return known

    def expire(self) -> None:
        """Remove the files that were kept long enough, and uploads of which it was not known whether they are files."""
        for token, user_id in [*self._unsettled.items()]:
            if self._settled(token, user_id):
                self.add(token)
        with self._database.reading() as rows:
            old = records.too_old(rows, self._clock())
        for file in old:
            self.remove(file, by="")

    def _run(self) -> None:
        while True:
            token, abandoned = self._waiting.get()
            try:
                self._score(token, abandoned)
            except Exception:  # noqa: BLE001 - the thread has other files to score
                if threading.main_thread().is_alive():  # else the console ends, and the next one begins the file anew
                    self._bug(token)
            finally:
                self._end(token, abandoned)
                self._waiting.task_done()

    def _end(self, token: str, abandoned: threading.Event) -> None:
        with self._lock:
            self._progress.pop(token, None)
            self._abandoned.pop(token, None)
        if abandoned.is_set():  # what was written while it was being removed
            self._folders.of(token).remove()

    def _score(self, token: str, abandoned: threading.Event) -> None:
        with self._database.writing() as rows:
            if records.begun(rows, token) is None:
                return
        progress = self._progress[token] = Progress(began=time.monotonic(), most_explained=MOST_EXPLAINED)
        try:
            summary = score(self._folders.of(token), self._model, progress, _waiter(abandoned), self._courtesy)
        except Abandoned:
            pass
        except EndpointError as error:
            logger.error("%s", error)  # noqa: TRY400 - its text says all, to those who look after the endpoint
            self._fail(token, NO_ANSWER)
        except UserError as error:
            self._fail(token, str(error))
        except OSError as error:
            if abandoned.is_set():  # its folder went while it was read
                return
            self._fail(token, _said(error))
        else:
            with self._database.writing() as rows:
                records.finished(rows, token, _counts(summary), self._clock())

    def _fail(self, token: str, fault: str) -> None:
        with self._database.writing() as rows:
            records.failed(rows, token, fault, self._clock())

    def _bug(self, token: str) -> None:
        number = uuid.uuid4().hex
        logger.exception("Bug in fraud-detect; please report it", extra={"fields": {"id": number}})
        try:
            self._fail(token, f"This is our fault. The log says more under the id {number}.")
        except SQLAlchemyError:  # it stays unfinished, and is begun anew when somebody looks at it
            logger.exception("the database does not answer", extra={"fields": {"id": number}})


def _waiter(abandoned: threading.Event) -> Wait:
    def wait(seconds: float) -> None:
        if abandoned.wait(seconds) if seconds else abandoned.is_set():
            raise Abandoned

    return wait


def _counts(summary: Summary) -> Mapping[str, int]:
    return {"rows": summary.rows, "rows_done": summary.scored, "alerts": summary.alerts}


def _said(error: OSError) -> str:
    if error.errno in NO_ROOM:
        return (
            "The disk of the console is full; expected room for the scored file. "
            "Delete files that nobody needs, and score it again."
        )
    if isinstance(error, FileNotFoundError):
        return (
            "The uploaded file is no longer in the console's folder; expected it until it is scored. Upload it again."
        )
    return f"The console cannot use its folder ({os.strerror(error.errno or 0)}). Ask who looks after it."
