"""The handbook's validation in time, with our features and `fraud-detect train`.

Folds of 7 days to train, 7 of delay, 7 to test, as the handbook's. The four latest are for testing; what is chosen is
chosen by mean average precision on the four before them, whose test days end where the first of those begin.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from fraud_detect.serving.cpus import available_cpus

OWN = str(Path(sys.executable).with_name("fraud-detect"))
LAST_TEST_DAY = date(2018, 8, 14)
TRAIN, DELAY, TEST, FOLDS = 7, 7, 7, 4
NO_FEATURES = "TRANSACTION_ID,TERMINAL_ID,TX_TIME_SECONDS,TX_TIME_DAYS,TX_FRAUD_SCENARIO"
BASE = {
    "label_column": "TX_FRAUD",
    "time_column": "TX_DATETIME",
    "card_column": "CUSTOMER_ID",
    "drop_columns": NO_FEATURES,
    "split": "prequential",
    "train_days": str(TRAIN),
    "delay_days": str(DELAY),
    "known_days": str(TRAIN),  # whatever the training days, the same rows are tested on
    "test_days": str(TEST),
    "folds": str(FOLDS),
    "refit": "yes",
    "bootstrap_samples": "0",
}
SETTINGS: tuple[Mapping[str, str], ...] = (
    {},
    {"max_bin": "8192"},
    {"max_depth": "4"},
    {"max_depth": "8"},
    {"eta": "0.05", "num_round": "400"},
    {"min_child_weight": "5"},
    {"lambda": "10"},
    {"subsample": "0.8", "colsample_bytree": "0.7", "eta": "0.05", "num_round": "400"},
    {"subsample": "0.8", "colsample_bytree": "0.5", "eta": "0.05", "num_round": "400", "max_bin": "8192"},
)
_SMOOTH = {"subsample": "0.8", "colsample_bytree": "0.7", "eta": "0.05", "num_round": "400"}
FAMILIES: tuple[Mapping[str, str], ...] = (
    {"algorithm": "xgboost"},
    {"algorithm": "xgboost", "min_child_weight": "5"},
    {"algorithm": "xgboost", "min_child_weight": "5", **_SMOOTH},
    {"algorithm": "lightgbm"},
    {"algorithm": "lightgbm", "min_data_in_leaf": "100", "lambda": "10"},
    {"algorithm": "lightgbm", "min_data_in_leaf": "100", "lambda": "10", **_SMOOTH},
)
"""What is chosen among with `--train-days`."""
FIGURES = ("roc_auc", "average_precision", "card_precision")
PUBLISHED: Mapping[str, float | None] = {
    "decision_tree": 0.496,
    "logistic_regression": 0.606,
    "random_forest": 0.658,
    "xgboost": 0.639,
    "isolation_forest": 0.164,
    "autoencoder": 0.180,
    "lightgbm": None,
    "extra_trees": None,
}
"""The handbook's average precision on its test week, by our names of the families, where it has one."""


def prequential(features: Path, last_day: date, settings: Mapping[str, str]) -> dict[str, Any]:
    """Return what metrics.json says of the folds that end on `last_day`."""
    given = {**BASE, **settings}
    days = int(given["train_days"]) + DELAY + FOLDS * TEST
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        channel = root / "input" / "data" / "train"
        channel.mkdir(parents=True)
        for name in (f"{last_day - timedelta(days=back)}.parquet" for back in range(days)):
            (channel / name).symlink_to(features / name)
        (root / "input" / "config").mkdir()
        (root / "input" / "config" / "hyperparameters.json").write_text(json.dumps(given))
        subprocess.run([OWN, "train", "--root", folder], check=True, capture_output=True)
        found: dict[str, Any] = json.loads((root / "output" / "data" / "metrics.json").read_text())["prequential"]
    return found


def chosen(features: Path, candidates: Sequence[Mapping[str, str]] = SETTINGS) -> Mapping[str, str]:
    """Return the settings with the best mean average precision on the folds before the test folds."""
    last_day = LAST_TEST_DAY - timedelta(days=FOLDS * TEST)
    return max(candidates, key=lambda each: mean_of(features, last_day, {**each, "resampler": "none"}))


