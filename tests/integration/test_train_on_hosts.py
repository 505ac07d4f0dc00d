"""`fraud-detect train` on several hosts, which are processes on loopback addresses of this machine."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from fraud_detect.sagemaker.shards import DIVIDED
from host_factories import (
    average_precision_of_job,
    cause_of,
    ended,
    kill_host,
    kill_training,
    loopback_names,
    roots_of,
    start,
)
from training_factories import a_mixed_table, configure, files_of, train

pytestmark = pytest.mark.alone

QUICK = {
    "label_column": "kind",
    "positive_label": "bad",
    "drop_columns": "when",
    "num_round": "8",
    "bootstrap_samples": "0",
    "resampler": "smote",
    "nthread": "1",
}
ENDLESS = {**QUICK, "num_round": "10000", "early_stopping_rounds": "0", "resampler": "none", "report": "false"}
FILES, SECONDS = 4, 150
WITHIN_A_MINUTE = 60


def pieces() -> dict[str, str]:
    """Return a table in files of CSV by name."""
    table = a_mixed_table(1_600, 200)
    size = len(table) // FILES
    return {f"part-{place}.csv": table[place * size :][:size].to_csv(index=False) for place in range(FILES)}


def divided(count: int) -> list[dict[str, str]]:
    files = list(pieces().items())
    return [dict(files[place::count]) for place in range(count)]


def alone(folder: Path) -> Path:
    (root,) = roots_of(folder, ["alone"], divided(1), QUICK)
    assert train(root).returncode == 0
    return root


def log_of(root: Path) -> str:
    return (root / "log").read_text()


def until(root: Path, text: str, processes: list[subprocess.Popen[bytes]]) -> None:
    end = time.monotonic() + SECONDS
    while text not in log_of(root):
        assert time.monotonic() < end, log_of(root)
        assert all(process.poll() is None for process in processes), log_of(root)
        time.sleep(0.1)


def rows_of(root: Path) -> list[str]:
    written = (root / "output" / "data" / "predictions.csv").read_text()
    return [row["row"] for row in csv.DictReader(io.StringIO(written))]


def ranges_of(root: Path) -> object:
    return json.loads((root / "model" / "examples.json").read_text())["ranges"]


@pytest.mark.slow
def test_hosts_train_the_model_that_one_would(tmp_path: Path) -> None:
    """Two hosts with a copy of all rows each, which count once, and four with shards beside one that has none."""
    one = alone(tmp_path / "one")
    expected = average_precision_of_job(one)

    for shards in ([pieces(), pieces()], [*divided(4), {}]):
        names = loopback_names(len(shards))
        roots = roots_of(tmp_path / str(len(shards)), names, shards, QUICK)
        assert ended(start(roots), SECONDS) == [0] * len(shards), "\n".join(log_of(root) for root in roots)
        assert average_precision_of_job(roots[0]) == pytest.approx(expected, abs=0.005)
        assert rows_of(roots[0]) == rows_of(one)
        assert ranges_of(roots[0]) == ranges_of(one)
        assert set(files_of(roots[0] / "model")) == {"examples.json", "manifest.json", "model.onnx", "model.ubj"}
        assert set(files_of(roots[0] / "output" / "data")) == set(files_of(one / "output" / "data"))
        assert {name for root in roots[1:] for name in (*files_of(root / "model"), *files_of(root / "output"))} == set()
    assert "no rows here" in log_of(roots[-1])


@pytest.mark.slow
def test_a_first_host_that_is_killed_ends_all_within_a_minute(tmp_path: Path) -> None:
    """Though all that hosts tell each other goes by way of it; the test in containers kills another one."""
    names = loopback_names(2)
    roots = roots_of(tmp_path, names, divided(2), ENDLESS)
    processes = start(roots)
    try:
        until(roots[0], "round=3;", processes)
        began = time.monotonic()
        kill_host(processes[0])
        code = processes[1].wait(WITHIN_A_MINUTE)
    finally:
        ended(processes, 1)

    assert code == 1
    assert time.monotonic() - began < WITHIN_A_MINUTE
    assert f"Host {names[0]} failed: it is gone" in cause_of(roots[1])


@pytest.mark.slow
def test_all_say_why_the_training_of_one_was_killed(tmp_path: Path) -> None:
    """As the kernel does where memory runs out."""
    names = loopback_names(2)
    roots = roots_of(tmp_path, names, divided(2), ENDLESS)
    processes = start(roots)
    until(roots[0], "round=3;", processes)

    kill_training(processes[1])

    assert ended(processes, WITHIN_A_MINUTE) == [1, 1]
    assert cause_of(roots[1]).startswith("The training was killed by SIGKILL")
    assert cause_of(roots[0]).startswith(f"Host {names[1]} failed: The training was killed by SIGKILL")


@pytest.mark.slow
def test_all_say_what_is_wrong_with_the_rows_of_one(tmp_path: Path) -> None:
    names = loopback_names(2)
    shards = divided(2)
    shards[1]["part-3.csv"] = shards[1]["part-3.csv"].replace("good", "neither", 1)
    roots = roots_of(tmp_path, names, shards, QUICK)
    for root in roots:
        configure(root, "inputdataconfig", {"train": {"S3DistributionType": DIVIDED}})

    assert ended(start(roots), WITHIN_A_MINUTE) == [1, 1]
    assert "has 3 values" in cause_of(roots[0])
    assert "has 3 values" in cause_of(roots[1])


@pytest.mark.slow
def test_sigterm_on_one_host_saves_the_model_of_all(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, loopback_names(2), divided(2), ENDLESS)
    processes = start(roots)
    until(roots[0], "round=3;", processes)

    processes[1].send_signal(signal.SIGTERM)

    assert ended(processes, WITHIN_A_MINUTE) == [0, 0], log_of(roots[0])
    assert "model.onnx" in files_of(roots[0] / "model")


def test_other_families_say_that_they_train_on_one_host(tmp_path: Path) -> None:
    asked = {name: value for name, value in QUICK.items() if name != "num_round"}
    roots = roots_of(tmp_path, loopback_names(2), divided(2), {**asked, "algorithm": "random_forest"})

    assert ended(start(roots), WITHIN_A_MINUTE) == [1, 1]
    for root in roots:
        assert "The job has 2 hosts, and only one host alone can do algorithm=random_forest" in cause_of(root)
        assert "instance_count to 1" in cause_of(root)
