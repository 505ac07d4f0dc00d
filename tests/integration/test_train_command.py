"""`fraud-detect train` from files to a model, as a process of its own."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from fraud_detect.entrypoints.train import train_root
from fraud_detect.serving.model import load
from fraud_detect.serving.respond import Request, respond
from training_factories import (
    REPOSITORY,
    a_channel,
    a_mixed_table,
    a_root,
    a_table,
    as_bytes,
    configure,
    files_of,
    metrics_of,
    train,
)

SHARED = Path(os.environ.get("FRAUD_DETECT_DATA", REPOSITORY.parent / "shared" / "data"))
SAMPLE = SHARED / "creditcard_sample" / "creditcard_sample.csv.gz"
MIXED = {"label_column": "kind", "positive_label": "bad", "time_column": "when", "category_columns": "code"}
FIGURE = r"[-+0-9.e]+"
PRINTED = 11  # three of the training rows, eight of the validation rows: without amounts, and with fewer than 100 rows


def probabilities_of(root: Path, instances: list[dict[str, Any]]) -> list[float]:
    body = json.dumps({"instances": instances}).encode()
    reply = respond(Request(body, "application/json"), load(root / "model"))
    assert reply.status == 200, reply.body
    return [row["probability"] for row in json.loads(reply.body)["predictions"]]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Return the root and the outcome of one small job with everything in it."""
    root = tmp_path_factory.mktemp("done")
    given = {"resampler": "smote", "resampling_ratio": "0.8", "eta": "0.5", "report": "true"}  # three rounds that tell
    a_root(root, {**MIXED, **given}, train=a_mixed_table())
    return root, train(root)


def test_a_job_that_is_done_exits_with_0_and_leaves_no_failure(done: tuple[Path, Any]) -> None:
    root, outcome = done

    assert outcome.returncode == 0, outcome.stderr
    assert not (root / "output" / "failure").exists()
    assert not metrics_of(root)["stopped"]


def test_a_job_writes_the_model_the_metrics_the_report_and_nothing_else(done: tuple[Path, Any]) -> None:
    root, _ = done

    assert set(files_of(root / "model")) == {"examples.json", "manifest.json", "model.onnx", "model.ubj"}
    assert set(files_of(root / "output")) == {
        f"data/{name}" for name in ("metrics.json", "predictions.csv", "report.html", "report.json")
    }
    assert list(root.rglob(".*")) == []


def test_standard_output_is_one_line_a_round_and_the_final_figures(done: tuple[Path, Any]) -> None:
    _, outcome = done
    a_round = rf"round=\d; train_average_precision={FIGURE}; validation_average_precision={FIGURE};"
    a_comparison = a_round.replace("round", "comparison_round").replace(" ", " comparison_")
    a_figure = rf"(train|validation)_\w+={FIGURE};|threshold={FIGURE};"

    expected = [*[a_round] * 3, *[a_comparison] * 3, *[a_figure] * (PRINTED + 1)]
    lines = outcome.stdout.splitlines()
    assert len(lines) == len(expected)
    assert [line for line, pattern in zip(lines, expected, strict=True) if not re.fullmatch(pattern, line)] == []


def test_the_printed_figures_are_those_of_the_metrics(done: tuple[Path, Any]) -> None:
    root, outcome = done
    printed = re.findall(rf"^(train|validation)_(\w+)=({FIGURE});$", outcome.stdout, flags=re.MULTILINE)

    metrics = metrics_of(root)

    assert len(printed) == PRINTED
    for part, name, value in printed:
        assert float(value) == pytest.approx(metrics[part][name], rel=1e-5)


