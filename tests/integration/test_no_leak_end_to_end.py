"""From transactions whose labels are shuffled nothing can be learned: whatever a model finds then has leaked."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest

from training_factories import COMMAND, a_root, metrics_of, train

WORLD = ["--customers", "1000", "--terminals", "2000", "--days", "70", "--start", "2018-04-01", "--radius", "5"]
ASIDE = "TRANSACTION_ID,CUSTOMER_ID,TERMINAL_ID,TX_TIME_SECONDS,TX_TIME_DAYS,TX_FRAUD_SCENARIO"
GIVEN = {
    "label_column": "TX_FRAUD",
    "time_column": "TX_DATETIME",
    "drop_columns": ASIDE,
    "split": "prequential",
    "train_days": "14",
    "delay_days": "7",
    "test_days": "7",
    "folds": "2",
    "num_round": "30",
    "early_stopping_rounds": "0",
}


@pytest.fixture(scope="module")
def transactions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    subprocess.run([COMMAND, "simulate", *WORLD, "--seed", "1", "--output", folder], check=True, capture_output=True)
    return folder


def mean_figures(folder: Path, transactions: Path) -> dict[str, Any]:
    """Return the means over the folds of a model of the extended features of `transactions`."""
    root = a_root(folder, GIVEN)
    channel = folder / "input" / "data" / "train"
    command = [COMMAND, "features", "--set", "extended", "--input", transactions, "--output", channel]
    subprocess.run(command, check=True, capture_output=True)
    outcome = train(root)
    assert outcome.returncode == 0, outcome.stderr
    means: dict[str, Any] = metrics_of(root)["prequential"]["mean"]
    return means


def with_shuffled_labels(transactions: Path, target: Path) -> Path:
    """Return a file of the same transactions, among which the frauds are drawn at random."""
    duckdb.execute(
        f"""COPY (
            WITH rows AS (
                SELECT *, row_number() OVER (ORDER BY TRANSACTION_ID) AS place FROM '{transactions}/*.parquet'
            ),
            labels AS (SELECT TX_FRAUD, row_number() OVER (ORDER BY hash(TRANSACTION_ID)) AS place FROM rows)
            SELECT rows.* EXCLUDE (place) REPLACE (labels.TX_FRAUD AS TX_FRAUD) FROM rows JOIN labels USING (place)
            ORDER BY TRANSACTION_ID
        ) TO '{target}' (FORMAT parquet)"""
    )
    return target


def test_shuffled_labels_score_no_better_than_chance(transactions: Path, tmp_path: Path) -> None:
    shuffled = mean_figures(tmp_path / "shuffled", with_shuffled_labels(transactions, tmp_path / "shuffled.parquet"))
    real = mean_figures(tmp_path / "real", transactions)

    assert shuffled["roc_auc"] == pytest.approx(0.5, abs=0.05)
    assert real["roc_auc"] > 0.85
    assert real["average_precision"] > 3 * shuffled["average_precision"]
