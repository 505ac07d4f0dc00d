"""`fraud-detect tune`, and `train` with a search, as processes of their own."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fraud_detect.entrypoints.train import train_root
from fraud_detect.entrypoints.tune import tune_root
from training_factories import COMMAND, a_root, a_table, configure, files_of, metrics_of, train

FIXED = {
    "algorithm": "xgboost",
    "num_round": "4",
    "early_stopping_rounds": "0",
    "bootstrap_samples": "5",
    "nthread": "1",
}
SEARCHED = {**FIXED, "tune_trials": "5"}
RECORD = "checkpoints/tuning.jsonl"


def tune_root_of(folder: Path, hyperparameters: dict[str, str] | None = None) -> Path:
    root = a_root(folder, train=a_table(300, 60))
    configure(root, "hyperparameters", FIXED if hyperparameters is None else hyperparameters)
    return root


def started(command: str, root: Path, *options: str) -> subprocess.Popen[str]:
    line = [str(COMMAND), command, "--root", str(root), *options]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def tune(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    process = started("tune", root, *options)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def trials_in(root: Path) -> int:
    path = root / RECORD
    return path.read_bytes().count(b'{"op_code":4,') if path.exists() else 0


def wait_for_trials(process: subprocess.Popen[str], count: int) -> None:
    """Return when the log of `process` tells of so many trials."""
    assert process.stderr is not None
    while f"INFO trial {count}:" not in process.stderr.readline():
        assert process.poll() is None


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Return the root and the outcome of one small search."""
    root = tune_root_of(tmp_path_factory.mktemp("tuned"))
    return root, tune(root, "--trials", "5")


