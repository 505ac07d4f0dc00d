"""Jobs run in processes of their own, within bounds, and whatever becomes of one is told."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fraud_detect.errors import TableError
from fraud_detect.training.comparison.pool import Bounds, Broken, Done, Pool, Refused

LONG_SECONDS = 60


@dataclass
class SomeDemands:
    """Every job is handed its own name and `folder`."""

    folder: Path
    weights: dict[str, float] = field(default_factory=dict)
    bytes_of: dict[str, float] = field(default_factory=dict)

    def argument(self, job: str) -> tuple[str, Path]:
        """As `Demands.argument`."""
        return job, self.folder

    def weight(self, job: str) -> float:
        """As `Demands.weight`."""
        return self.weights.get(job, 1)

    def memory_bytes(self, job: str) -> float:
        """As `Demands.memory_bytes`."""
        return self.bytes_of.get(job, 1)


def outcomes(work: Any, demands: SomeDemands, *jobs: str, **bounds: Any) -> dict[str, Any]:
    pool: Pool[str] = Pool(work, (), Bounds(**{"jobs": 2, **bounds}))
    return dict(pool.run(jobs, demands))


def shouted(argument: tuple[str, Path]) -> str:
    return argument[0].upper()


def meets(argument: tuple[str, Path]) -> bool:
    """Return whether two jobs were there at the same time."""
    name, folder = argument
    (folder / name).touch()
    until = time.monotonic() + LONG_SECONDS
    while len(list(folder.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    return time.monotonic() < until


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    mark = folder / "here"
    mark.touch(exist_ok=False)
    yield
    mark.unlink()


def stays_alone(argument: tuple[str, Path]) -> None:
    with alone_in(argument[1]):
        time.sleep(0.2)


def fails(argument: tuple[str, Path]) -> None:
    name, _ = argument
    if name == "user":
        raise TableError("It has no rows", expected="some", remedy="Add some.")
    if name == "bug":
        raise KeyError("oops")
    if name == "memory":
        raise MemoryError
    if name == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "left":
        os._exit(7)


def lasts(argument: tuple[str, Path]) -> None:
    name, folder = argument
    (folder / name).write_text(str(os.getpid()))
    time.sleep(LONG_SECONDS if name.startswith("long") else 0)


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_job_is_told_with_what_its_work_returned(tmp_path: Path) -> None:
    assert outcomes(shouted, SomeDemands(tmp_path), "a", "b", "c") == {
        "a": Done("A"),
        "b": Done("B"),
        "c": Done("C"),
    }


def test_several_jobs_run_at_a_time(tmp_path: Path) -> None:
    assert outcomes(meets, SomeDemands(tmp_path), "a", "b") == {"a": Done(True), "b": Done(True)}


@pytest.mark.parametrize("each", [6, 20])
def test_jobs_that_do_not_fit_into_memory_together_run_one_after_the_other(tmp_path: Path, each: float) -> None:
    """Those that do not even fit alone are tried alone."""
    demands = SomeDemands(tmp_path, bytes_of=dict.fromkeys("abc", each))

    found = outcomes(stays_alone, demands, "a", "b", "c", memory_bytes=10)

    assert set(found.values()) == {Done(None)}


def test_the_longest_jobs_are_begun_first(tmp_path: Path) -> None:
    pool: Pool[str] = Pool(shouted, (), Bounds(1))
    demands = SomeDemands(tmp_path, weights={"a": 1, "b": 3, "c": 2})

    assert [job for job, _ in pool.run("abc", demands)] == ["b", "c", "a"]


def test_a_smaller_job_goes_before_a_long_one_that_there_is_no_room_for(tmp_path: Path) -> None:
    demands = SomeDemands(tmp_path, weights={"a": 3, "b": 2, "c": 1}, bytes_of={"a": 6, "b": 6, "c": 1})

    found = outcomes(meets, demands, "a", "b", "c", memory_bytes=10)

    assert found["a"] == found["c"] == Done(True)


def test_whatever_ends_a_job_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    found = outcomes(fails, SomeDemands(tmp_path), "user", "bug", "memory", "killed", "left", "fine")

    assert found["user"] == Refused("It has no rows; expected some. Add some.")
    assert isinstance(found["bug"], Broken)
    assert found["bug"].reason == "KeyError: 'oops'"
    assert 'raise KeyError("oops")' in found["bug"].trace
    assert found["memory"].reason.startswith("Out of memory.")
    assert found["killed"].reason.startswith("Its process was killed")
    assert found["left"] == Broken("its process ended with exit code 7", "")
    assert found["fine"] == Done(None)


def test_a_job_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    found = outcomes(lasts, SomeDemands(tmp_path), "long", "short", seconds=6)

    assert found == {"long": Refused("It took more than 0.1 minutes and was ended."), "short": Done(None)}
    assert not is_there(int((tmp_path / "long").read_text()))


def test_ending_early_leaves_no_process_behind(tmp_path: Path) -> None:
    pool: Pool[str] = Pool(lasts, (), Bounds(3))
    with closing(pool.run(["long", "longer", "short"], SomeDemands(tmp_path))) as ending:
        job, _ = next(ending)
        while len(list(tmp_path.iterdir())) < 3:
            time.sleep(0.01)

    assert job == "short"
    assert not any(is_there(int(path.read_text())) for path in tmp_path.iterdir())
