"""`fraud-detect compare` on the command line: what it writes, and that it goes on where it was ended."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from training_factories import COMMAND, a_root, a_table, as_bytes, configure, files_of, train

FAMILIES = ("xgboost", "logistic_regression")
QUICK = ("--folds", "2", "--set", "xgboost.num_round=3", "--set", "k_neighbors=3")
LONG = ("--folds", "2", "--algorithms", "xgboost", "--set", "num_round=10000", "--set", "early_stopping_rounds=0")
COSTS = ("seconds_to_train", "microseconds_a_row")
BREAK_A_FAMILY = """
import sys
from dataclasses import replace
from fraud_detect.estimators import registry

def broken(*_):
    raise KeyError("a bug")

name = "logistic_regression"
registry.FAMILIES = {**registry.FAMILIES, name: replace(registry.FAMILIES[name], fit=broken)}
"""
"""What Python runs first in a process that finds it as `sitecustomize`."""


def a_file(folder: Path, table: pd.DataFrame | None = None) -> Path:
    path = folder / "table.csv"
    path.write_bytes(as_bytes(a_table() if table is None else table))
    return path


def command_of(data: Path, output: Path, *options: str) -> list[str]:
    return [str(COMMAND), "compare", "--data", str(data), "--output", str(output), *options]


def compare(data: Path, output: Path, *options: str, **more: Any) -> subprocess.CompletedProcess[str]:
    command = command_of(data, output, "--algorithms", ",".join(FAMILIES), "--resamplers", "none,smote", *options)
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **more)


def rows_of(output: Path) -> list[dict[str, str]]:
    with (output / "comparison.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def figures_of(output: Path) -> list[dict[str, str]]:
    """Return the lines of comparison.csv without what differs from run to run."""
    return [{name: value for name, value in row.items() if name not in COSTS} for row in rows_of(output)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_file(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def compared(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    output = tmp_path_factory.mktemp("compared")
    return output, compare(data, output, *QUICK, "--jobs", "2", "--keep-predictions")


Compared = tuple[Path, subprocess.CompletedProcess[str]]


def copied(compared: Compared, to: Path) -> Path:
    return shutil.copytree(compared[0], to / "comparison")


def test_it_prints_a_table_and_writes_it_as_csv_and_as_a_page(compared: Compared) -> None:
    output, result = compared

    assert result.returncode == 0, result.stderr
    assert {(row["algorithm"], row["resampler"], row["cells"]) for row in rows_of(output)} == {
        (family, resampler, "2") for family in FAMILIES for resampler in ("none", "smote")
    }
    assert result.stdout.splitlines()[1].split()[0] == rows_of(output)[0]["algorithm"]
    assert "The best of 4 compared looks better than it is" in result.stdout
    assert (output / "comparison.html").read_text().startswith("<!doctype html>")
    assert not (output / "work").exists()


def test_each_cell_is_a_line_of_the_log(compared: Compared) -> None:
    _, result = compared

    assert [line.split()[3] for line in result.stderr.splitlines() if " of 8: " in line] == list("12345678")


def test_the_hyperparameters_of_the_best_train_a_model(compared: Compared, tmp_path: Path) -> None:
    output, result = compared
    best = json.loads((output / "hyperparameters.json").read_text())

    assert (best["algorithm"], best["resampler"]) == tuple(result.stdout.splitlines()[1].split()[:2])
    root = a_root(tmp_path, train=a_table())
    configure(root, "hyperparameters", best)
    trained = train(root)
    assert trained.returncode == 0, trained.stderr


def test_held_out_predictions_are_of_every_row_once_a_repeat(compared: Compared) -> None:
    parts = [pd.read_csv(path) for path in compared[0].glob("predictions/xgboost-none-1-*.csv")]

    held_out = pd.concat(parts).sort_values("row")
    assert held_out["row"].tolist() == list(range(1, 201))
    assert held_out["label"].tolist() == a_table()["Class"].tolist()
    assert held_out["probability"].between(0, 1).all()


def test_one_job_gives_the_same_figures_as_two(compared: Compared, data: Path, tmp_path: Path) -> None:
    assert compare(data, tmp_path, *QUICK, "--jobs", "1").returncode == 0

    assert figures_of(tmp_path) == figures_of(compared[0])


def test_it_goes_on_where_it_was_killed(compared: Compared, data: Path, tmp_path: Path) -> None:
    output = copied(compared, tmp_path)
    lines = (output / "cells.jsonl").read_bytes().splitlines(keepends=True)
    (output / "cells.jsonl").write_bytes(b"".join(lines[:-2]) + lines[-2][:50])

    result = compare(data, output, *QUICK)

    assert "6 of 8 cells are done already" in result.stderr
    assert "8 of 8: " in result.stderr
    assert figures_of(output) == figures_of(compared[0])


def test_more_families_are_added_to_what_is_done(compared: Compared, data: Path, tmp_path: Path) -> None:
    output = copied(compared, tmp_path)
    journal = output / "cells.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if "logistic_regression" not in line))

    assert "4 of 8 cells are done already" in compare(data, output, *QUICK).stderr
    assert figures_of(output) == figures_of(compared[0])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--folds", "3"), "folds is not the same"),
        (("--seed", "1"), "folds is not the same"),
        (("--legitimate-weight", "2"), "legitimate_weight is not the same"),
        (("--set", "xgboost.num_round=4"), "has xgboost with (none|smote) by other hyperparameters or libraries"),
    ],
)
def test_another_comparison_in_the_folder_is_refused(
    compared: Compared, data: Path, tmp_path: Path, options: Sequence[str], said: str
) -> None:
    output = copied(compared, tmp_path)
    before = files_of(output)

    result = compare(data, output, *QUICK, *options)

    assert result.returncode == 1
    assert re.search(said, result.stderr)
    assert "--restart" in result.stderr
    assert files_of(output) == before


def test_other_data_is_refused_unless_it_is_to_begin_anew(compared: Compared, tmp_path: Path) -> None:
    output, other = copied(compared, tmp_path), a_file(tmp_path, a_table(seed=1))

    refused = compare(other, output, *QUICK)
    anew = compare(other, output, "--algorithms", "logistic_regression", "--restart")

    assert (refused.returncode, anew.returncode) == (1, 0)
    assert "data and folds are not the same" in refused.stderr
    assert {row["algorithm"] for row in rows_of(output)} == {"logistic_regression"}


def test_what_the_data_does_not_allow_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    """SMOTE needs a column of numbers to work between rows."""
    table = a_table().assign(amount="high").assign(hour=lambda given: given["hour"].map("h{}".format))
    table.loc[table["Class"] == 1, "amount"] = "low"

    result = compare(a_file(tmp_path, table), tmp_path / "out", *QUICK, "--set", "resampling_ratio=1")

    assert result.returncode == 0, result.stderr
    assert result.stderr.count("The table has no number column") == 2  # one warning for each family
    assert [(row["resampler"], row["cells"]) for row in rows_of(tmp_path / "out")] == [
        *[("none", "2")] * 2,
        *[("smote", "0")] * 2,
    ]
    assert "xgboost with smote: 0 of 2 folds. The table has no number column" in result.stdout


def test_a_bug_in_one_family_is_logged_and_the_rest_goes_on(data: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BREAK_A_FAMILY)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])

    result = compare(data, tmp_path / "out", *QUICK, env={**os.environ, "PYTHONPATH": path})

    assert result.returncode == 2, result.stderr
    assert 'raise KeyError("a bug")' in result.stderr
    assert "4 cells failed by bugs of ours" in result.stderr
    assert [row["cells"] for row in rows_of(tmp_path / "out")] == ["2", "2", "0", "0"]


def started(data: Path, output: Path, *options: str) -> subprocess.Popen[str]:
    command = command_of(data, output, *LONG, "--resamplers", "none,smote", *options)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def processes_of(session: int) -> list[int]:
    """Return the processes of a session that are not dead yet."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")


