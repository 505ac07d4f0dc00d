"""`fraud-detect train` with split=prequential, from files to metrics.json."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest

from fraud_detect.entrypoints.train import train_root
from fraud_detect.sagemaker.metrics import FINAL
from fraud_detect.serving.model import load
from fraud_detect.serving.respond import Request, respond
from timed_rows import a_timed_table
from training_factories import COMMAND, REPOSITORY, a_channel, a_root, files_of, metrics_of, train

SHARED = Path(os.environ.get("FRAUD_DETECT_DATA", REPOSITORY.parent / "shared" / "data"))
HANDBOOK = SHARED / "handbook" / "transactions.parquet"
DAYS = {"train_days": "8", "delay_days": "2", "test_days": "4", "folds": "3"}
GIVEN = {"split": "prequential", "time_column": "when", "card_column": "card", "top_k": "5", **DAYS}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Return the root and the outcome of one small job."""
    root = a_root(tmp_path_factory.mktemp("folds"), GIVEN, train=a_timed_table())
    return root, train(root)


def test_the_folds_are_in_the_metrics(done: tuple[Path, Any]) -> None:
    root, outcome = done

    assert outcome.returncode == 0, outcome.stderr
    document = metrics_of(root)["prequential"]
    assert [document[name] for name in ("train_days", "delay_days", "test_days", "top_k")] == [8, 2, 4, 5]
    assert [(fold["train"]["first_day"], fold["test"]["last_day"]) for fold in document["folds"]] == [
        ("2016-08-03", "2016-08-16"),
        ("2016-07-30", "2016-08-12"),
        ("2016-07-26", "2016-08-08"),
    ]
    assert not document["stopped"]


def test_the_means_are_printed_for_sagemaker(done: tuple[Path, Any]) -> None:
    root, outcome = done
    means = metrics_of(root)["prequential"]["mean"]

    lines = dict(line.rstrip(";").split("=") for line in outcome.stdout.splitlines() if line.startswith("prequential_"))

    assert set(lines) == {f"prequential_{name}" for name in FINAL["prequential"] if means[name] is not None}
    assert float(lines["prequential_card_precision"]) == pytest.approx(means["card_precision"], rel=1e-5)


def test_rounds_of_the_folds_are_told_after_those_of_the_model(done: tuple[Path, Any]) -> None:
    _, outcome = done

    names = [line.partition("=")[0] for line in outcome.stdout.splitlines() if "round=" in line]

    folds = [f"fold_{number}_of_3_round" for number in (1, 2, 3) for _ in range(3)]
    assert names == [*["round"] * 3, *folds]


def test_two_processes_come_to_the_same(done: tuple[Path, Any], tmp_path: Path) -> None:
    again = a_root(tmp_path, GIVEN, train=a_timed_table())

    assert train(again).returncode == 0
    assert files_of(again / "output") == files_of(done[0] / "output")


def test_the_endpoint_passes_over_the_card(done: tuple[Path, Any]) -> None:
    row = {"amount": 3.5, "card": "карта-1", "when": "2016-08-17 00:00:00"}
    body = json.dumps({"instances": [row]}).encode()

    reply = respond(Request(body, "application/json"), load(done[0] / "model"))

    assert reply.status == 200, reply.body


def test_a_test_channel_has_figures_by_day_beside_the_folds(tmp_path: Path) -> None:
    root = a_root(tmp_path, GIVEN, train=a_timed_table(), test=a_timed_table(2, seed=1))

    outcome = train(root)

    assert [day["day"] for day in metrics_of(root)["test_by_day"]["days"]] == ["2016-07-18", "2016-07-19"]
    assert "\ntest_card_precision=" in outcome.stdout


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"folds": "30"}, "The times span 30 days, 2016-07-18 to 2016-08-16; expected at least 130: train_days=8"),
        ({"train_days": ""}, "`train_days` is '' (expected an integer from 1 to 3650)"),
        ({"card_column": "cart"}, "no column 'cart' (did you mean 'card'?) for `card_column`"),
    ],
)
def test_what_does_not_fit_is_said_in_the_failure_file(given: dict[str, str], words: str, tmp_path: Path) -> None:
    root = a_root(tmp_path, {**GIVEN, **given}, train=a_timed_table())

    assert train_root(root) == 1

    assert words in (root / "output" / "failure").read_text()
    assert files_of(root / "model") == {}


def test_a_validation_channel_is_refused(tmp_path: Path) -> None:
    root = a_root(tmp_path, GIVEN, train=a_timed_table(), validation=a_timed_table())

    assert train_root(root) == 1
    assert (root / "output" / "failure").read_text().startswith("There is a validation channel")


def test_sigterm_in_a_fold_saves_the_whole_model_and_the_folds_so_far(tmp_path: Path) -> None:
    slow = {"num_round": "60", "early_stopping_rounds": "0", "max_depth": "8", "nthread": "1", "folds": "20"}
    days = {"train_days": "20", "delay_days": "0", "test_days": "1"}
    root = a_root(tmp_path, {**GIVEN, **slow, **days}, train=a_timed_table(40, 1_000))
    command = [str(COMMAND), "train", "--root", str(root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while not process.stdout.readline().startswith("fold_2_of_20_round=1;"):
        assert process.poll() is None

    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=60)

    assert process.returncode == 0, log
    metrics = metrics_of(root)
    assert (metrics["stopped"], metrics["rounds"], metrics["prequential"]["stopped"]) == (False, 60, True)
    assert 1 <= len(metrics["prequential"]["folds"]) < 20
    load(root / "model")


@pytest.mark.skipif(not HANDBOOK.exists(), reason="the handbook's transactions are not on this machine")
def test_the_handbooks_week_has_the_rows_that_it_publishes(tmp_path: Path) -> None:
    """Chapter 3, its baseline system: 67,240 rows with 598 frauds to train on, 58,264 with 385 to test on."""
    given = {"time_column": "TX_DATETIME", "card_column": "CUSTOMER_ID", "label_column": "TX_FRAUD"}
    drop = "TRANSACTION_ID,TERMINAL_ID,TX_TIME_SECONDS,TX_TIME_DAYS,TX_FRAUD_SCENARIO"
    week = {"train_days": "7", "delay_days": "7", "test_days": "7", "folds": "1"}
    root = a_root(tmp_path, {**GIVEN, **given, **week, "drop_columns": drop})
    channel = a_channel(tmp_path / "input" / "data" / "train")
    latest = f"SELECT * FROM '{HANDBOOK}' WHERE TX_DATETIME >= '2018-07-25'"
    duckdb.execute(f"COPY ({latest}) TO '{channel}/latest.parquet' (FORMAT parquet)")

    assert train_root(root) == 0

    (fold,) = metrics_of(root)["prequential"]["folds"]
    assert (fold["train"]["rows"], fold["train"]["frauds"]) == (67_240, 598)
    assert (fold["test"]["rows"], fold["test"]["frauds"]) == (58_264, 385)
