"""Folds that go forward in time: what each trains and tests on, and what it comes to.

Knows days, rows and how a model is made. Never knows channels' files, what is saved.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.errors import TableError
from fraud_detect.evaluation.by_day import by_day
from fraud_detect.evaluation.folds import FoldDays, Scheme, day_name, fold_days, known_as_defrauded, whole_days
from fraud_detect.evaluation.metrics import METRICS
from fraud_detect.evaluation.split import chronological
from fraud_detect.evaluation.summary import over_folds
from fraud_detect.tables.table import Rows
from fraud_detect.training.candidate import Candidate, Procedure
from fraud_detect.training.parameters import Hyperparameters

FIGURES = (*METRICS, "card_precision", "oracle_card_precision")
FEWEST_FRAUDS = 2  # to train on: samplers work between frauds

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fold:
    """One fold; its rows are views.

    `window` are the rows from the first training day to the last test day.
    """

    name: str
    days: FoldDays
    training: Rows
    validation: Rows
    window: Rows


def in_order(rows: Rows, times: NDArray[np.float64]) -> Rows:
    """Return `rows` in the order of `times`, shape (n,); nothing is copied if they are in it."""
    if (times[:-1] <= times[1:]).all():
        return rows
    return rows.take(np.argsort(times, kind="stable"))


def folds_of(rows: Rows, times: NDArray[np.float64], parameters: Hyperparameters) -> tuple[Rows, Rows, Sequence[Fold]]:
    """Return the latest rows to train on, those to validate on, and the folds, of `rows` in order of `times`.

    All of them are views of `rows`.

    Raises
    ------
    TableError
        If there are too few days, or a fold lacks frauds or legitimate rows to train on, or rows to test on.
    """
    days = whole_days(times)
    train_days = parameters.train_days or 0
    scheme = Scheme(
        train_days, parameters.delay_days, parameters.test_days or 0, parameters.folds, parameters.known_days
    )
    first, last = int(days[0]), int(days[-1])
    chosen = fold_days(first, last, scheme)
    _warn_of_empty_days(np.unique(days), chosen[-1].first_train, last)
    training, validation = _divided("The final model", _on(rows, days, last - train_days + 1, last), parameters)
    folds = [
        _fold(f"fold {number} of {len(chosen)}", place, rows, days, parameters)
        for number, place in enumerate(chosen, start=1)
    ]
    return training, validation, folds


def _on(rows: Rows, days: NDArray[np.int64], first: int, last: int) -> Rows:
    start, stop = np.searchsorted(days, (first, last + 1))
    return rows.between(int(start), int(stop))


def _fold(name: str, place: FoldDays, rows: Rows, days: NDArray[np.int64], parameters: Hyperparameters) -> Fold:
    block = _on(rows, days, place.first_train, place.last_train)
    training, validation = _divided(name.capitalize(), block, parameters)
    if len(_on(rows, days, place.first_test, place.last_test)) == 0:
        raise TableError(
            f"{name.capitalize()} has no rows from {day_name(place.first_test)} to {day_name(place.last_test)}",
            expected="rows to test on",
            remedy="Raise `test_days`, lower `folds`, or add the rows.",
        )
    return Fold(name, place, training, validation, _on(rows, days, place.first_train, place.last_test))


def _divided(name: str, block: Rows, parameters: Hyperparameters) -> tuple[Rows, Rows]:
    """Return the earlier rows of a block in order of time to train on, and the later ones to validate on."""
    expected, remedy = "frauds and legitimate rows to train and to validate on", "Raise `train_days`, or lower `folds`."
    if len(block) == 0 or block.times is None:
        raise TableError(f"{name} has no rows in its training days", expected=expected, remedy=remedy)
    try:
        cut = len(chronological(block.times, block.labels, parameters.validation_fraction).training)
    except TableError as error:
        raise TableError(f"{name}: {error.got}", expected=expected, remedy=remedy) from None
    training, validation = block.between(0, cut), block.between(cut, len(block))
    if training.frauds < FEWEST_FRAUDS:
        got = f"{name} has {training.frauds} fraud to train on"
        raise TableError(got, expected=f"at least {FEWEST_FRAUDS}", remedy=remedy)
    return training, validation


def _warn_of_empty_days(there: NDArray[np.int64], first: int, last: int) -> None:
    empty = np.setdiff1d(np.arange(first, last + 1), there)
    if len(empty):
        shown = ", ".join(day_name(int(day)) for day in empty[:5])
        logger.warning("%d days of the folds have no rows: %s%s", len(empty), shown, ", ..." if len(empty) > 5 else "")


def prequential(folds: Sequence[Fold], procedure: Procedure) -> dict[str, Any]:
    """Return what the folds come to, as metrics.json has it; a stop leaves out the fold it cuts short and the rest."""
    parameters = procedure.parameters
    done: list[dict[str, Any]] = []
    for fold in folds:
        document = _run(fold, procedure)
        if document is None:
            break
        done.append(document)
        logger.info("%s: average precision %s, card precision@%d %s", fold.name, *_shown(document, parameters.top_k))
    return {
        "train_days": parameters.train_days,
        "delay_days": parameters.delay_days,
        "known_days": parameters.known_days or parameters.train_days,
        "test_days": parameters.test_days,
        "top_k": parameters.top_k,
        "stopped": len(done) < len(folds),
        "folds": done,
        **over_folds(done, FIGURES),
    }


def _shown(figures: Mapping[str, Any], k: int) -> tuple[str, int, str]:
    precision, cards = (figures[name] for name in ("average_precision", "card_precision"))
    return ("-" if precision is None else f"{precision:.3f}", k, "-" if cards is None else f"{cards:.3f}")


def _run(fold: Fold, procedure: Procedure) -> dict[str, Any] | None:
    stopped = procedure.observer.should_stop
    if stopped():
        return None
    candidate = procedure.model(fold.name, fold.training, fold.validation)
    return None if stopped() else _document(fold, candidate, procedure)


def _document(fold: Fold, candidate: Candidate, procedure: Procedure) -> dict[str, Any]:
    place = fold.days
    tested, excluded = rows_to_test(fold)
    days = whole_days(_times(tested))
    probabilities = candidate.probabilities(tested.features)
    figures: Mapping[str, Any] = dict.fromkeys(METRICS)
    if len(tested):
        figures = procedure.measures.evaluate(tested, probabilities, candidate.threshold.value).metrics
    else:
        logger.warning("%s: no row is left to test on: all cards of its test days are known as defrauded", fold.name)
    return {
        "train": {
            "first_day": day_name(place.first_train),
            "last_day": day_name(place.last_train),
            "rows": len(fold.training) + len(fold.validation),
            "frauds": fold.training.frauds + fold.validation.frauds,
        },
        "test": {
            "first_day": day_name(place.first_test),
            "last_day": day_name(place.last_test),
            "rows": len(tested),
            "frauds": tested.frauds,
            "cards": _count_cards(tested),
            "excluded_rows": len(excluded),
            "excluded_cards": _count_cards(excluded),
        },
        "rounds": candidate.fitted.rounds,
        "threshold": candidate.threshold.value,
        **figures,
        **by_day(days, tested.cards, tested.labels, probabilities, procedure.parameters.top_k).as_json(),
    }


def rows_to_test(fold: Fold) -> tuple[Rows, Rows]:
    """Return the rows of the test days without those of cards known as defrauded, and the latter; both copies."""
    days = whole_days(_times(fold.window))
    tested = days >= fold.days.first_test
    known = np.zeros(len(tested), dtype=bool)
    if fold.window.cards is not None:
        known = known_as_defrauded(days, fold.window.cards, fold.window.labels, fold.days)
    return fold.window.take(np.flatnonzero(tested & ~known)), fold.window.take(np.flatnonzero(tested & known))


def _times(rows: Rows) -> NDArray[np.float64]:
    if rows.times is None:
        raise TypeError("folds are made of rows with times")
    return rows.times


def _count_cards(rows: Rows) -> int | None:
    return None if rows.cards is None else len(np.unique(rows.cards))
