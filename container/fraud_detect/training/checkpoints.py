"""Checkpoints of a job: snapshots of its fits in a folder, from which the same job goes on after an interruption.

A file is there whole or not at all, and names the job that it is of, by what decides the bytes of its model. First a
line of JSON that says what follows, with its size and checksum; then the rounds, a line of JSON; then the booster, as
its library writes it. `NAME-ROUND.checkpoint` is a fit amid its rounds, of which the last few are kept; `NAME.fit` is
one at its end.

Knows a folder. Never knows /opt/ml, models, rows.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fraud_detect.artifact.bundle import clear_up, write_atomically
from fraud_detect.artifact.manifest import Sha256
from fraud_detect.errors import SettingError
from fraud_detect.estimators.family import Round, Snapshot, Snapshots
from fraud_detect.training.differences import differences

KEPT = 5
"""Checkpoints of fits amid their rounds that are kept, so that there is another one if the latest is damaged."""
AMID, ENDED = ".checkpoint", ".fit"
LONGEST_HEAD_BYTES = 1 << 20
THREADS = "threads"
REFUSE, RESTART = "refuse", "restart"

logger = logging.getLogger(__name__)


class Head(BaseModel):
    """The first line of a file: of which job and stage the `serial`th snapshot is, after which round; what follows."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format_version: Literal[1] = 1
    job: Mapping[str, Any]
    stage: str
    serial: int = Field(ge=1)
    round: int = Field(ge=1)
    is_last: bool
    bytes: int = Field(ge=1)
    sha256: Sha256


@dataclass(frozen=True)
class _File:
    path: Path
    head: Head


class Checkpoints:
    """The checkpoints of one job in `folder`: those of an earlier run, and those that are written every `every` rounds.

    `files` are of this job.
    """

    def __init__(self, folder: Path, job: Mapping[str, Any], every: int, files: Sequence[_File]) -> None:
        self._folder, self._job, self._every = folder, job, every
        self._files = sorted(files, key=_serial)

    def snapshots(self, stage: str) -> Snapshots:
        """Return what the fit of a stage goes on from, and where it keeps its own; a stage is fitted once in a job."""
        return Snapshots(self._latest(stage), self._every, partial(self._keep, stage))

    def _latest(self, stage: str) -> Snapshot | None:
        files = [file for file in reversed(self._files) if file.head.stage == stage]
        for file in sorted(files, key=lambda file: not file.head.is_last):
            snapshot = _read(file)
            if snapshot is not None:
                done = "is done" if snapshot.is_last else f"goes on after round {file.head.round}"
                logger.info("%s: %s, by a checkpoint of an earlier run", stage, done)
                return snapshot
        return None

    def _keep(self, stage: str, snapshot: Snapshot) -> None:
        """Write the snapshot, and delete what is older than the last few; a full disk costs no more than these."""
        body = _body(snapshot)
        head = Head(
            job=self._job,
            stage=stage,
            serial=self._files[-1].head.serial + 1 if self._files else 1,
            round=len(snapshot.rounds),
            is_last=snapshot.is_last,
            bytes=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
        )
        path = self._folder / _name(head)
        try:
            write_atomically(self._folder, {path.name: head.model_dump_json().encode() + b"\n" + body})
        except OSError as error:
            logger.warning("%s was not written (%s): the training goes on", path, error.strerror)
            return
        self._files = [*(file for file in self._files if file.path != path), _File(path, head)]
        self._prune()

    def _prune(self) -> None:
        amid = [file for file in self._files if not file.head.is_last]
        for file in amid[:-KEPT]:
            file.path.unlink(missing_ok=True)
            self._files.remove(file)


def opened(folder: Path, job: Mapping[str, Any], *, every: int, mismatch: str) -> Checkpoints:
    """Return the checkpoints of `job` in `folder`, which are those of an earlier run of it, if any.

    Parameters
    ----------
    job : what decides the bytes of the model, as JSON has it; with another number of `threads` they may differ in the
        last digits, and a job goes on nevertheless.
    every : rounds between checkpoints.
    mismatch : whether to `refuse` a folder in which there are checkpoints of other jobs alone, or to `restart`.

    Raises
    ------
    SettingError
        If there are checkpoints of other jobs alone, and they are not to be deleted.
    """
    job = json.loads(json.dumps(job))
    clear_up(folder)
    found = sorted(_found(folder), key=_serial)
    own = [file for file in found if _without_threads(file.head.job) == _without_threads(job)]
    others = [file for file in found if file not in own]
    if mismatch == RESTART:
        _delete(others)
    elif others and not own:
        raise _refusal(folder, others[-1].head.job, job)
    for file in own[-1:]:
        if file.head.job.get(THREADS) != job.get(THREADS):
            logger.warning(
                "going on with other threads (%s): the last digits may differ", differences(file.head.job, job)
            )
    return Checkpoints(folder, job, every, own)


def _found(folder: Path) -> Iterator[_File]:
    for path in sorted(folder.iterdir()):
        if path.suffix not in (AMID, ENDED):
            continue
        with path.open("rb") as file:
            line = file.readline(LONGEST_HEAD_BYTES)
        try:
            yield _File(path, Head.model_validate_json(line))
        except ValidationError:
            _leave_aside(path)


def _delete(files: Sequence[_File]) -> None:
    if files:
        logger.warning("deleting %d checkpoints of another job: this one begins anew", len(files))
    for file in files:
        file.path.unlink(missing_ok=True)


def _refusal(folder: Path, noted: Mapping[str, Any], job: Mapping[str, Any]) -> SettingError:
    changed = differences(_without_threads(noted), _without_threads(job))
    return SettingError(
        f"The checkpoints in {folder} are of another job: {changed}",
        expected="the data, hyperparameters and libraries that the job began with",
        remedy="Set them back to go on. To begin anew, give `checkpoint_mismatch=restart`, or another folder.",
    )


def _read(file: _File) -> Snapshot | None:
    """Return the snapshot in `file`, None, with a warning, if it is damaged."""
    with file.path.open("rb") as stream:
        stream.readline(LONGEST_HEAD_BYTES)
        body = stream.read(file.head.bytes + 1)
    if len(body) != file.head.bytes or hashlib.sha256(body).hexdigest() != file.head.sha256:
        _leave_aside(file.path)
        return None
    rounds, _, booster = body.partition(b"\n")
    return Snapshot([Round(*each) for each in json.loads(rounds)], booster, file.head.is_last)


def _body(snapshot: Snapshot) -> bytes:
    rounds = [
        (each.number, each.train_average_precision, each.validation_average_precision) for each in snapshot.rounds
    ]
    return json.dumps(rounds, separators=(",", ":")).encode() + b"\n" + snapshot.booster


def _name(head: Head) -> str:
    stage = head.stage.replace(" ", "-")
    return f"{stage}{ENDED}" if head.is_last else f"{stage}-{head.round:05d}{AMID}"


def _leave_aside(path: Path) -> None:
    logger.warning("%s is damaged or not a checkpoint: it is left aside", path)


def _without_threads(job: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in job.items() if name != THREADS}


def _serial(file: _File) -> int:
    return file.head.serial
