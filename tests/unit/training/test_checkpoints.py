"""Checkpoints of a job: what is kept, what is gone on from, what is refused."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fraud_detect.errors import SettingError
from fraud_detect.estimators.family import Round, Snapshot
from fraud_detect.training.checkpoints import REFUSE, RESTART, Checkpoints, opened

JOB = {"hyperparameters": {"eta": 0.1, "drop_columns": ["a", "b"]}, "libraries": {"numpy": "2"}, "rows": "1a"}


def checkpoints(folder: Path, job: Mapping[str, Any] = JOB, *, mismatch: str = REFUSE) -> Checkpoints:
    folder.mkdir(exist_ok=True)
    return opened(folder, job, every=1, mismatch=mismatch)


def a_snapshot(rounds: int, *, is_last: bool = False) -> Snapshot:
    """Return a snapshot with figures that have no short decimal form, and a booster with every byte in it."""
    done = [Round(number, 1 / 3, 2 / 3 / number) for number in range(1, rounds + 1)]
    return Snapshot(done, bytes(range(256)) + bytes([rounds]), is_last)


def keep(kept: Checkpoints, stage: str, *snapshots: Snapshot) -> None:
    for snapshot in snapshots:
        kept.snapshots(stage).keep(snapshot)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    keep(checkpoints(tmp_path), "fold 1 of 4", a_snapshot(1), a_snapshot(2))

    assert checkpoints(tmp_path).snapshots("fold 1 of 4").begin == a_snapshot(2)


def test_a_stage_that_kept_nothing_begins_at_its_beginning(tmp_path: Path) -> None:
    keep(checkpoints(tmp_path), "model", a_snapshot(1))

    assert checkpoints(tmp_path).snapshots("model refit").begin is None


def test_the_last_five_of_all_fits_are_kept(tmp_path: Path) -> None:
    kept = checkpoints(tmp_path)
    keep(kept, "model", *(a_snapshot(rounds) for rounds in (98, 99, 100)))
    keep(kept, "comparison", *(a_snapshot(rounds) for rounds in (1, 2, 3, 4)))

    assert names(tmp_path) == [*(f"comparison-0000{n}.checkpoint" for n in (1, 2, 3, 4)), "model-00100.checkpoint"]


def test_those_of_an_earlier_run_count_among_the_five(tmp_path: Path) -> None:
    for rounds in range(1, 9):
        keep(checkpoints(tmp_path), "model", a_snapshot(rounds))

    assert names(tmp_path) == [f"model-0000{rounds}.checkpoint" for rounds in (4, 5, 6, 7, 8)]


def test_fits_at_their_end_are_all_kept(tmp_path: Path) -> None:
    kept = checkpoints(tmp_path)
    for number in range(9):
        keep(kept, f"fold {number}", a_snapshot(number + 1, is_last=True))

    assert names(tmp_path) == [f"fold-{number}.fit" for number in range(9)]
    assert checkpoints(tmp_path).snapshots("fold 3").begin == a_snapshot(4, is_last=True)


@pytest.mark.parametrize("place", [-1, -400, -500])
def test_instead_of_a_damaged_one_the_one_before_is_taken(
    place: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep(checkpoints(tmp_path), "model", a_snapshot(1), a_snapshot(2))
    latest = tmp_path / "model-00002.checkpoint"
    content = bytearray(latest.read_bytes())
    content[place] ^= 1
    latest.write_bytes(content)

    assert checkpoints(tmp_path).snapshots("model").begin == a_snapshot(1)
    assert f"{latest} is damaged or not a checkpoint: it is left aside" in caplog.text


@pytest.mark.parametrize("length", [0, 1, 100, 300, -1])
def test_one_that_was_cut_short_is_damaged(length: int, tmp_path: Path) -> None:
    keep(checkpoints(tmp_path), "model", a_snapshot(1), a_snapshot(2))
    latest = tmp_path / "model-00002.checkpoint"
    latest.write_bytes(latest.read_bytes()[:length])

    assert checkpoints(tmp_path).snapshots("model").begin == a_snapshot(1)


def test_a_damaged_one_is_written_again(tmp_path: Path) -> None:
    keep(checkpoints(tmp_path), "model", a_snapshot(1))
    (tmp_path / "model-00001.checkpoint").write_bytes(b"")
    keep(checkpoints(tmp_path), "model", a_snapshot(1))

    assert checkpoints(tmp_path).snapshots("model").begin == a_snapshot(1)


def test_what_is_not_a_checkpoint_is_let_be(tmp_path: Path) -> None:
    (tmp_path / "tuning.jsonl").write_text("{}\n")
    (tmp_path / "model-00001.checkpoint.sagemaker-uploading").write_text("half")
    keep(checkpoints(tmp_path, mismatch=RESTART), "model", a_snapshot(1))

    assert checkpoints(tmp_path).snapshots("model").begin == a_snapshot(1)
    assert {"tuning.jsonl", "model-00001.checkpoint.sagemaker-uploading"} < {*names(tmp_path)}


def test_what_a_kill_left_half_written_is_deleted(tmp_path: Path) -> None:
    (tmp_path / ".incoming-abc").mkdir()
    (tmp_path / ".incoming-abc" / "model-00001.checkpoint").write_text("half")

    checkpoints(tmp_path)

    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"hyperparameters": {"eta": 0.2, "drop_columns": ["a", "b"]}}, "another job: `eta` was 0.1 and is 0.2; expec"),
        ({"hyperparameters": {"eta": 0.1, "drop_columns": ["a"]}}, "`drop_columns` was a, b and is a; expected"),
        ({"libraries": {"numpy": "3"}}, "`numpy` was 2 and is 3"),
        ({"rows": "2b"}, "the table, or how it is divided, has changed"),
        ({"columns": "2b"}, "the columns, or their categories, have changed"),
    ],
)
def test_those_of_another_job_are_refused_with_the_reason(
    changed: Mapping[str, Any], told: str, tmp_path: Path
) -> None:
    keep(checkpoints(tmp_path), "model", a_snapshot(1))

    with pytest.raises(SettingError, match=told):
        checkpoints(tmp_path, {**JOB, **changed})
    assert checkpoints(tmp_path).snapshots("model").begin == a_snapshot(1)


def test_those_of_another_job_are_deleted_if_that_is_asked_for(tmp_path: Path) -> None:
    keep(checkpoints(tmp_path), "model", a_snapshot(1), a_snapshot(2, is_last=True))

    other = checkpoints(tmp_path, {**JOB, "rows": "2b"}, mismatch=RESTART)

    assert other.snapshots("model").begin is None
    assert names(tmp_path) == []


def test_a_job_goes_on_with_its_own_beside_those_of_another_one(tmp_path: Path) -> None:
    """What was deleted here may come back from where it was copied to."""
    keep(checkpoints(tmp_path), "model", a_snapshot(1), a_snapshot(2))
    other = {**JOB, "rows": "2b"}
    aside = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    keep(checkpoints(tmp_path, other, mismatch=RESTART), "model", a_snapshot(3))
    for name, content in aside.items():
        (tmp_path / name).write_bytes(content)

    assert checkpoints(tmp_path, other).snapshots("model").begin == a_snapshot(3)


def test_other_threads_are_told_and_not_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keep(checkpoints(tmp_path, {**JOB, "threads": 2}), "model", a_snapshot(1))

    assert checkpoints(tmp_path, {**JOB, "threads": 4}).snapshots("model").begin == a_snapshot(1)
    assert "going on with other threads (`threads` was 2 and is 4): the last digits may differ" in caplog.text


def test_one_that_cannot_be_written_does_not_end_the_training(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "gone"
    kept = checkpoints(folder)
    folder.rmdir()
    folder.write_text("a file in its place")

    keep(kept, "model", a_snapshot(1))

    assert "was not written (File exists): the training goes on" in caplog.text


def test_going_on_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keep(checkpoints(tmp_path), "model", a_snapshot(7))

    with caplog.at_level(logging.INFO):
        checkpoints(tmp_path).snapshots("model")

    assert "model: goes on after round 7, by a checkpoint of an earlier run" in caplog.text
