"""Cross-validation: folds at random by class or by card, and what the models of one procedure come to on them.

`folds` and `run_fold` are pure, and whoever runs several procedures on the same folds calls them, in any order and in
processes of its own.

Knows rows, splits, and how a model is made. Never knows channels' files, what is saved.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.errors import TableError
from fraud_detect.evaluation.metrics import METRICS
from fraud_detect.evaluation.split import Labels, dealt, fraud_groups
from fraud_detect.evaluation.summary import over_folds
from fraud_detect.tables.table import Rows
from fraud_detect.training.candidate import Procedure
from fraud_detect.training.held_out import group_hashes, hold_out
from fraud_detect.training.measures import Measures
from fraud_detect.training.parameters import Hyperparameters
from fraud_detect.training.predictions import Predictions

FEWEST_FRAUDS = 3  # groups of frauds beside a fold: one to validate with, two for samplers to work between
FOLDS, VALIDATION = 2, 3  # what a seed is for; the parts of a job take 0 and 1

PART = "cross_validation"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CrossFold:
    """One fold of one repeat, both counted from 1; `training` and `test` are indices of rows, ascending, integers.

    `name` says which of how many it is, as logs and metric lines have it.
    """

    repeat: int
    number: int
    name: str
    training: NDArray[np.intp]
    test: NDArray[np.intp]


@dataclass(frozen=True)
class FoldResult:
    """What a model made without the rows at `indices` says of them.

    `indices`: those of the fold's test rows, ascending. `labels`: uint8, 1 = fraud. `probabilities`: float64, in
    [0, 1], calibrated. All of shape (m,). `threshold`: from which a row counts as fraud. `rounds`: that the model kept.
    """

    repeat: int
    number: int
    indices: NDArray[np.intp]
    labels: Labels
    probabilities: NDArray[np.float64]
    threshold: float
    rounds: int

    def predictions(self, rows: Rows) -> Predictions:
        """Return them as predictions of `rows`, which the folds were made of."""
        numbers = None if rows.numbers is None else rows.numbers[self.indices]
        return Predictions(PART, numbers, self.labels, self.probabilities, self.repeat, self.number)


def folds(rows: Rows, parameters: Hyperparameters) -> Sequence[CrossFold]:
    """Return `cv_folds` folds for each of `cv_repeats`, by class; the test rows of one repeat's folds are all rows.

    Exact duplicates are in one fold; with split=grouped all rows of a card are, and duplicates on different cards
    need not be. The seed and the rows' values decide, not their order.

    Raises
    ------
    TableError
        If a fold would lack frauds or legitimate rows, or leave too few frauds to train on.
    """
    total = parameters.cv_folds * parameters.cv_repeats
    found: list[CrossFold] = []
    for repeat in range(1, parameters.cv_repeats + 1):
        hashes = group_hashes(rows, parameters, (parameters.seed, FOLDS, repeat))
        _check_frauds(fraud_groups(hashes, rows.labels), parameters)
        places = dealt(hashes, rows.labels, parameters.cv_folds)
        for number in range(1, parameters.cv_folds + 1):
            tested = places == number - 1
            name = f"cv fold {len(found) + 1} of {total}"
            _check_legitimate(name, rows.labels[tested])
            found.append(CrossFold(repeat, number, name, np.flatnonzero(~tested), np.flatnonzero(tested)))
    return found


def _check_frauds(groups: int, parameters: Hyperparameters) -> None:
    k = parameters.cv_folds
    fewest = next(n for n in count(k) if n - -(-n // k) >= FEWEST_FRAUDS)
    if groups < fewest:
        what = "cards with frauds" if parameters.split == "grouped" else "distinct fraud rows"
        raise TableError(
            f"There are {groups} {what} for cv_folds={k}",
            expected=f"at least {fewest}, for frauds in each fold and beside it",
            remedy="Lower `cv_folds`, or add frauds.",
        )


def _check_legitimate(name: str, labels: Labels) -> None:
    if labels.all():
        raise TableError(
            f"{name.capitalize()} has no legitimate rows",
            expected="frauds and legitimate rows in each fold",
            remedy="Lower `cv_folds`, or add legitimate rows.",
        )


def run_fold(rows: Rows, fold: CrossFold, procedure: Procedure) -> FoldResult | None:
    """Return what the model of `procedure` for the fold's training rows says of its test rows; None after a stop.

    All that is chosen is chosen on the training rows alone: a part of them, held out as the job's own validation
    part is, chooses rounds, calibration and threshold, and the resampler, the scaling and the fit see the rest.
    `rows` are those that the folds were made of. The same arguments give the same result.

    Raises
    ------
    TableError
        If the training rows do not allow what the procedure needs.
    """
    if procedure.observer.should_stop():
        return None
    model = procedure.model(fold.name, *_parts(rows, fold, procedure.parameters))
    if procedure.observer.should_stop():
        return None  # cut short, it would compare unlike things
    test = rows.take(fold.test)
    probabilities = model.probabilities(test.features)
    return FoldResult(
        fold.repeat, fold.number, fold.test, test.labels, probabilities, model.threshold.value, model.fitted.rounds
    )


def _parts(rows: Rows, fold: CrossFold, parameters: Hyperparameters) -> tuple[Rows, Rows]:
    """Return the rows to fit on and those to choose by, of the training rows of a fold; both copies."""
    training, seed = rows.take(fold.training), (parameters.seed, VALIDATION, fold.repeat, fold.number)
    try:
        split = hold_out(training, parameters.validation_fraction, parameters, seed)
    except TableError as error:
        got = f"{fold.name.capitalize()}: {error.got}"
        raise TableError(got, expected=error.expected, remedy="Lower `cv_folds`, or add rows.") from None
    return training.take(split.training), training.take(split.held_out)


def cross_validation(rows: Rows, procedure: Procedure) -> dict[str, Any]:
    """Return what the folds of `rows` come to, as metrics.json has it; the observer gets their predictions.

    A stop leaves out the fold it cuts short and the rest.
    """
    parameters = procedure.parameters
    places = folds(rows, parameters)
    done: list[dict[str, Any]] = []
    for fold in places:
        result = run_fold(rows, fold, procedure)
        if result is None:
            break
        procedure.observer.on_predictions(result.predictions(rows))
        done.append(document(rows, result, procedure.measures))
        logger.info("%s: average precision %.3f", fold.name, done[-1]["average_precision"])
    return {
        "cv_folds": parameters.cv_folds,
        "cv_repeats": parameters.cv_repeats,
        "stopped": len(done) < len(places),
        "folds": done,
        **over_folds(done, METRICS),
    }


def document(rows: Rows, result: FoldResult, measures: Measures) -> dict[str, Any]:
    """Return the figures of one fold of `rows` as metrics.json has them."""
    tested = rows.take(result.indices)
    return {
        "repeat": result.repeat,
        "fold": result.number,
        "rows": len(tested),
        "frauds": tested.frauds,
        "rounds": result.rounds,
        "threshold": result.threshold,
        **measures.evaluate(tested, result.probabilities, result.threshold).metrics,
    }
