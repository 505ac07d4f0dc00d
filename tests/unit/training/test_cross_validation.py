"""Folds are disjoint and cover all rows; nothing of a fold's test rows gets into the model that is measured on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fraud_detect.errors import TableError
from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.resampling.registry import SAMPLERS
from fraud_detect.tables.table import Rows
from fraud_detect.training.candidate import Observer, Procedure
from fraud_detect.training.cross_validation import CrossFold, FoldResult, folds, run_fold
from fraud_detect.training.parameters import CLEANING, Hyperparameters
from timed_rows import SCHEMA, some_days
from training_factories import QUICK_FAMILY

GROUPED = {"split": "grouped", "card_column": "card"}
RANDOM = {"split": "random"}


def parameters_of(algorithm: str = "xgboost", **overrides: Any) -> Hyperparameters:
    declared = FAMILIES[algorithm].parameters.model_fields
    quick = {name: value for name, value in QUICK_FAMILY.items() if name in declared}
    common = {"cv_folds": 4, "bootstrap_samples": 0, "resampler": "none", **RANDOM}
    return Hyperparameters(**{**common, "algorithm": algorithm, **quick, **overrides})


def with_duplicates(rows: Rows) -> Rows:
    """Return `rows` with a fifth of them once more at the end."""
    return rows.take(np.append(np.arange(len(rows)), np.arange(0, len(rows), 5)))


def result_of(rows: Rows, fold: CrossFold, parameters: Hyperparameters) -> FoldResult:
    result = run_fold(rows, fold, Procedure(SCHEMA, parameters, 1))
    assert result is not None
    return result


@pytest.mark.parametrize("more", [RANDOM, GROUPED])
def test_the_test_rows_of_each_repeat_are_all_rows_once(more: dict[str, Any]) -> None:
    rows = with_duplicates(some_days())

    found = folds(rows, parameters_of(cv_repeats=3, **more))

    for repeat in (1, 2, 3):
        tested = np.concatenate([fold.test for fold in found if fold.repeat == repeat])
        assert sorted(tested.tolist()) == list(range(len(rows)))


@pytest.mark.parametrize("more", [RANDOM, GROUPED])
def test_training_rows_are_those_that_a_fold_does_not_test_on(more: dict[str, Any]) -> None:
    rows = some_days()

    for fold in folds(rows, parameters_of(**more)):
        assert sorted([*fold.training, *fold.test]) == list(range(len(rows)))


def test_folds_are_counted_and_named() -> None:
    found = folds(some_days(), parameters_of(cv_folds=2, cv_repeats=2))

    assert [(fold.repeat, fold.number) for fold in found] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert [fold.name for fold in found] == [f"cv fold {number} of 4" for number in (1, 2, 3, 4)]


def test_exact_duplicates_are_on_one_side() -> None:
    rows = with_duplicates(some_days())

    for fold in folds(rows, parameters_of()):
        sides = (set(map(tuple, rows.features[part].tolist())) for part in (fold.training, fold.test))
        assert not set.intersection(*sides)


def test_a_card_is_on_one_side() -> None:
    rows = some_days()
    assert rows.cards is not None

    for fold in folds(rows, parameters_of(**GROUPED)):
        assert not set(rows.cards[fold.training].tolist()) & set(rows.cards[fold.test].tolist())


def test_each_fold_has_its_share_of_frauds() -> None:
    rows = some_days()

    counts = [int(rows.labels[fold.test].sum()) for fold in folds(rows, parameters_of())]

    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("change", [{"seed": 1}, {"split": "grouped", "card_column": "card"}])
def test_another_seed_or_split_gives_other_folds(change: dict[str, Any]) -> None:
    first, other = (folds(some_days(), parameters_of(**more))[0].test.tolist() for more in ({}, change))

    assert first != other


def test_repeats_differ_in_their_folds() -> None:
    first, second = (fold for fold in folds(some_days(), parameters_of(cv_repeats=2)) if fold.number == 1)

    assert first.test.tolist() != second.test.tolist()


def test_the_folds_of_fewer_repeats_are_the_first_of_more() -> None:
    fewer, more = (folds(some_days(), parameters_of(cv_repeats=repeats)) for repeats in (1, 2))

    assert [fold.test.tolist() for fold in fewer] == [fold.test.tolist() for fold in more[: len(fewer)]]


@pytest.mark.parametrize(("count", "more"), [(5, {"cv_folds": 2}), (3, {"cv_folds": 4}), (9, {"cv_folds": 10})])
def test_too_few_frauds_for_the_folds_are_refused(count: int, more: dict[str, Any]) -> None:
    rows = some_days()
    few = replace(rows, labels=(np.arange(len(rows)) < count).astype(np.uint8))

    with pytest.raises(TableError, match=f"There are {count} distinct fraud rows for cv_folds={more['cv_folds']}"):
        folds(few, parameters_of(**more))


def test_too_few_cards_with_frauds_are_refused() -> None:
    rows = some_days()
    assert rows.cards is not None
    few = replace(rows, labels=(rows.cards == 3).astype(np.uint8))

    with pytest.raises(TableError, match="There are 1 cards with frauds for cv_folds=4"):
        folds(few, parameters_of(**GROUPED))


def test_a_fold_without_legitimate_rows_is_refused() -> None:
    rows = some_days()
    few = replace(rows, labels=(np.arange(len(rows)) > 2).astype(np.uint8))

    with pytest.raises(TableError, match="has no legitimate rows"):
        folds(few, parameters_of())


@pytest.mark.parametrize("more", [RANDOM, GROUPED])
def test_a_fold_has_calibrated_probabilities_of_its_test_rows(more: dict[str, Any]) -> None:
    rows, parameters = some_days(), parameters_of(**more)
    fold = folds(rows, parameters)[1]

    result = result_of(rows, fold, parameters)

    assert (result.repeat, result.number) == (1, 2)
    assert result.indices.tolist() == fold.test.tolist()
    assert result.labels.tolist() == rows.labels[fold.test].tolist()
    assert result.probabilities.mean() == pytest.approx(result.labels.mean(), abs=0.05)
    assert result.rounds > 0


def poisoned(rows: Rows, fold: CrossFold) -> Rows:
    """Return `rows` with the labels of the fold's test rows turned round, and values there that no training row has."""
    features, labels = rows.features.copy(), rows.labels.copy()
    labels[fold.test] = 1 - labels[fold.test]
    features[fold.test[1:]] = 1e30
    return replace(rows, features=features, labels=labels)