@needs_proc
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_with_what_is_done_and_leaves_no_process(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    process = started(a_file(tmp_path, a_table(20_000, 4_000)), tmp_path / "out", "--jobs", "2")
    wait_for(lambda: len(processes_of(process.pid)) >= 4)  # itself, the server that forks, two cells

    process.send_signal(number)
    _, log = process.communicate(timeout=60)

    assert process.returncode == code, log
    assert "the same command goes on" in log
    assert "Traceback" not in log
    wait_for(lambda: processes_of(process.pid) == [], 10)
    assert (tmp_path / "out" / "comparison.csv").exists()
    assert not (tmp_path / "out" / "work").exists()


@needs_proc
def test_even_killed_it_leaves_no_process(tmp_path: Path) -> None:
    process = started(a_file(tmp_path, a_table(20_000, 4_000)), tmp_path / "out", "--jobs", "2")
    wait_for(lambda: len(processes_of(process.pid)) >= 4)

    process.kill()
    process.communicate(timeout=60)

    wait_for(lambda: processes_of(process.pid) == [], 30)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--algorithms", "xgbost"), "--algorithms has 'xgbost'; expected names among"),
        (("--set", "num_rounds=3"), "`num_rounds` is unknown"),
        (("--set", "split=time", "--set", "time_column=hour"), "cv_folds is set with a split in time"),
        (("--folds", "60"), "Lower `cv_folds`, or add frauds"),
        (("--legitimate-weight", "0"), "0.0 is not in the range"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(
    data: Path, tmp_path: Path, options: Sequence[str], said: str
) -> None:
    result = compare(data, tmp_path / "out", *options)

    assert result.returncode in (1, 2)
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()
