"""`simulate | features | train` in the image, from raw transactions to folds in time."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from docker_engine import docker

pytestmark = pytest.mark.docker

DAYS, TRAIN_DAYS, DELAY_DAYS, TEST_DAYS, FOLDS = 60, 14, 7, 7, 2
WORLD = ("--customers", "300", "--terminals", "600", "--radius", "20", "--days", str(DAYS))
HYPERPARAMETERS = {
    "label_column": "TX_FRAUD",
    "time_column": "TX_DATETIME",
    "card_column": "CUSTOMER_ID",
    "drop_columns": "TRANSACTION_ID,TERMINAL_ID,TX_TIME_SECONDS,TX_TIME_DAYS,TX_FRAUD_SCENARIO",
    "split": "prequential",
    "train_days": str(TRAIN_DAYS),
    "delay_days": str(DELAY_DAYS),
    "test_days": str(TEST_DAYS),
    "folds": str(FOLDS),
    "num_round": "20",
}


@pytest.fixture(scope="module")
def root(image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder like /opt/ml in which all three have run, as any user on a root that cannot be written to."""
    root = tmp_path_factory.mktemp("transactions")
    (root / "input" / "config").mkdir(parents=True)
    (root / "input" / "config" / "hyperparameters.json").write_text(json.dumps(HYPERPARAMETERS))
    for folder in (root, root / "input"):
        folder.chmod(0o777)
    for command in (
        ("simulate", *WORLD, "--output", "/opt/ml/transactions"),
        ("features", "--set", "extended", "--input", "/opt/ml/transactions", "--output", "/opt/ml/input/data/train"),
        ("train",),
    ):
        options = ("--rm", "--read-only", "--tmpfs", "/tmp", "--user", "4321", "--volume", f"{root}:/opt/ml")  # noqa: S108 - the container's
        done = docker("run", *options, image, "fraud-detect", *command)
        assert done.returncode == 0, done.stderr
    return root


def test_there_is_a_file_of_features_for_each_day(root: Path) -> None:
    ((days, rows),) = duckdb.sql(
        f"SELECT COUNT(DISTINCT CAST(TX_DATETIME AS DATE)), COUNT(*) FROM '{root}/input/data/train/*.parquet'"
    ).fetchall()
    ((simulated,),) = duckdb.sql(f"SELECT COUNT(*) FROM '{root}/transactions/*.parquet'").fetchall()
    assert (days, rows) == (DAYS, simulated)


def test_the_model_has_figures_for_each_fold(root: Path) -> None:
    folds = json.loads((root / "output/data/metrics.json").read_text())["prequential"]["folds"]
    assert [len(fold["days"]) for fold in folds] == [TEST_DAYS] * FOLDS
    assert all(0 < fold["oracle_card_precision"] <= 1 for fold in folds)
