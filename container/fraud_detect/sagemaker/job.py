"""Run a job as SageMaker expects: stop on SIGTERM, failure file, exit code.

Knows signals, exit codes, file ownership. Never knows what the job does.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from fraud_detect.artifact.bundle import clear_up
from fraud_detect.errors import FailedElsewhere, LostTouch, Stopped, UserError
from fraud_detect.sagemaker.layout import Layout

OK, USER_FAULT, OUR_FAULT, LOST_TOUCH = 0, 1, 2, 3
STOPPED, INTERRUPTED = 128 + signal.SIGTERM, 128 + signal.SIGINT
FAILURE_CHARACTERS = 1_000  # SageMaker keeps 1,024
REMEDY_CHARACTERS = 250

logger = logging.getLogger(__name__)


@dataclass
class StopRequest:
    """Whether SIGTERM came. The handler only records it; whoever works looks with `heed` or `check`."""

    requested: bool = False
    _signal: int = 0
    _told: bool = False
    _received: float = 0.0

    def record(self, number: int, _frame: FrameType | None) -> None:
        """Note the signal, and when the first one came."""
        if not self.requested:
            self._received = time.monotonic()
        self._signal, self.requested = number, True

    def heed(self) -> bool:
        """Return whether a stop was asked for, and log it the first time: a handler must not, amid another line."""
        if self.requested and not self._told:
            self._told = True
            logger.warning("%s: stopping here", signal.Signals(self._signal).name)
        return self.requested

    def heed_after(self, seconds: float) -> bool:
        """Return whether a stop was asked for so many seconds ago or longer: for work that is worth that time."""
        return self.heed() and time.monotonic() - self._received >= seconds

    def check(self) -> None:
        """Raise `Stopped` if a stop was asked for: for work that leaves nothing to save."""
        if self.heed():
            raise Stopped("stopped before the first round: there is no model to save")


def run(work: Callable[[StopRequest], None], layout: Layout) -> int:
    """Return the exit code of `work`: 0 done, 1 the user's fault, 2 ours, 143 stopped with nothing to save, 130 Ctrl-C.

    3 is of a process that lost touch with another host: it leaves no cause.

    A fault is written to the failure file, cause and remedy first, no traceback; that of an earlier run in the same
    folder is gone from the start, whatever becomes of this one. SIGTERM, which SageMaker sends, asks
    `work` to save what it has; Ctrl-C ends it and leaves an earlier model as it was.
    """
    stop = StopRequest()
    signal.signal(signal.SIGTERM, stop.record)
    try:
        layout.failure.unlink(missing_ok=True)
        work(stop)
    except Stopped as stopped:
        logger.warning("%s", stopped)
        return STOPPED
    except LostTouch as lost:
        logger.warning("%s", lost)
        return LOST_TOUCH
    except FailedElsewhere as failed:
        return _failed(layout, str(failed), failed.code)
    except KeyboardInterrupt:
        logger.warning("interrupted: nothing was written")
        return INTERRUPTED
    except UserError as error:
        return _failed(layout, str(error), USER_FAULT)
    except OSError as error:
        return _failed(layout, _of_machine(error), USER_FAULT)
    except MemoryError:
        return _failed(layout, "Out of memory. Use a machine with more memory, or fewer rows.", USER_FAULT)
    except Exception as error:
        logger.exception("this is a bug of ours")
        return _failed(layout, f"Bug in fraud-detect: {type(error).__name__}: {error}. Please report it.", OUR_FAULT)
    return OK


def check_writable(layout: Layout) -> None:
    """Make the folders to write to and try to write in them; an `OSError` now is better than after the training.

    What an earlier job was killed at writing is deleted: it would be packed with the outputs of this one.
    """
    for folder in (layout.output_data, layout.model):
        folder.mkdir(parents=True, exist_ok=True)
        clear_up(folder)
        with tempfile.TemporaryFile(dir=folder):
            pass


def _of_machine(error: OSError) -> str:
    where = f" at {error.filename}" if error.filename else ""
    return (
        f"The machine refused: {error.strerror or error}{where}; expected room and permission to read the input and "
        f"write model/ and output/. Free space, or mount folders that this user may write."
    )


def _failed(layout: Layout, message: str, code: int) -> int:
    logger.error("%s", message)
    with contextlib.suppress(OSError):  # the log line above has it in any case
        layout.failure.parent.mkdir(parents=True, exist_ok=True)
        if failure_of(layout) == _shortened(message):
            pass  # the process that trained has said it
        elif layout.failure.exists():
            logger.warning("%s holds an earlier cause and is left as it is", layout.failure)
        else:
            layout.failure.write_text(_shortened(message), encoding="utf-8", errors="backslashreplace")
        hand_over(layout)
    return code


def failure_of(layout: Layout) -> str | None:
    """Return the cause that was written, None if there is none."""
    try:
        return layout.failure.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _shortened(message: str) -> str:
    """Return `message` without its middle if it is too long: the cause stands first, the remedy last."""
    if len(message) <= FAILURE_CHARACTERS:
        return message
    return f"{message[: FAILURE_CHARACTERS - REMEDY_CHARACTERS - 5]} ... {message[-REMEDY_CHARACTERS:]}"


def hand_over(layout: Layout) -> None:
    """Give what was written under model/, output/ and checkpoints/ to whom the mounted folder belongs, to be deleted.

    That is the owner of model/ and so on where it was mounted by itself, else the owner of the root. Only root can
    give files away; anybody else leaves them readable by all.
    """
    for folder in (layout.model, layout.output_data.parent, layout.checkpoints):
        if not folder.is_dir():
            continue
        owner = folder.stat() if folder.stat().st_uid != 0 else layout.root.stat()
        for path in (folder, *folder.rglob("*")):
            if path.is_symlink():
                continue  # what it leads to is not ours
            with contextlib.suppress(OSError):  # a mount of its own, or somebody else's file
                _give(path, owner)


def _give(path: Path, owner: os.stat_result) -> None:
    path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o644))
    if os.geteuid() == 0:
        os.chown(path, owner.st_uid, owner.st_gid)
