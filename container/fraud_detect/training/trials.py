"""The trials of a search: what was tried, what came of it, and the file that a search goes on from.

The file is a journal of Optuna's, an object of JSON a line, that grows by a line at the end of each trial. A line that
a kill cut short is cut off when the file is opened.

Knows Optuna's trials and their journal. Never knows rows, models, and what is tried next.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BufferedRandom
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraud_detect.errors import SettingError
from fraud_detect.training.checkpoints import REFUSE, RESTART
from fraud_detect.training.differences import differences

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

STUDY = "fraud-detect"
FINGERPRINT = "fingerprint"
PROPOSAL, SECONDS, REASON = "proposal", "seconds", "reason"
DONE, PRUNED, FAILED = "done", "pruned", "failed"
WRITTEN = (0, 2, 4)
"""Optuna's codes for lines that begin a study, note an attribute of it, and add a trial: no others are written."""
OUTCOMES = {"COMPLETE": DONE, "PRUNED": PRUNED, "FAIL": FAILED}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trial:
    """A trial that ended, the `number`th from 1.

    `proposal` has the family, the resampler and what was varied of their hyperparameters, by name.
    `average_precision` is that of the validation rows: the model's if the trial is done, the last round's if it was
    pruned, none if it failed, for `reason`. It took `seconds`.
    """

    number: int
    outcome: str
    proposal: Mapping[str, Any]
    average_precision: float | None
    seconds: float
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return what is the same whenever the trial is made again."""
        shown = {
            "number": self.number,
            "outcome": self.outcome,
            "average_precision": self.average_precision,
            "hyperparameters": dict(self.proposal),
        }
        return {**shown, REASON: self.reason} if self.reason else shown


def trial_of(frozen: FrozenTrial, number: int) -> Trial:
    """Return a trial from Optuna's, which has what it does not know as attributes."""
    attributes, outcome = frozen.user_attrs, OUTCOMES[frozen.state.name]
    value = None if outcome == FAILED else frozen.value
    return Trial(number, outcome, attributes[PROPOSAL], value, attributes[SECONDS], attributes.get(REASON, ""))


class Record:
    """The trials so far in a file: those of an earlier run, and those that are added."""

    def __init__(self, study: Study, file: BufferedRandom) -> None:
        self._study, self._file = study, file

    def trials(self) -> Sequence[FrozenTrial]:
        """Return the trials in their order."""
        return self._study.trials

    def add(self, trial: FrozenTrial) -> None:
        """Write down a trial that ended; it is on disk when this returns."""
        self._study.add_trial(trial)

    def forget(self) -> None:
        """Empty the file: nothing in it is worth going on from. Nothing can be added after that."""
        self._file.truncate(0)


@contextmanager
def opened(path: Path, fingerprint: Mapping[str, Any], *, mismatch: str = REFUSE) -> Iterator[Record]:
    """Give the record in the file `path`, which is made if there is none.

    `mismatch`: whether to `refuse` the record of a search with another `fingerprint`, or to `restart` in its place.

    Raises
    ------
    SettingError
        If the file is of another search and that is refused, cannot be read, or is being written by another process.
    OSError
        If it cannot be made or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        _lock(file, path)
        _cut_to_whole_lines(file)
        study = _study(file, path)
        changed = differences(study.user_attrs.get(FINGERPRINT, fingerprint), fingerprint)
        if changed and mismatch == RESTART:
            logger.warning("%s is of another search: %s; this one begins anew", path, changed)
            file.truncate(0)
            study = _study(file, path)
        elif changed:
            raise _refusal(path, changed)
        if FINGERPRINT not in study.user_attrs:
            study.set_user_attr(FINGERPRINT, fingerprint)
        yield Record(study, file)


def _study(file: BufferedRandom, path: Path) -> Study:
    from optuna import create_study, load_study
    from optuna.storages import JournalStorage

    try:
        storage = JournalStorage(_journal(file))
        begin = load_study if storage.get_all_studies() else partial(create_study, direction="maximize")
        return begin(storage=storage, study_name=STUDY)
    except (ValueError, KeyError) as error:
        raise SettingError(
            f"{path} cannot be read as the record of a search ({type(error).__name__})",
            expected="what a search wrote",
            remedy="Delete it, and the search starts anew.",
        ) from None


def _lock(file: BufferedRandom, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # goes away with the process, however it ends
    except BlockingIOError:
        raise SettingError(
            f"{path} is being written by another search",
            expected="one search at a time",
            remedy="Wait for it to end, or take another root.",
        ) from None


def _cut_to_whole_lines(file: BufferedRandom) -> None:
    file.seek(0)
    file.truncate(file.read().rfind(b"\n") + 1)


def _refusal(path: Path, changed: str) -> SettingError:
    return SettingError(
        f"{path} is of another search: {changed}",
        expected="the same rows and the same fixed hyperparameters as when it began",
        remedy="Delete the file or give `checkpoint_mismatch=restart` to search anew, or set back what was changed.",
    )


def _entry(line: bytes) -> dict[str, Any]:
    """Return what a line of the journal holds. Raises `ValueError` if it is none: Optuna takes lines on trust."""
    entry = json.loads(line)
    if not isinstance(entry, dict) or entry.get("op_code") not in WRITTEN:
        raise ValueError("no line of a journal")
    return entry


def _journal(file: BufferedRandom) -> Any:
    """Return an open file as Optuna's journals are kept; Optuna's own has a lock beside it that outlives a kill."""
    from optuna.storages.journal import BaseJournalBackend

    class Journal(BaseJournalBackend):
        def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
            file.seek(0)
            return [_entry(line) for line in file.readlines()[log_number_from:]]

        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            file.write(b"".join(json.dumps(log, separators=(",", ":")).encode() + b"\n" for log in logs))
            file.flush()
            os.fsync(file.fileno())

    return Journal()