@pytest.fixture(scope="module")
def tuned_job(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Return the root and the outcome of one small job with a search."""
    root = tune_root_of(tmp_path_factory.mktemp("job"), SEARCHED)
    return root, train(root)


def test_hyperparameters_are_all_there_is_on_standard_output(done: tuple[Path, Any]) -> None:
    root, outcome = done

    assert outcome.returncode == 0, outcome.stderr
    printed = json.loads(outcome.stdout)
    assert {name: printed[name] for name in FIXED} == FIXED
    assert not any(name.startswith("tune_") for name in printed)
    report = json.loads((root / "output" / "data" / "tuning.json").read_text())
    assert report["best"]["hyperparameters"] == printed


def test_a_search_trains_nothing(done: tuple[Path, Any]) -> None:
    root, _ = done

    assert files_of(root / "model") == {}
    assert set(files_of(root / "output")) == {"data/tuning.json"}
    assert set(files_of(root / "checkpoints")) == {"tuning.jsonl"}


def test_each_trial_is_a_line_of_the_log_and_the_best_ones_a_table(done: tuple[Path, Any]) -> None:
    _, outcome = done

    trials = re.findall(r"INFO trial (\d): .*; tuning_best_average_precision=[0-9.]+;", outcome.stderr)
    assert trials == ["1", "2", "3", "4", "5"]
    assert re.search(r"^trial +average precision +algorithm +resampler", outcome.stderr, flags=re.MULTILINE)
    assert "Traceback" not in outcome.stderr
    assert "[I " not in outcome.stderr  # Optuna's own lines


def test_training_with_what_is_printed_gives_the_model_of_a_job_that_searches(
    done: tuple[Path, Any], tuned_job: tuple[Path, Any], tmp_path: Path
) -> None:
    root, outcome = tuned_job
    assert outcome.returncode == 0, outcome.stderr
    plain = tune_root_of(tmp_path, json.loads(done[1].stdout))

    assert train_root(plain) == 0

    assert files_of(plain / "model") == files_of(root / "model")
    own, of_plain = metrics_of(root), metrics_of(plain)
    assert own.pop("tuning")["best"]["hyperparameters"] == json.loads(done[1].stdout)
    assert of_plain.pop("tuning") is None
    assert own == of_plain


def test_the_last_line_of_a_job_tells_what_the_search_reached(tuned_job: tuple[Path, Any]) -> None:
    root, outcome = tuned_job

    best = metrics_of(root)["tuning"]["best"]["average_precision"]
    assert outcome.stdout.splitlines()[-1] == f"tuning_best_average_precision={best:.6g};"
    assert metrics_of(root)["validation"]["average_precision"] == pytest.approx(best, abs=1e-9)


def test_the_same_job_again_makes_no_trial_and_the_same_bytes(tuned_job: tuple[Path, Any], tmp_path: Path) -> None:
    root, _ = tuned_job
    shutil.copytree(root, tmp_path / "again")
    shutil.rmtree(tmp_path / "again" / "model")

    assert train_root(tmp_path / "again") == 0

    assert files_of(tmp_path / "again") == files_of(root)


def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    root, whole = tune_root_of(tmp_path / "killed"), tune_root_of(tmp_path / "whole")
    process = started("tune", root, "--trials", "10000")
    wait_for_trials(process, 2)
    process.kill()
    process.communicate(timeout=60)
    trials = str(trials_in(root) + 3)

    resumed, uninterrupted = (tune(each, "--trials", trials) for each in (root, whole))

    assert "going on from the" in resumed.stderr
    assert resumed.stdout == uninterrupted.stdout
    assert files_of(root / "output") == files_of(whole / "output")


def test_sigterm_ends_the_search_and_trains_the_best_so_far(tmp_path: Path) -> None:
    root = tune_root_of(tmp_path, {**FIXED, "tune_minutes": "50"})
    process = started("train", root)
    wait_for_trials(process, 2)

    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=100)

    assert process.returncode == 0, log
    metrics = metrics_of(root)
    assert (metrics["tuning"]["stopped"], metrics["stopped"]) == (True, False)
    assert metrics["rounds"] == 4
    assert len(metrics["tuning"]["trials"]) == trials_in(root) >= 2
    assert (root / "model" / "manifest.json").exists()


def test_sigterm_ends_tune_with_what_it_has(tmp_path: Path) -> None:
    root = tune_root_of(tmp_path)
    process = started("tune", root, "--minutes", "50")
    wait_for_trials(process, 1)

    process.send_signal(signal.SIGTERM)
    out, log = process.communicate(timeout=60)

    assert process.returncode == 0, log
    assert json.loads(out)["algorithm"] == "xgboost"


def test_ctrl_c_leaves_an_earlier_model_and_the_trials(tuned_job: tuple[Path, Any], tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(tuned_job[0], root)
    configure(root, "hyperparameters", {**SEARCHED, "tune_trials": "10000"})
    process = started("train", root)
    wait_for_trials(process, 6)

    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert process.returncode == 130
    assert files_of(root / "model") == files_of(tuned_job[0] / "model")
    assert files_of(root / "output") == files_of(tuned_job[0] / "output")
    assert trials_in(root) >= 6


def test_a_changed_table_is_refused_with_the_remedy(done: tuple[Path, Any], tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(done[0], root)
    a_table(300, 60, seed=5).to_csv(root / "input" / "data" / "train" / "part-0.csv", index=False)

    assert tune_root(root, {"tune_trials": 6, "tune_minutes": None}) == 1

    failure = (root / "output" / "failure").read_text()
    assert "tuning.jsonl is of another search: the table, or how it is divided, has changed" in failure
    assert "Delete the file or give `checkpoint_mismatch=restart` to search anew" in failure


def test_checkpoints_are_where_the_platform_says(tmp_path: Path) -> None:
    root = tune_root_of(tmp_path / "root")
    configure(root, "checkpointconfig", {"LocalPath": str(tmp_path / "elsewhere")})

    assert tune_root(root, {"tune_trials": 1, "tune_minutes": None}) == 0

    assert (tmp_path / "elsewhere" / "tuning.jsonl").exists()
    assert not (root / "checkpoints").exists()


def test_a_search_does_without_a_place_for_its_record(tmp_path: Path) -> None:
    root = tune_root_of(tmp_path)
    (root / "checkpoints").write_text("a file where a folder should be")

    assert tune_root(root, {"tune_trials": 1, "tune_minutes": None}) == 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"tune_algorithms": "prophet", "tune_trials": "1"},
            "tune_algorithms names 'prophet' (expected some of xgboost",
        ),
        ({"tune_algorithms": "xgboost"}, "tune_algorithms is set (expected none without tune_minutes or tune_trials"),
        ({"tune_minutes": "-1"}, "`tune_minutes` is '-1' (expected a number from 0 to 10000)"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(given: dict[str, str], told: str, tmp_path: Path) -> None:
    root = tune_root_of(tmp_path, given)

    assert train_root(root) == 1

    assert told in (root / "output" / "failure").read_text()
