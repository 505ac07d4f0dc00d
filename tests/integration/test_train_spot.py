"""`fraud-detect train` goes on after it was killed, and comes to the bytes of a job that was not."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forked_jobs import STDERR, STDOUT, ForkedJobs, forked_jobs
from fraud_detect.serving.model import load
from training_factories import a_root, a_table, configure, files_of, metrics_of

KILLS = 20
SAMPLED = {"num_round": "30", "subsample": "0.7", "colsample_bytree": "0.7", "max_depth": "3", "nthread": "1"}
JOB = {**SAMPLED, "resampler": "smote", "early_stopping_rounds": "0", "refit": "yes", "checkpoint_rounds": "4"}
JOBS: Mapping[str, Mapping[str, str]] = {
    "xgboost": JOB,
    "xgboost, stopping early in folds": {**JOB, "resampler": "auto", "early_stopping_rounds": "8", "cv_folds": "2"},
    "lightgbm": {**JOB, "algorithm": "lightgbm", "subsample": "1"},
}
ROUND = re.compile(r"^\S*round=\d+;", re.MULTILINE)


@pytest.fixture(scope="module")
def jobs() -> Iterator[ForkedJobs]:
    with forked_jobs() as started:
        yield started


def spot_root(folder: Path, hyperparameters: Mapping[str, str] = JOB, **changed: Any) -> Path:
    return a_root(folder, {**hyperparameters, **changed}, train=a_table(800, 40))


def rounds_told(root: Path) -> int:
    path = root / STDOUT
    return len(ROUND.findall(path.read_text())) if path.exists() else 0


def rounds_kept(root: Path) -> int:
    """Return the rounds that the checkpoints of `root` spare the next run."""
    done: dict[str, int] = {}
    for path in (root / "checkpoints").glob("[!.]*"):
        head = path.read_bytes().partition(b"\n")[0].decode()
        stage, number = re.search(r'"stage":"([^"]+)"', head), re.search(r'"round":(\d+)', head)
        assert stage
        assert number
        done[stage[1]] = max(done.get(stage[1], 0), int(number[1]))
    return sum(done.values())


def killed(jobs: ForkedJobs, root: Path, sent: signal.Signals, *, after_round: int, seconds: float = 0) -> int:
    """Return the exit code of a job that gets a signal after some of its rounds, those of all its fits counted."""
    pid = jobs.start(root)
    while rounds_told(root) < after_round:
        time.sleep(0.001)
    time.sleep(seconds)
    os.kill(pid, sent)
    return jobs.wait(pid)


def outcome(root: Path) -> Mapping[str, bytes]:
    """Return all that the job in `root` came to."""
    return files_of(root / "model") | files_of(root / "output" / "data")


@pytest.fixture(scope="module")
def uninterrupted(jobs: ForkedJobs, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Path, int]]:
    """Return for each of `JOBS` a root with what it came to, and the number of its rounds."""
    done = {}
    for name, job in JOBS.items():
        root = spot_root(tmp_path_factory.mktemp("whole"), job)
        assert jobs.run(root) == 0, (root / STDERR).read_text()
        done[name] = root, rounds_told(root)
    return done


@pytest.mark.parametrize("number", range(KILLS))
def test_a_kill_at_any_moment_costs_the_rounds_since_the_last_checkpoint_and_no_byte(
    number: int, jobs: ForkedJobs, uninterrupted: Mapping[str, tuple[Path, int]], tmp_path: Path
) -> None:
    rng = np.random.default_rng((7, number))
    name = list(JOBS)[number % len(JOBS)]
    whole, rounds = uninterrupted[name]
    root = spot_root(tmp_path, JOBS[name])

    code = killed(jobs, root, signal.SIGKILL, after_round=int(rng.integers(1, rounds)), seconds=rng.uniform(0, 0.02))
    kept = rounds_kept(root)
    assert jobs.run(root) == 0, (root / STDERR).read_text()

    assert code == -signal.SIGKILL
    assert outcome(root) == outcome(whole)
    assert rounds_told(root) == rounds - kept
    names = [path.name for path in (root / "checkpoints").iterdir()]
    assert len([name for name in names if name.endswith(".checkpoint")]) == 5
    assert not [name for name in names if name.startswith(".")]  # what the kill left half written


@pytest.mark.parametrize("name", JOBS)
def test_sigterm_saves_the_model_so_far_and_a_checkpoint_of_its_round(
    name: str, jobs: ForkedJobs, uninterrupted: Mapping[str, tuple[Path, int]], tmp_path: Path
) -> None:
    whole, rounds = uninterrupted[name]
    root = spot_root(tmp_path, JOBS[name], checkpoint_rounds="1000")

    code = killed(jobs, root, signal.SIGTERM, after_round=5)

    assert (code, metrics_of(root)["stopped"]) == (0, True)
    load(root / "model")
    told = rounds_told(root)
    assert rounds_kept(root) == told
    spot_root(root, JOBS[name])
    assert jobs.run(root) == 0
    assert outcome(root) == outcome(whole)
    assert rounds_told(root) == rounds - told


def test_a_job_that_was_done_is_not_done_again(jobs: ForkedJobs, uninterrupted: Mapping[str, tuple[Path, int]]) -> None:
    root, rounds = uninterrupted["xgboost"]
    before = outcome(root)

    assert jobs.run(root) == 0

    assert outcome(root) == before
    assert rounds_told(root) == 0 < rounds
    assert "model: is done, by a checkpoint of an earlier run" in (root / STDERR).read_text()


def refused(jobs: ForkedJobs, root: Path) -> str:
    """Return why the job in `root` is refused."""
    assert jobs.run(root) == 1, (root / STDERR).read_text()
    return (root / "output" / "failure").read_text()


def test_another_hyperparameter_is_refused_by_name(jobs: ForkedJobs, tmp_path: Path) -> None:
    root = spot_root(tmp_path)
    killed(jobs, root, signal.SIGKILL, after_round=10)
    spot_root(root, eta="0.3")

    failure = refused(jobs, root)

    assert "/checkpoints are of another job: `eta` was 0.1 and is 0.3; expected the data, hyper" in failure
    assert "give `checkpoint_mismatch=restart`" in failure
    assert files_of(root / "model") == {}


def test_other_rows_are_refused(jobs: ForkedJobs, tmp_path: Path) -> None:
    root = spot_root(tmp_path)
    killed(jobs, root, signal.SIGKILL, after_round=10)
    a_root(root, JOB, train=a_table(800, 40, seed=1))

    assert "the table, or how it is divided, has changed; expected" in refused(jobs, root)


def test_other_rows_begin_anew_if_that_is_asked_for(jobs: ForkedJobs, tmp_path: Path) -> None:
    root = spot_root(tmp_path / "killed")
    killed(jobs, root, signal.SIGKILL, after_round=10)
    restarting = {**JOB, "checkpoint_mismatch": "restart"}
    table = a_table(800, 40, seed=1)
    a_root(root, restarting, train=table)
    fresh = a_root(tmp_path / "fresh", restarting, train=table)

    assert (jobs.run(root), jobs.run(fresh)) == (0, 0)

    assert outcome(root) == outcome(fresh)
    assert rounds_told(root) == rounds_told(fresh)
    assert "checkpoints of another job: this one begins anew" in (root / STDERR).read_text()


def test_a_family_that_fits_in_one_go_says_so_and_keeps_nothing(jobs: ForkedJobs, tmp_path: Path) -> None:
    root = a_root(tmp_path, train=a_table())
    forest = {"algorithm": "random_forest", "n_estimators": "5", "checkpoint_rounds": "1", "report": "false"}
    configure(root, "hyperparameters", forest)

    assert jobs.run(root) == 0, (root / STDERR).read_text()

    log = (root / STDERR).read_text()
    assert "random_forest, as it is set, fits in one go: if interrupted, this starts anew" in log
    assert not (root / "checkpoints").exists()


def test_the_place_of_checkpoints_that_sagemaker_names_is_enough_to_keep_them(jobs: ForkedJobs, tmp_path: Path) -> None:
    values = {**SAMPLED, "num_round": "25", "early_stopping_rounds": "0", "resampler": "smote"}
    root = spot_root(tmp_path / "root", values)
    configure(root, "checkpointconfig", {"LocalPath": str(tmp_path / "spot")})

    assert jobs.run(root) == 0

    names = sorted(path.name for path in (tmp_path / "spot").iterdir())
    assert names == [
        *("comparison-00010.checkpoint", "comparison-00020.checkpoint", "comparison.fit"),
        *("model-00010.checkpoint", "model-00020.checkpoint", "model.fit"),
    ]
    assert not any(str(tmp_path).encode() in content for content in files_of(tmp_path / "spot").values())


def test_without_a_place_for_them_there_are_none(jobs: ForkedJobs, tmp_path: Path) -> None:
    root = spot_root(tmp_path, {"num_round": "25"})

    assert jobs.run(root) == 0

    assert not (root / "checkpoints").exists()
