"""`fraud-detect compare` on the card sample, and plain XGBoost with early stopping in the same folds.

The sample has 360 of the 492 frauds of the full set and 13,050 legitimate rows drawn at random, so that each of those
stands for 15.94. What is done is kept in the output folder, and the same command goes on with the rest.
"""

from __future__ import annotations

import csv
import json
import platform
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np

from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.evaluation.metrics import evaluate
from fraud_detect.serving.cpus import available_cpus
from fraud_detect.tables.read import read_training
from fraud_detect.tables.request import ColumnRequest
from fraud_detect.tables.table import Rows
from fraud_detect.training.comparison.summary import corrected_interval
from fraud_detect.training.cross_validation import CrossFold, folds
from fraud_detect.training.parameters import Hyperparameters

OWN = str(Path(sys.executable).with_name("fraud-detect"))
LEGITIMATE_WEIGHT = 15.94
FOLDS = 5
RESAMPLERS = "auto,none,smote,random_under"
DEFAULT = (Hyperparameters().algorithm, Hyperparameters().resampler)
MAIN = "average_precision"
VALIDATED = 0.2
PEER = {"n_estimators": 500, "early_stopping_rounds": 20, "learning_rate": 0.1, "max_depth": 6, "eval_metric": "aucpr"}

Place = tuple[int, int]
ByPlace = dict[Place, float]


def compare(data: Path, output: Path, options: Sequence[str]) -> None:
    """Run the comparison, or what is not done of it; its own table goes to comparison.csv."""
    command = [OWN, "compare", "--data", str(data), "--output", str(output), "--folds", str(FOLDS)]
    weight = ["--legitimate-weight", str(LEGITIMATE_WEIGHT)]
    subprocess.run([*command, *weight, *options], check=True, stdout=subprocess.DEVNULL)


def peer(rows: Rows, divided: Sequence[CrossFold], path: Path) -> ByPlace:
    """Return the average precision of plain XGBoost on each fold, kept in `path` as they come."""
    done = {(each["repeat"], each["fold"]): each[MAIN] for each in _lines(path)}
    with path.open("a") as file:
        for fold in divided:
            place = fold.repeat, fold.number
            if place not in done:
                done[place] = plain_xgboost(rows, fold)
                file.write(json.dumps({"repeat": fold.repeat, "fold": fold.number, MAIN: done[place]}) + "\n")
                file.flush()
    return {(fold.repeat, fold.number): done[fold.repeat, fold.number] for fold in divided}


def plain_xgboost(rows: Rows, fold: CrossFold) -> float:
    """Return what XGBoost's own classifier comes to, stopped early by a fifth of the fold's training rows."""
    from sklearn.model_selection import train_test_split
    from xgboost import XGBClassifier

    training, test = rows.take(fold.training), rows.take(fold.test)
    parts = train_test_split(
        training.features, training.labels, test_size=VALIDATED, stratify=training.labels, random_state=fold.number
    )
    model = XGBClassifier(**PEER, n_jobs=1, random_state=0)
    model.fit(parts[0], parts[2], eval_set=[(parts[1], parts[3])], verbose=False)
    probabilities = model.predict_proba(test.features)[:, 1].astype(np.float64)
    weights = np.where(test.labels == 1, 1.0, LEGITIMATE_WEIGHT)
    found = evaluate(test.labels, probabilities, 0.5, weights=weights).metrics[MAIN]
    assert found is not None
    return found


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        for line in path.read_text().splitlines():
            yield json.loads(line)


def measured(output: Path) -> dict[tuple[str, str], ByPlace]:
    """Return the average precision by configuration and fold, from the journal."""
    found: dict[tuple[str, str], ByPlace] = defaultdict(dict)
    for line in list(_lines(output / "cells.jsonl"))[1:]:
        if "figures" in line:
            found[line["algorithm"], line["resampler"]][line["repeat"], line["fold"]] = line["figures"][MAIN]
    return found


def worst_repeat(values: ByPlace) -> float:
    """Return the smallest mean over the folds of a repeat."""
    repeats = {repeat for repeat, _ in values}
    return min(float(np.mean([value for place, value in values.items() if place[0] == each])) for each in repeats)


def against(values: ByPlace, other: ByPlace) -> str:
    """Return by how much `values` are above `other` on the same folds, with the corrected 95 % interval."""
    differences = [values[place] - other[place] for place in other if place in values]
    interval = corrected_interval(differences, FOLDS)
    mean = f"{np.mean(differences):+.3f}" if differences else "-"
    return mean if interval is None else f"{mean} ({interval[0]:+.3f} to {interval[1]:+.3f})"


def show(output: Path, plain: ByPlace) -> None:
    """Print one line a configuration, the best first, and the peer's."""
    print(
        "| family, resampler | AP (95 %) | worst fold | worst repeat | above plain XGBoost | ROC AUC | CPU s to train |"
    )
    print("|---|---|---|---|---|---|---|")
    by_pair = measured(output)
    with (output / "comparison.csv").open(newline="") as file:
        lines = [line for line in csv.DictReader(file) if line[MAIN]]
    for line in lines:
        pair = line["algorithm"], line["resampler"]
        low, high = (float(line[f"{MAIN}_{edge}"]) for edge in ("low", "high"))
        mark = " (the default)" if pair == DEFAULT else ""
        cells = [
            f"{', '.join(pair)}{mark}",
            f"{float(line[MAIN]):.3f} ({low:.3f} to {high:.3f})",
            f"{float(line[f'{MAIN}_min']):.3f}",
            f"{worst_repeat(by_pair[pair]):.3f}",
            against(by_pair[pair], plain),
            f"{float(line['roc_auc']):.3f}",
            f"{float(line['seconds_to_train']):.2f}",
        ]
        print(f"| {' | '.join(cells)} |", flush=True)
    interval = corrected_interval(list(plain.values()), FOLDS) or (np.nan, np.nan)
    mean = f"{np.mean(list(plain.values())):.3f} ({interval[0]:.3f} to {interval[1]:.3f})"
    print(f"| plain XGBoost, early stopping | {mean} | {min(plain.values()):.3f} | {worst_repeat(plain):.3f} | | | |")


@click.command()
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), default=Path(".benchmarks/cards"))
@click.option("--algorithms", default=",".join(FAMILIES), show_default=True)
@click.option("--resamplers", default=RESAMPLERS, show_default=True)
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="As of `fraud-detect compare`.")
@click.option("--jobs", type=click.IntRange(min=1))
def main(
    *,
    data: Path,
    output: Path,
    algorithms: str,
    resamplers: str,
    repeats: int,
    settings: tuple[str, ...],
    jobs: int | None,
) -> None:
    """Print the table for the card sample DATA."""
    given = ["--algorithms", algorithms, "--resamplers", resamplers, "--repeats", str(repeats)]
    more = [part for setting in settings for part in ("--set", setting)] + (["--jobs", str(jobs)] if jobs else [])
    compare(data, output, [*given, *more])
    rows = read_training(data, ColumnRequest()).rows
    divided = folds(rows, Hyperparameters(cv_folds=FOLDS, cv_repeats=repeats))
    plain = peer(rows, divided, output / f"plain-{repeats}.jsonl")
    print(f"{available_cpus()} CPUs, {platform.machine()}, Python {platform.python_version()}, ", end="")
    print(f"scikit-learn {version('scikit-learn')}; {FOLDS} folds x {repeats}\n")
    show(output, plain)


if __name__ == "__main__":
    main()