def mean_of(features: Path, last_day: date, settings: Mapping[str, str]) -> float:
    """Return the mean average precision of the folds, and say it."""
    reached = prequential(features, last_day, settings)["mean"]
    figures = ", ".join(f"{each} {reached[each]:.4f}" for each in FIGURES)
    print(f"{last_day}: {spelled(settings)}: {figures}", file=sys.stderr, flush=True)
    return float(reached["average_precision"])


def spelled(settings: Mapping[str, str]) -> str:
    """Return the settings as a person would write them."""
    return ", ".join(f"{name}={value}" for name, value in settings.items()) or "the defaults"


def longer(transactions: Path, days: int) -> None:
    """Print what the best of `FAMILIES` on the earlier folds comes to, trained on `days`, with the extended set."""
    header()
    with tempfile.TemporaryDirectory() as scratch:
        out = computed(transactions, "extended", Path(scratch))
        best = chosen(out, [{**each, "train_days": str(days)} for each in FAMILIES])
        show(spelled(best), prequential(out, LAST_TEST_DAY, {**best, "resampler": "none"}))


def header() -> None:
    """Print the head of a table of `show`."""
    print("| | test week: AUC | AP | CP@100 | four folds (deviation): AUC | AP | CP@100 | oracle's CP@100 |")
    print("|---|---|---|---|---|---|---|---|")


def show(name: str, found: Mapping[str, Any]) -> None:
    """Print the handbook's own week, the latest fold, and the four folds."""
    week, mean, deviation = found["folds"][0], found["mean"], found["standard_deviation"]
    cells = [f"{week[each]:.3f}" for each in FIGURES] + [
        f"{mean[each]:.3f} ({deviation[each]:.3f})" for each in FIGURES
    ]
    print(f"| {name} | {' | '.join(cells)} | {mean['oracle_card_precision']:.3f} |", flush=True)


def families(transactions: Path, names: Sequence[str]) -> None:
    """Print what the families `names` come to by their defaults, without resampling, with the handbook's features."""
    print("| | published: AP | test week: AUC | AP | CP@100 | four folds (deviation): AUC | AP | CP@100 | oracle's |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        out = computed(transactions, "handbook", Path(scratch))
        for name in names:
            published = PUBLISHED.get(name)
            found = prequential(out, LAST_TEST_DAY, {"algorithm": name, "resampler": "none"})
            show(f"{name} | {'-' if published is None else f'{published:.3f}'}", found)


def computed(transactions: Path, features: str, scratch: Path) -> Path:
    """Return the folder below `scratch` with the set `features` of `transactions`."""
    out = scratch / features
    given = ["--input", str(transactions), "--output", str(out), "--set", features]
    subprocess.run([OWN, "features", *given], check=True, capture_output=True)
    return out


@click.command()
@click.argument("transactions", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--families", "names", default="", help=f"Compare these by their defaults, such as {','.join(PUBLISHED)}."
)
@click.option("--train-days", type=click.IntRange(1, 84), help="Choose a family, trained on so many days, instead.")
def main(transactions: Path, names: str, train_days: int | None) -> None:
    """Print the table for the published TRANSACTIONS."""
    print(f"{available_cpus()} CPUs, {platform.machine()}, Python {platform.python_version()}, XGBoost {xgboost()}\n")
    if train_days is not None:
        longer(transactions, train_days)
    elif names:
        families(transactions, names.split(","))
    else:
        settings(transactions)


def settings(transactions: Path) -> None:
    """Print what XGBoost comes to by its defaults and by settings chosen on earlier folds, with both feature sets."""
    header()
    with tempfile.TemporaryDirectory() as scratch:
        for features in ("handbook", "extended"):
            out = computed(transactions, features, Path(scratch))
            best = chosen(out)
            for name, given in (
                ("defaults, no resampling", {"resampler": "none"}),
                ("defaults, SMOTE", {"resampler": "smote"}),
                (f"chosen on earlier folds ({spelled(best)}), no resampling", {**best, "resampler": "none"}),
            ):
                show(f"{features} features, {name}", prequential(out, LAST_TEST_DAY, given))


def xgboost() -> str:
    """Return the version of XGBoost; its distribution's name depends on the system."""
    return version("xgboost-cpu" if sys.platform == "linux" else "xgboost")


if __name__ == "__main__":
    main()
