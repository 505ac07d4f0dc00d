"""scripts/demo from its first step to its last, as a reader of the README runs it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest

REPOSITORY = Path(__file__).parents[2]
DEMO = REPOSITORY / ".demo"
LIMIT_SECONDS = 120  # what the README promises on 2 cores, once everything is installed

pytestmark = [pytest.mark.slow, pytest.mark.alone]


class Run(NamedTuple):
    """One run of the demo."""

    status: int
    said: str
    errors: str
    seconds: float


def demo(**environment: str) -> Run:
    began = time.monotonic()
    done = subprocess.run(
        ["scripts/demo"], cwd=REPOSITORY, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    return Run(done.returncode, done.stdout, done.stderr, time.monotonic() - began)


@pytest.fixture(scope="module")
def run() -> Run:
    subprocess.run(["scripts/setup"], cwd=REPOSITORY, check=True)
    done = demo()
    assert done.status == 0, done.errors
    return done


def listed(run: Run, pattern: str) -> list[re.Match[str]]:
    return [match for line in run.said.splitlines() if (match := re.fullmatch(pattern, line.strip()))]


def test_it_ends_within_two_minutes(run: Run) -> None:
    assert run.seconds < LIMIT_SECONDS


def test_it_says_each_of_its_six_steps(run: Run) -> None:
    assert re.findall(r"^demo: (\d)/6 ", run.said, flags=re.MULTILINE) == list("123456")


def test_it_shows_six_transactions_with_truth_probability_and_verdict(run: Run) -> None:
    rows = listed(run, r"\d+ +2018-\S+ \S+ +[\d.]+ +(fraud|legitimate).* +([01]\.\d{4}) +(fraud|legitimate)")
    assert [row[1] for row in rows] == ["fraud"] * 3 + ["legitimate"] * 3


def test_each_verdict_follows_from_the_threshold(run: Run) -> None:
    threshold = json.loads((DEMO / "opt_ml/output/data/metrics.json").read_text())["threshold"]["value"]
    assert f"{threshold:.3f}" in run.said
    for row in listed(run, r"\d+ +2018-.* +([01]\.\d{4}) +(fraud|legitimate)"):
        assert (float(row[1]) >= threshold) == (row[2] == "fraud")


def test_it_shows_the_metrics_of_the_report(run: Run) -> None:
    metrics = json.loads((DEMO / "opt_ml/output/data/metrics.json").read_text())
    for part in ("train", "validation", "test"):
        said = metrics[part]
        numbers = [f"{said['rows']:,}", f"{said['frauds']:,}", f"{said['average_precision']:.3f}"]
        assert listed(run, f"{part} +{' +'.join(numbers)} .*")


def test_the_model_finds_frauds_of_the_last_week(run: Run) -> None:  # noqa: ARG001 - it wrote the report
    test = json.loads((DEMO / "opt_ml/output/data/metrics.json").read_text())["test"]
    assert test["average_precision"] > 50 * test["frauds"] / test["rows"]


def test_it_shows_the_folds_of_the_report(run: Run) -> None:
    metrics = json.loads((DEMO / "opt_ml/output/data/metrics.json").read_text())["prequential"]
    assert len(metrics["folds"]) == 2
    for fold in metrics["folds"]:
        figures = [f"{fold[name]:.3f}" for name in ("average_precision", "card_precision", "oracle_card_precision")]
        assert listed(run, f".* {fold['test']['first_day']} to {fold['test']['last_day']} +{' +'.join(figures)}")


def test_the_test_channel_begins_a_week_after_the_last_day_of_training(run: Run) -> None:  # noqa: ARG001
    train, test = (sorted(path.stem for path in DEMO.glob(f"opt_ml/input/data/{part}/*")) for part in ("train", "test"))
    assert (train[0], train[-1], test[0], test[-1]) == ("2018-05-06", "2018-06-09", "2018-06-17", "2018-06-23")


def test_it_says_where_the_model_is(run: Run) -> None:
    (line,) = listed(run, r"The model: +(\S+) .*")
    assert {"manifest.json", "model.onnx"} <= {path.name for path in (REPOSITORY / line[1]).iterdir()}


def test_it_leaves_no_server_behind(run: Run) -> None:
    (line,) = listed(run, r"demo: http://127\.0\.0\.1:(\d+) answers on /ping")
    with socket.socket() as client, pytest.raises(ConnectionRefusedError):
        client.connect(("127.0.0.1", int(line[1])))


def test_a_server_that_cannot_start_fails_the_demo_and_says_why() -> None:
    done = demo(SAGEMAKER_MODEL_SERVER_WORKERS="many")
    assert done.status == 1
    assert "SAGEMAKER_MODEL_SERVER_WORKERS" in done.errors
    assert "done; the server is stopped" not in done.said
