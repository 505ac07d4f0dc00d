"""`fraud-detect train` with folds of whole cards and with amounts, from files to metrics.json and predictions.csv."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from training_factories import a_root, a_table, files_of, metrics_of, train

FOLDS = {"cv_folds": "3", "cv_repeats": "2", "split": "grouped", "card_column": "card", "test_fraction": "0.2"}
MONEY = {"amount_column": "hour", "review_cost": "0.5"}


def a_table_of_cards() -> pd.DataFrame:
    frame = a_table(600, 120)
    return frame.assign(card=np.random.default_rng(0).choice([f"card {number}" for number in range(150)], len(frame)))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    root = a_root(tmp_path_factory.mktemp("cross"), {**FOLDS, **MONEY}, train=a_table_of_cards())
    return root, train(root)


def predictions_of(root: Path) -> pd.DataFrame:
    return pd.read_csv(root / "output" / "data" / "predictions.csv")


def test_each_row_but_those_held_out_for_testing_is_predicted_once_a_repeat(done: tuple[Path, Any]) -> None:
    made = predictions_of(done[0])

    folds = made[made["part"] == "cross_validation"]
    tested = set(made.loc[made["part"] == "test", "row"])
    for _, rows in folds.groupby("repeat"):
        assert sorted(rows["row"]) == sorted(set(range(1, 601)) - tested)
    assert len(tested) > 60


def test_predictions_stand_beside_the_rows_of_the_file(done: tuple[Path, Any]) -> None:
    made, frame = predictions_of(done[0]), a_table_of_cards()

    assert made["label"].tolist() == frame["Class"].iloc[made["row"] - 1].tolist()


def test_no_card_is_in_two_folds_or_parts(done: tuple[Path, Any]) -> None:
    made, frame = predictions_of(done[0]), a_table_of_cards()

    made["card"] = frame["card"].to_numpy()[made["row"] - 1]
    for _, rows in made.groupby(made["repeat"].fillna(0)):
        places = rows.groupby("card")[["part", "fold"]].nunique(dropna=False)
        assert (places == 1).all(axis=None)


def test_figures_of_a_fold_are_those_of_its_predictions(done: tuple[Path, Any]) -> None:
    made, fold = predictions_of(done[0]), metrics_of(done[0])["cross_validation"]["folds"][4]

    rows = made[(made["repeat"] == fold["repeat"]) & (made["fold"] == fold["fold"])]

    assert fold["rows"] == len(rows)
    assert fold["average_precision"] == pytest.approx(average_precision_score(rows["label"], rows["probability"]))


def test_money_is_that_of_the_rows_that_are_flagged(done: tuple[Path, Any]) -> None:
    metrics, made = metrics_of(done[0]), predictions_of(done[0])
    test = made[made["part"] == "test"]
    flagged = test["probability"] >= metrics["threshold"]["value"]
    amounts = a_table_of_cards()["hour"].to_numpy()[test["row"] - 1] * test["label"]

    assert metrics["test"]["money_saved"] == pytest.approx(amounts[flagged].sum() - 0.5 * flagged.sum())
    assert metrics["test"]["expected_cost"] == pytest.approx(amounts[~flagged].sum() + 0.5 * flagged.sum())


def test_means_over_folds_are_printed(done: tuple[Path, Any]) -> None:
    mean = metrics_of(done[0])["cross_validation"]["mean"]["average_precision"]

    assert f"cross_validation_average_precision={mean:.6g};" in done[1].stdout


def test_a_job_that_fails_leaves_no_predictions(tmp_path: Path) -> None:
    root = a_root(tmp_path, {**FOLDS, "cv_folds": "90"}, train=a_table_of_cards())

    outcome = train(root)

    assert outcome.returncode == 1
    assert "cards with frauds for cv_folds=90" in (root / "output" / "failure").read_text()
    assert [name for name in files_of(root / "output") if name.startswith("data/")] == []
