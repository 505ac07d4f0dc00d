"""A job ends with the exit code and the failure file that SageMaker expects."""

from __future__ import annotations

import errno
import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fraud_detect.errors import Stopped, TableError
from fraud_detect.sagemaker.job import INTERRUPTED, STOPPED, StopRequest, check_writable, hand_over, run
from fraud_detect.sagemaker.layout import Layout

Work = Callable[[StopRequest], None]


def raising(error: BaseException) -> Work:
    def work(_: StopRequest) -> None:
        raise error

    return work


def a_fault(got: str = "Row 3 is ragged") -> TableError:
    return TableError(got, expected="2 values", remedy="Correct the row.")


def failure_of(root: Path) -> str:
    return Layout(root).failure.read_text()


def test_work_that_is_done_leaves_no_failure(tmp_path: Path) -> None:
    assert run(lambda _: None, Layout(tmp_path)) == 0
    assert not Layout(tmp_path).failure.exists()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (a_fault(), 1),
        (OSError(errno.ENOSPC, "No space left on device"), 1),
        (MemoryError(), 1),
        (RuntimeError("odd"), 2),
        (KeyError("odd"), 2),
        (Stopped("too early"), STOPPED),
    ],
)
def test_the_exit_code_says_whose_fault_it_was(error: Exception, code: int, tmp_path: Path) -> None:
    assert run(raising(error), Layout(tmp_path)) == code


def test_a_stop_with_nothing_to_save_is_no_failure(tmp_path: Path) -> None:
    run(raising(Stopped("too early")), Layout(tmp_path))

    assert not Layout(tmp_path).failure.exists()


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (a_fault(), "Row 3 is ragged; expected 2 values. Correct the row."),
        (RuntimeError("odd"), "Bug in fraud-detect: RuntimeError: odd. Please report it."),
        (MemoryError(), "Out of memory. Use a machine with more memory, or fewer rows."),
    ],
)
def test_the_failure_file_has_cause_and_remedy(error: Exception, failure: str, tmp_path: Path) -> None:
    run(raising(error), Layout(tmp_path))

    assert failure_of(tmp_path) == failure


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device", "/opt/ml/model"), PermissionError(errno.EACCES, "No", "/model")],
)
def test_what_the_machine_refuses_is_said_with_the_place(error: OSError, tmp_path: Path) -> None:
    run(raising(error), Layout(tmp_path))

    assert failure_of(tmp_path).startswith(f"The machine refused: {error.strerror} at {error.filename}; expected room")


def test_a_long_failure_keeps_its_beginning_and_the_remedy(tmp_path: Path) -> None:
    run(raising(a_fault("x" * 5_000)), Layout(tmp_path))

    failure = failure_of(tmp_path)
    assert len(failure) == 1_000
    assert failure.startswith("xxx")
    assert failure.endswith("; expected 2 values. Correct the row.")


def test_a_name_that_is_not_utf8_can_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What pytest captures of the log goes from process to process by pytest-xdist, which takes UTF-8 alone.
    monkeypatch.setattr(logging.getLogger("fraud_detect"), "propagate", False)
    run(raising(a_fault(os.fsdecode(b"a\xff.csv is ragged"))), Layout(tmp_path))

    assert failure_of(tmp_path).startswith("a\\udcff.csv is ragged")


def test_a_cause_that_was_written_during_the_run_is_never_overwritten(tmp_path: Path) -> None:
    def work(_: StopRequest) -> None:
        Layout(tmp_path).failure.parent.mkdir()
        Layout(tmp_path).failure.write_text("the first cause")
        raise a_fault()

    run(work, Layout(tmp_path))

    assert failure_of(tmp_path) == "the first cause"


def test_the_failure_is_that_of_this_run_and_not_of_an_earlier_one(tmp_path: Path) -> None:
    for got in ("Row 3 is ragged", "Row 9 is ragged"):
        run(raising(a_fault(got)), Layout(tmp_path))

    assert failure_of(tmp_path).startswith("Row 9 is ragged")


def test_a_failure_that_cannot_be_written_still_has_its_code(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("a file where a folder should be")

    assert run(raising(a_fault()), Layout(tmp_path)) == 1


def test_sigterm_is_recorded_and_the_work_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    heeded: list[bool] = []

    def work(stop: StopRequest) -> None:
        heeded.append(stop.heed())
        signal.raise_signal(signal.SIGTERM)
        heeded.extend([stop.heed(), stop.heed()])

    assert run(work, Layout(tmp_path)) == 0
    assert heeded == [False, True, True]
    assert caplog.text.count("SIGTERM: stopping here") == 1


def test_work_that_is_worth_some_time_after_a_stop_has_it_from_the_first_signal_on() -> None:
    stop = StopRequest()
    assert not stop.heed_after(0)

    stop.record(signal.SIGTERM, None)
    assert not stop.heed_after(0.2)
    time.sleep(0.2)
    stop.record(signal.SIGTERM, None)

    assert stop.heed_after(0.2)


def test_ctrl_c_ends_the_work_and_leaves_an_earlier_model(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.model.mkdir()
    (layout.model / "manifest.json").write_text("{}")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored

    assert run(lambda _: signal.raise_signal(signal.SIGINT), layout) == INTERRUPTED
    assert (layout.model / "manifest.json").read_text() == "{}"


@pytest.mark.parametrize("work", [lambda _: None, raising(Stopped("too early")), raising(KeyboardInterrupt())])
def test_a_job_that_does_not_fail_leaves_no_failure_of_an_earlier_one(work: Work, tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    run(raising(a_fault()), layout)

    run(work, layout)

    assert not layout.failure.exists()


def test_work_with_nothing_to_save_yet_is_stopped_where_it_asks(tmp_path: Path) -> None:
    def work(stop: StopRequest) -> None:
        stop.check()
        signal.raise_signal(signal.SIGTERM)
        stop.check()

    assert run(work, Layout(tmp_path)) == STOPPED


def test_what_was_written_may_be_read_by_all(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.model.mkdir(mode=0o700)
    (layout.model / "manifest.json").write_text("{}")
    (layout.model / "manifest.json").chmod(0o600)

    hand_over(layout)

    assert layout.model.stat().st_mode & 0o777 == 0o755
    assert (layout.model / "manifest.json").stat().st_mode & 0o777 == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_gives_what_it_wrote_to_the_owner_of_the_root(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.output_data.mkdir(parents=True)
    (layout.output_data / "metrics.json").write_text("{}")
    os.chown(tmp_path, 1234, 4321)

    hand_over(layout)

    for path in (layout.output_data, layout.output_data / "metrics.json"):
        assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_gives_what_it_wrote_to_the_owner_of_a_mounted_model_folder(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.model.mkdir()
    (layout.model / "manifest.json").write_text("{}")
    os.chown(layout.model, 1234, 4321)

    hand_over(layout)

    assert (layout.model / "manifest.json").stat().st_uid == 1234


def test_what_a_kill_left_half_written_is_no_part_of_the_next_jobs_outputs(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    for folder in (layout.model, layout.output_data):
        (folder / ".incoming-abc").mkdir(parents=True)
        (folder / ".incoming-abc" / "half").write_text("half")
        (folder / "whole").write_text("whole")

    check_writable(layout)

    for folder in (layout.model, layout.output_data):
        assert [path.name for path in folder.iterdir()] == ["whole"]
