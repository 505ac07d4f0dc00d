"""What a family comes to that is chosen without the test fold: by folds of the other rows.

For each fold of the card sample, candidates are compared by cross-validation of its training rows; the best of them is
fitted on those, and measured on the fold. Inner measures are not weighted, as those of a job are not.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np

from fraud_detect.evaluation.metrics import evaluate
from fraud_detect.schema import Schema
from fraud_detect.tables.read import read_training
from fraud_detect.tables.request import ColumnRequest
from fraud_detect.tables.table import Rows
from fraud_detect.training.candidate import Procedure
from fraud_detect.training.comparison.summary import corrected_interval
from fraud_detect.training.cross_validation import CrossFold, cross_validation, folds, run_fold
from fraud_detect.training.parameters import Hyperparameters

LEGITIMATE_WEIGHT = 15.94
FOLDS = 5
MAIN = "average_precision"
CANDIDATES: tuple[Mapping[str, str], ...] = (
    {"algorithm": "xgboost", "resampler": "none"},
    {"algorithm": "xgboost", "resampler": "smote"},
    {"algorithm": "lightgbm", "resampler": "none"},
    {"algorithm": "extra_trees", "resampler": "none"},
    {"algorithm": "extra_trees", "resampler": "smote"},
    {"algorithm": "logistic_regression", "resampler": "none"},
)


def procedure(schema: Schema, candidate: Mapping[str, str]) -> Procedure:
    """Return how models of `candidate` are made and validated."""
    return Procedure(schema, Hyperparameters.model_validate({**candidate, "cv_folds": FOLDS}), threads=1)


def chosen(rows: Rows, schema: Schema) -> Mapping[str, str]:
    """Return the candidate with the best mean average precision on folds of `rows`."""
    reached = [cross_validation(rows, procedure(schema, each))["mean"][MAIN] for each in CANDIDATES]
    return CANDIDATES[int(np.argmax(reached))]


def measured(rows: Rows, schema: Schema, fold: CrossFold, candidate: Mapping[str, str]) -> float:
    """Return the weighted average precision on the fold of a model of its training rows."""
    result = run_fold(rows, fold, procedure(schema, candidate))
    assert result is not None
    weights = np.where(result.labels == 1, 1.0, LEGITIMATE_WEIGHT)
    reached = evaluate(result.labels, result.probabilities, result.threshold, weights=weights).metrics[MAIN]
    assert reached is not None
    return reached


@click.command()
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
def main(data: Path, repeats: int) -> None:
    """Print the figure of each fold of the card sample DATA as it comes, then their mean."""
    table = read_training(data, ColumnRequest())
    rows, schema = table.rows, table.schema
    values, names = [], []
    asked = Hyperparameters.model_validate({"cv_folds": FOLDS, "cv_repeats": repeats})
    for fold in folds(rows, asked):
        best = chosen(rows.take(fold.training), schema)
        names.append(", ".join(best.values()))
        values.append(measured(rows, schema, fold, best))
        line = {"repeat": fold.repeat, "fold": fold.number, "chosen": names[-1], MAIN: round(values[-1], 4)}
        print(json.dumps(line), flush=True)
    low, high = corrected_interval(values, FOLDS) or (np.nan, np.nan)
    print(
        f"mean {np.mean(values):.3f} ({low:.3f} to {high:.3f}), least {min(values):.3f}; chosen {dict(Counter(names))}"
    )


if __name__ == "__main__":
    main()