@pytest.mark.parametrize("algorithm", FAMILIES)
@pytest.mark.parametrize("more", [{"resampler": "smote", "resampling_ratio": 0.5}, {"refit": "yes", **GROUPED}])
def test_a_folds_test_rows_influence_nothing(algorithm: str, more: dict[str, Any]) -> None:
    """Neither scaling nor resampling, fit, rounds, calibration or threshold: not even with poisoned rows."""
    rows, parameters = some_days(20, 40), parameters_of(algorithm, **more)
    fold = folds(rows, parameters)[0]

    clean, other = (result_of(each, fold, parameters) for each in (rows, poisoned(rows, fold)))

    assert (other.threshold, other.rounds) == (clean.threshold, clean.rounds)
    assert other.probabilities[0] == clean.probabilities[0]


@pytest.mark.parametrize("resampler", [*SAMPLERS, "auto"])
def test_with_every_resampler_test_rows_influence_nothing(resampler: str) -> None:
    ratio = {} if resampler == CLEANING else {"resampling_ratio": 0.5}
    rows, parameters = some_days(20, 40), parameters_of(resampler=resampler, **ratio)
    fold = folds(rows, parameters)[0]

    clean, other = (result_of(each, fold, parameters) for each in (rows, poisoned(rows, fold)))

    assert (other.threshold, other.rounds) == (clean.threshold, clean.rounds)
    assert other.probabilities[0] == clean.probabilities[0]


def test_a_folds_training_rows_do_influence_it() -> None:
    """Otherwise the test above would show nothing."""
    rows, parameters = some_days(), parameters_of()
    fold = folds(rows, parameters)[0]
    labels = rows.labels.copy()
    labels[fold.training] = 1 - labels[fold.training]

    clean, changed = (result_of(each, fold, parameters) for each in (rows, replace(rows, labels=labels)))

    assert changed.probabilities[0] != clean.probabilities[0]


def test_resampling_sees_the_rows_to_fit_on_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, parameters = some_days(), parameters_of(resampler="smote", resampling_ratio=0.5)
    fold = folds(rows, parameters)[0]
    seen, smote = [], SAMPLERS["smote"]

    def spy(features: np.ndarray, *rest: Any) -> Any:
        seen.append(features[:, 1])  # the number of the row
        return smote(features, *rest)

    monkeypatch.setitem(SAMPLERS, "smote", spy)  # type: ignore[arg-type]
    result_of(rows, fold, parameters)

    (numbers,) = seen
    assert set(numbers.astype(int).tolist()) < set(fold.training.tolist())
    assert len(numbers) == pytest.approx(0.8 * len(fold.training), abs=3)


def test_a_fold_is_the_same_whatever_runs_before_it() -> None:
    rows, parameters = some_days(), parameters_of(resampler="smote", resampling_ratio=0.5)
    first, second = folds(rows, parameters)[:2]

    alone = result_of(rows, second, parameters)
    result_of(rows, first, parameters)

    assert result_of(rows, second, parameters).probabilities.tolist() == alone.probabilities.tolist()


def test_a_stop_leaves_a_fold_without_result() -> None:
    rows, parameters = some_days(), parameters_of()

    assert (
        run_fold(rows, folds(rows, parameters)[0], Procedure(SCHEMA, parameters, 1, Observer(should_stop=lambda: True)))
        is None
    )


def test_shuffled_labels_score_no_better_than_chance() -> None:
    rows, parameters = some_days(share=0.3), parameters_of(resampler="smote", resampling_ratio=0.9)
    shuffled = replace(rows, labels=np.random.default_rng(0).permutation(rows.labels))
    fold = folds(shuffled, parameters)[0]

    result = result_of(shuffled, fold, parameters)

    caught = result.probabilities[result.labels == 1].mean() - result.probabilities[result.labels == 0].mean()
    assert abs(caught) < 0.02
