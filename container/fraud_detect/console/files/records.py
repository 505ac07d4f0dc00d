"""What the database has of uploaded files: whose they are, and how far they are.

Knows the table and the audit log. Never knows what lies in the files, Flask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fraud_detect.console import audit
from fraud_detect.console.storage.tables import ScoredFile, User
from fraud_detect.errors import UserError

KEPT = timedelta(days=30)
NEWEST_SHOWN = 200
MOST_UNFINISHED, MOST_UNFINISHED_OF_ONE = 20, 5
"""Of all accounts together, and of one: so nobody's files keep all others from being scored."""


class FileState(StrEnum):
    """Where a file stands."""

    WAITING = "waiting"
    SCORING = "scoring"
    DONE = "done"
    FAILED = "failed"


UNFINISHED = (FileState.WAITING, FileState.SCORING)


class TooManyFiles(UserError):
    """So many files wait already that no other may."""


@dataclass(frozen=True)
class Viewer:
    """Who asks: each sees the own files, an administrator all."""

    name: str
    user_id: int
    sees_all: bool


def subject(file: ScoredFile) -> str:
    """Return how the audit log calls a file."""
    return f"file {file.id}"


def added(rows: Session, *, token: str, name: str, size: int, viewer: Viewer, now: datetime) -> ScoredFile:
    """Note an upload that is whole.

    Raises
    ------
    TooManyFiles
        If as many wait as may: of the viewer's, or of all.
    """
    _check_unfinished(rows, viewer.user_id)
    file = ScoredFile(token=token, user_id=viewer.user_id, name=name, uploaded_at=now, state=FileState.WAITING)
    rows.add(file)
    rows.flush()
    _note(rows, file, viewer.name, "file uploaded", now, {"name": name, "bytes": size})
    return file


def is_written(rows: Session, token: str, user_id: int) -> bool:
    """Return whether there is a file of this token; a commit of `user_id`'s that is still under way ends before."""
    _held(rows, user_id)
    return rows.scalar(select(ScoredFile.id).where(ScoredFile.token == token)) is not None


def of(rows: Session, viewer: Viewer) -> Sequence[tuple[ScoredFile, str]]:
    """Return the newest files that `viewer` sees, each with its owner's name."""
    wanted = select(ScoredFile, User.name).join(User, User.id == ScoredFile.user_id)
    if not viewer.sees_all:
        wanted = wanted.where(ScoredFile.user_id == viewer.user_id)
    newest = wanted.order_by(ScoredFile.id.desc()).limit(NEWEST_SHOWN)
    return [(file, owner) for file, owner in rows.execute(newest)]


def found(rows: Session, token: str, viewer: Viewer) -> ScoredFile | None:
    """Return the file of this token, if `viewer` sees it."""
    file = rows.scalars(select(ScoredFile).where(ScoredFile.token == token)).first()
    return file if file is not None and (viewer.sees_all or file.user_id == viewer.user_id) else None


def unfinished(rows: Session) -> Sequence[ScoredFile]:
    """Return the files that wait to be scored, or were being so, the oldest first."""
    return rows.scalars(select(ScoredFile).where(ScoredFile.state.in_(UNFINISHED)).order_by(ScoredFile.id)).all()


def _check_unfinished(rows: Session, user_id: int) -> None:
    _held(rows, user_id)  # of two at once, the second counts the first
    counts = select(func.count()).where(ScoredFile.state.in_(UNFINISHED))
    if (rows.scalar(counts.where(ScoredFile.user_id == user_id)) or 0) >= MOST_UNFINISHED_OF_ONE:
        raise TooManyFiles(
            f"{MOST_UNFINISHED_OF_ONE} files of this account wait already",
            expected="fewer",
            remedy="Try again when one is done, or delete one.",
        )
    if (rows.scalar(counts) or 0) >= MOST_UNFINISHED:
        raise TooManyFiles(
            f"{MOST_UNFINISHED} files wait already", expected="fewer", remedy="Try again when some are done."
        )


def _held(rows: Session, user_id: int) -> None:
    """Wait for whoever adds a file of this user's, and let nobody else do so before this transaction ends."""
    rows.get_one(User, user_id, with_for_update={"key_share": True})


def begun(rows: Session, token: str) -> ScoredFile | None:
    """Note that a file is being scored, and return it; None if it is gone or done."""
    file = rows.scalars(select(ScoredFile).where(ScoredFile.token == token).with_for_update()).first()
    if file is None or file.state not in UNFINISHED:
        return None
    file.state = FileState.SCORING
    return file


def finished(rows: Session, token: str, counts: Mapping[str, int], now: datetime) -> None:
    """Note that a file is scored; `counts` are the columns `rows`, `rows_done` and `alerts`."""
    _ended(rows, token, now, "file scored", {"state": FileState.DONE, "fault": "", **counts}, counts)


def failed(rows: Session, token: str, fault: str, now: datetime) -> None:
    """Note that a file could not be scored, and why."""
    _ended(rows, token, now, "file failed", {"state": FileState.FAILED, "fault": fault.replace("\0", " ")}, {})


def again(rows: Session, file: ScoredFile, by: str, now: datetime) -> bool:
    """Let a file that failed wait once more; return whether it had. Raises as `added` does."""
    kept = rows.get(ScoredFile, file.id, with_for_update=True)  # who deletes it waits, or was here before
    if kept is None or kept.state != FileState.FAILED:
        return False
    _check_unfinished(rows, kept.user_id)
    kept.state, kept.fault = FileState.WAITING, ""
    _note(rows, file, by, "file scored again", now, {})
    return True


def downloaded(rows: Session, file: ScoredFile, by: str, now: datetime) -> None:
    """Note that somebody has a scored file now."""
    _note(rows, file, by, "file downloaded", now, {"name": file.name, "rows": file.rows})


def removed(rows: Session, file: ScoredFile, by: str, now: datetime) -> None:
    """Forget a file."""
    kept = rows.get(ScoredFile, file.id, with_for_update=True)  # of two at once, the second finds none
    if kept is not None:
        rows.delete(kept)
        _note(rows, file, by, "file deleted", now, {"name": file.name, "rows": file.rows})


def too_old(rows: Session, now: datetime) -> Sequence[ScoredFile]:
    """Return the files that were kept long enough."""
    return rows.scalars(select(ScoredFile).where(ScoredFile.uploaded_at < now - KEPT)).all()


def tokens(rows: Session) -> set[str]:
    """Return the tokens of all files."""
    return set(rows.scalars(select(ScoredFile.token)))


def _ended(
    rows: Session, token: str, now: datetime, action: str, values: Mapping[str, object], detail: Mapping[str, object]
) -> None:
    file = rows.scalars(select(ScoredFile).where(ScoredFile.token == token).with_for_update()).first()
    if file is None:
        return
    for name, value in values.items():
        setattr(file, name, value)
    owner = rows.get_one(User, file.user_id).name
    _note(rows, file, owner, action, now, {"name": file.name, **detail})


def _note(rows: Session, file: ScoredFile, by: str, action: str, now: datetime, detail: Mapping[str, object]) -> None:
    audit.append(rows, actor=by, action=action, subject=subject(file), now=now, detail=detail)