def test_progress_is_logged_without_a_traceback(done: tuple[Path, Any]) -> None:
    _, outcome = done

    assert "INFO read 300 rows from train/part-0.csv" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_all_kinds_of_columns_come_through_to_the_endpoint(done: tuple[Path, Any]) -> None:
    root, _ = done
    row = {"amount": 3.5, "country": "FR", "online": True, "code": "0"}

    fraud, other, unknown = probabilities_of(
        root, [row, {**row, "amount": -1.5, "country": 'a "b"'}, {**row, "amount": None, "country": None}]
    )

    assert fraud > 0.5 > other
    assert 0 < unknown < 1


def test_two_processes_write_the_same_bytes(done: tuple[Path, Any], tmp_path: Path) -> None:
    root, _ = done
    shutil.copytree(root / "input", tmp_path / "input")

    assert train(tmp_path).returncode == 0

    assert files_of(tmp_path / "model") == files_of(root / "model")
    assert files_of(tmp_path / "output") == files_of(root / "output")


def test_files_in_folders_compressed_or_not_are_one_table(tmp_path: Path) -> None:
    table = a_table(300)
    root = a_root(tmp_path)
    folder = tmp_path / "input" / "data" / "train"
    a_channel(folder / "day=1", table[:100])
    a_channel(folder / "day=2", gzip.compress(as_bytes(table[100:200])), suffix=".csv.gz")
    a_channel(folder, table[200:])
    (folder / "_SUCCESS").touch()
    (folder / ".part.crc").write_bytes(b"\0\1")

    assert train_root(root) == 0

    metrics = metrics_of(root)
    assert metrics["train"]["rows"] + metrics["validation"]["rows"] == 300


def test_parquet_gives_the_same_model_as_csv(tmp_path: Path) -> None:
    table = a_table(300)
    plain, packed = a_root(tmp_path / "csv", train=table), a_root(tmp_path / "parquet")
    for part in (0, 1):
        path = packed / "input" / "data" / "train" / f"part={part}" / "data.parquet"
        path.parent.mkdir(parents=True)
        duckdb.from_df(table[150 * part : 150 * (part + 1)]).write_parquet(str(path))

    assert [train_root(root) for root in (plain, packed)] == [0, 0]

    assert files_of(plain / "model") == files_of(packed / "model")


def test_pipes_give_the_same_model_as_files(tmp_path: Path) -> None:
    table, validation = as_bytes(a_table(300)), as_bytes(a_table(100, seed=1))
    filed = a_root(tmp_path / "file", train=table, validation=validation)
    piped = a_root(tmp_path / "pipe")
    configure(piped, "inputdataconfig", {name: {"TrainingInputMode": "Pipe"} for name in ("train", "validation")})
    (piped / "input" / "data").mkdir()
    for name, content in (("train_0", table), ("validation_0", validation)):
        pipe = piped / "input" / "data" / name
        os.mkfifo(pipe)
        threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True).start()

    assert train(piped).returncode == 0
    assert train_root(filed) == 0

    assert files_of(piped / "model") == files_of(filed / "model")


def test_validation_and_test_channels_are_what_they_are_called(tmp_path: Path) -> None:
    root = a_root(tmp_path, train=a_table(300), validation=a_table(110, seed=1), test=a_table(120, seed=2))

    assert train_root(root) == 0

    metrics = metrics_of(root)
    assert [metrics[part]["rows"] for part in ("train", "validation", "test")] == [300, 110, 120]
    assert set(metrics["test"]["intervals"]) == set(metrics["validation"]["intervals"])


def test_rows_whose_label_is_not_known_yet_may_be_left_out_of_every_part(tmp_path: Path) -> None:
    recent = "Class,amount,hour\n,1.5,3\n,2.5,4\n"
    root = a_root(tmp_path, {"missing_labels": "leave_out"}, test=a_table(120, seed=2))
    a_channel(root / "input" / "data" / "train", a_table(300), recent)

    assert train_root(root) == 0

    metrics = metrics_of(root)
    assert metrics["left_out_rows"] == {"train": 2, "test": 0}
    assert metrics["train"]["rows"] + metrics["validation"]["rows"] == 300


def test_a_share_of_the_train_channel_may_be_the_test_part(tmp_path: Path) -> None:
    root = a_root(tmp_path, {"test_fraction": "0.25", "validation_fraction": "0.25"}, train=a_table(400, 100))

    assert train_root(root) == 0

    metrics = metrics_of(root)
    assert [metrics[part]["rows"] for part in ("train", "validation", "test")] == [200, 100, 100]


def test_with_a_time_column_the_validation_part_is_the_latest(tmp_path: Path) -> None:
    """All frauds of the last fifth of the time are in it, and no other row."""
    table = a_table(500, 100)
    table.insert(1, "when", np.random.default_rng(1).permutation(500))
    root = a_root(tmp_path, {"time_column": "when"}, train=table)

    assert train_root(root) == 0

    validation = metrics_of(root)["validation"]
    assert (validation["rows"], validation["frauds"]) == (100, table.query("when >= 400")["Class"].sum())


def test_a_table_without_a_header_has_the_label_first(tmp_path: Path) -> None:
    root = a_root(tmp_path, train=a_table(300, 60).to_csv(index=False, header=False))

    assert train_root(root) == 0

    assert load(root / "model").schema.names == ("f0", "f1")
    assert metrics_of(root)["validation"]["average_precision"] > 0.5


def test_labels_are_answered_as_they_are_written_in_the_table(tmp_path: Path) -> None:
    table = a_table(300, 60).rename(columns={"Class": "outcome"})
    table["outcome"] = table["outcome"].map({0: "fine", 1: "fraud, sure"})
    root = a_root(tmp_path, {"label_column": "outcome", "positive_label": "fraud, sure"}, train=table)

    assert train_root(root) == 0

    reply = respond(Request(b"9,1\n-9,1\n", "text/csv"), load(root / "model"))
    assert [line.rsplit(",", 1)[0] for line in reply.body.decode().splitlines()] == ['"fraud, sure"', "fine"]


@pytest.mark.parametrize(
    ("given", "part", "figure", "least"),
    [
        ({"threshold_policy": "recall", "threshold_target": "0.9"}, "validation", "recall", 0.9),
        ({"threshold_policy": "precision", "threshold_target": "0.9"}, "validation", "precision", 0.9),
    ],
)
def test_a_threshold_policy_is_heeded(
    given: dict[str, str], part: str, figure: str, least: float, tmp_path: Path
) -> None:
    root = a_root(tmp_path, given, train=a_table(400, 100))

    assert train_root(root) == 0
    assert metrics_of(root)[part][figure] >= least


def test_a_second_job_in_the_same_root_replaces_the_model(tmp_path: Path) -> None:
    root = a_root(tmp_path, train=a_table(300, 60))
    train_root(root)
    before = files_of(root / "model")
    configure(root, "hyperparameters", {"num_round": "5", "max_depth": "2", "resampler": "none"})

    assert train_root(root) == 0

    after = files_of(root / "model")
    assert set(after) == set(before)
    assert all(after[name] != before[name] for name in after)
    load(root / "model")


def test_the_executable_of_the_image_is_the_same_command(tmp_path: Path) -> None:
    root = a_root(tmp_path, train="Class,amount\n")

    outcome = subprocess.run(
        [sys.executable, str(REPOSITORY / "container" / "train"), "--root", str(root)], capture_output=True, text=True
    )

    assert outcome.returncode == 1
    assert (root / "output" / "failure").read_text().startswith("train/part-0.csv has a header and no rows")


@pytest.mark.skipif(not SAMPLE.exists(), reason="the card sample is not on this machine")
def test_the_card_sample_gives_a_good_model(tmp_path: Path) -> None:
    root = a_root(tmp_path)
    configure(root, "hyperparameters", {})
    folder = root / "input" / "data" / "train"
    folder.mkdir(parents=True)
    shutil.copy(SAMPLE, folder)

    assert train_root(root) == 0
    assert metrics_of(root)["validation"]["average_precision"] > 0.9
