"""Folds that go forward in time learn from nothing that comes later, and say what they come to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fraud_detect.artifact.manifest import Labels
from fraud_detect.errors import TableError
from fraud_detect.estimators.family import Round
from fraud_detect.tables.table import Rows, Table
from fraud_detect.training.candidate import Observer, Procedure
from fraud_detect.training.parameters import Hyperparameters
from fraud_detect.training.partition import Parts, divide
from fraud_detect.training.prequential import Fold, rows_to_test
from fraud_detect.training.train import Trained, train
from timed_rows import FIRST_DAY, SCHEMA, SECONDS_PER_DAY, some_days

DAYS = {"train_days": 8, "delay_days": 2, "test_days": 4, "folds": 3}
COLUMNS = {"time_column": "when", "card_column": "card"}
QUICK: dict[str, Any] = {"num_round": 5, "bootstrap_samples": 0, "resampler": "none", "top_k": 5}


def parameters_of(**overrides: Any) -> Hyperparameters:
    return Hyperparameters(**{**QUICK, **DAYS, "split": "prequential", **COLUMNS, **overrides})


def parts_of(rows: Rows, test: Rows | None = None, **overrides: Any) -> Parts:
    table = Table(rows, SCHEMA, Labels())
    return divide(table, None, test and replace(table, rows=test), parameters_of(**overrides))


def trained(rows: Rows, observer: Observer | None = None, *, test: Rows | None = None, **overrides: Any) -> Trained:
    parts, parameters = parts_of(rows, test, **overrides), parameters_of(**overrides)
    return train(parts, SCHEMA, Labels(), parameters, threads=1, observer=observer)


def prequential_of(rows: Rows, observer: Observer | None = None, **overrides: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(trained(rows, observer, **overrides).metrics, allow_nan=False))
    folds: dict[str, Any] = document["prequential"]
    return folds


def span(rows: Rows) -> tuple[int, int]:
    """Return the first and the last day of `rows`, from the first day of `some_days`."""
    assert rows.times is not None
    days = np.floor(rows.times / SECONDS_PER_DAY).astype(int) - FIRST_DAY
    return int(days.min()), int(days.max())


def test_folds_train_validate_and_test_on_days_one_after_the_other() -> None:
    folds = parts_of(some_days()).folds

    assert [(span(fold.training)[0], span(fold.validation)[1], span(rows_to_test(fold)[0])) for fold in folds] == [
        (16, 23, (26, 29)),
        (12, 19, (22, 25)),
        (8, 15, (18, 21)),
    ]


def test_every_row_of_the_training_days_is_trained_or_validated_on_in_order_of_time() -> None:
    fold = parts_of(some_days(), validation_fraction=0.25).folds[0]

    assert (len(fold.training), len(fold.validation)) == (6 * 60, 2 * 60)
    assert fold.training.features[-1, 1] + 1 == fold.validation.features[0, 1] == 22 * 60


def test_the_final_model_trains_on_the_latest_days_of_all() -> None:
    parts = parts_of(some_days())

    assert (span(parts.training)[0], span(parts.validation)[1]) == (22, 29)


def test_folds_copy_no_rows() -> None:
    rows = some_days()

    for fold in parts_of(rows).folds:
        for part in (fold.training, fold.validation, fold.window):
            assert np.shares_memory(part.features, rows.features)


def test_the_order_of_the_rows_in_their_files_does_not_matter() -> None:
    rows = some_days()
    shuffled = rows.take(np.random.default_rng(1).permutation(len(rows)))

    assert trained(shuffled).metrics == trained(rows).metrics


def relabelled(rows: Rows, first_day: int) -> Rows:
    """Return `rows` with every label from a day on turned round."""
    assert rows.times is not None
    later = rows.times >= (FIRST_DAY + first_day) * SECONDS_PER_DAY
    return replace(rows, labels=np.where(later, 1 - rows.labels, rows.labels).astype(np.uint8))


def scores_of(fold: Fold, parameters: Hyperparameters) -> np.ndarray:
    procedure = Procedure(SCHEMA, parameters, 1)
    model = procedure.candidate(fold.name, procedure.sample(fold.training), fold.validation)
    model = procedure.refitted(fold.name, model, fold.validation)
    return model.probabilities(fold.window.features)


@pytest.mark.parametrize("more", [{}, {"resampler": "smote", "resampling_ratio": 0.5}, {"refit": "yes"}])
def test_labels_of_the_delay_and_the_test_days_change_no_score(more: dict[str, Any]) -> None:
    rows, parameters = some_days(), parameters_of(folds=1, **more)
    fold, other = (parts_of(each, folds=1, **more).folds[0] for each in (rows, relabelled(rows, 24)))

    assert scores_of(other, parameters).tolist() == scores_of(fold, parameters).tolist()


def test_labels_of_the_training_days_do_change_scores() -> None:
    """Otherwise the test above would show nothing."""
    rows, parameters = some_days(), parameters_of(folds=1)
    fold, other = (parts_of(each, folds=1).folds[0] for each in (rows, relabelled(rows, 20)))

    assert scores_of(other, parameters).tolist() != scores_of(fold, parameters).tolist()


def test_labels_after_a_folds_training_change_neither_its_rounds_nor_its_threshold() -> None:
    rows = some_days()
    before, after = (prequential_of(each)["folds"] for each in (rows, relabelled(rows, 24)))

    assert [(fold["rounds"], fold["threshold"]) for fold in after] == [
        (fold["rounds"], fold["threshold"]) for fold in before
    ]


def test_with_auto_each_fold_takes_the_better_of_both_by_its_own_validation_rows() -> None:
    rows, parameters = some_days(), parameters_of(resampler="auto", resampling_ratio=0.5)
    fold = parts_of(rows, resampler="auto").folds[0]
    told: list[str] = []
    procedure = Procedure(SCHEMA, parameters, 1, Observer(lambda stage, _: told.append(stage)))

    taken = procedure.chosen(fold.name, fold.training, fold.validation)

    both = (procedure.sample(fold.training), procedure.plain(fold.training))
    reached = [procedure.candidate("again", sample, fold.validation).average_precision for sample in both]
    assert taken.average_precision == max(reached)
    assert {*told} == {fold.name, f"{fold.name} comparison", "again"}


def test_shuffled_labels_score_no_better_than_chance() -> None:
    rows = some_days(36, 400, cards=5_000, share=0.05)
    shuffled = replace(rows, labels=np.random.default_rng(0).permutation(rows.labels))

    chance, real = (prequential_of(each, num_round=20, resampler="smote")["mean"] for each in (shuffled, rows))

    assert chance["roc_auc"] == pytest.approx(0.5, abs=0.05)
    assert chance["average_precision"] == pytest.approx(0.05, abs=0.02)
    assert real["roc_auc"] > 0.9


def test_with_the_same_known_days_more_training_days_are_tested_on_the_same_rows() -> None:
    rows = some_days(60, share=0.2)
    tests = [
        prequential_of(rows, train_days=days, known_days=known)["folds"][0]["test"]
        for days, known in ((8, 8), (24, 8), (24, None))
    ]

    assert tests[0] == tests[1]
    assert tests[2]["excluded_cards"] > tests[1]["excluded_cards"] > 0


def test_cards_known_as_defrauded_are_left_out_and_counted() -> None:
    rows = some_days()
    (fold,) = parts_of(rows, folds=1).folds
    kept, left_out = rows_to_test(fold)

    test = prequential_of(rows, folds=1)["folds"][0]["test"]

    assert len(kept) + len(left_out) == 4 * 60
    assert len(left_out) > 0
    assert (test["rows"], test["excluded_rows"]) == (len(kept), len(left_out))
    assert kept.cards is not None
    assert test["cards"] == len(np.unique(kept.cards))


def test_without_cards_nothing_is_left_out_and_their_figures_are_null() -> None:
    document = prequential_of(replace(some_days(), cards=None))

    test = document["folds"][0]["test"]
    assert (test["rows"], test["excluded_rows"], test["cards"], test["excluded_cards"]) == (240, 0, None, None)
    assert document["mean"]["card_precision"] is document["folds"][0]["days"][0]["card_precision"] is None


def test_a_fold_whose_every_card_is_left_out_has_no_figures() -> None:
    """One card with a fraud in training is known before the test begins."""
    rows = replace(some_days(), cards=np.ones(30 * 60, dtype=np.uint64))

    fold = prequential_of(rows, folds=1)["folds"][0]

    assert (fold["test"]["rows"], fold["average_precision"], fold["card_precision"], fold["days"]) == (
        0,
        None,
        None,
        [],
    )


def test_each_test_day_has_its_figures() -> None:
    fold = prequential_of(some_days(cards=5_000))["folds"][1]

    assert [day["day"] for day in fold["days"]] == ["2016-08-09", "2016-08-10", "2016-08-11", "2016-08-12"]
    assert sum(day["rows"] for day in fold["days"]) == fold["test"]["rows"]
    assert fold["card_precision"] == pytest.approx(np.mean([day["card_precision"] for day in fold["days"]]))


def test_means_and_deviations_are_over_the_folds() -> None:
    document = prequential_of(some_days())
    reached = [fold["average_precision"] for fold in document["folds"]]

    assert document["mean"]["average_precision"] == pytest.approx(np.mean(reached))
    assert document["standard_deviation"]["average_precision"] == pytest.approx(np.std(reached, ddof=1))


def test_the_manifest_is_spared_the_folds() -> None:
    assert set(trained(some_days()).manifest["metrics"]) == {"train", "validation", "test"}


def test_the_rows_of_a_test_channel_have_figures_by_day() -> None:
    metrics = trained(some_days(), test=some_days(3, seed=1)).metrics

    assert metrics["test"]["rows"] == 180
    assert [day["rows"] for day in metrics["test_by_day"]["days"]] == [60, 60, 60]
    assert 0 < metrics["test_by_day"]["card_precision"] <= 1


def counted(should_stop: Callable[[list[str]], bool]) -> tuple[list[str], Observer]:
    """Return the stages that an observer is told of, round by round, and the observer."""
    told: list[str] = []

    def on_round(stage: str, _done: Round) -> None:
        told.append(stage)

    return told, Observer(on_round, lambda: should_stop(told))


def test_the_model_comes_first_and_then_the_folds() -> None:
    told, observer = counted(lambda _: False)

    trained(some_days(), observer, early_stopping_rounds=0)

    assert list(dict.fromkeys(told)) == ["model", "fold 1 of 3", "fold 2 of 3", "fold 3 of 3"]
    assert len(told) == 4 * 5


def test_a_stop_in_a_fold_loses_it_and_those_after_it_and_not_the_model() -> None:
    _, observer = counted(lambda told: told.count("fold 2 of 3") >= 2)

    metrics = trained(some_days(), observer, early_stopping_rounds=0).metrics

    assert (metrics["stopped"], metrics["rounds"]) == (False, 5)
    assert (metrics["prequential"]["stopped"], len(metrics["prequential"]["folds"])) == (True, 1)


def test_a_stop_in_the_model_leaves_no_fold() -> None:
    _, observer = counted(lambda told: len(told) >= 2)

    metrics = trained(some_days(), observer, early_stopping_rounds=0).metrics

    assert (metrics["stopped"], metrics["rounds"]) == (True, 2)
    assert (metrics["prequential"]["folds"], metrics["prequential"]["mean"]["average_precision"]) == ([], None)


def test_too_few_days_are_refused_before_anything_is_fitted() -> None:
    with pytest.raises(TableError, match=r"span 21 days, 2016-07-18 to 2016-08-07; expected at least 22: train_days=8"):
        parts_of(some_days(21))


def test_a_validation_channel_beside_folds_is_refused() -> None:
    table = Table(some_days(), SCHEMA, Labels())

    with pytest.raises(TableError, match="validation channel beside split=prequential"):
        divide(table, table, None, parameters_of())


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (slice(16, 24), "Fold 1 of 3: Split by time, the earlier part has .* 0 of them frauds"),
        (slice(22, 30), "The final model: Split by time"),
    ],
)
def test_a_fold_without_frauds_to_learn_from_is_named(days: slice, words: str) -> None:
    rows = some_days()
    labels = rows.labels.copy()
    labels[days.start * 60 : days.stop * 60] = 0

    with pytest.raises(TableError, match=words):
        parts_of(replace(rows, labels=labels))


def test_one_fraud_is_too_few_to_train_on() -> None:
    rows = some_days()
    labels = rows.labels.copy()
    labels[22 * 60 : 29 * 60] = 0
    labels[22 * 60] = 1

    with pytest.raises(TableError, match="The final model has 1 fraud to train on; expected at least 2"):
        parts_of(replace(rows, labels=labels))


def without_days(rows: Rows, first: int, last: int) -> Rows:
    assert rows.times is not None
    days = rows.times / SECONDS_PER_DAY - FIRST_DAY
    return rows.take(np.flatnonzero((days < first) | (days >= last + 1)))


def test_days_without_rows_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    parts_of(without_days(some_days(), 27, 27))

    assert "1 days of the folds have no rows: 2016-08-14" in caplog.text


def test_test_days_without_any_row_are_refused() -> None:
    with pytest.raises(TableError, match="Fold 2 of 3 has no rows from 2016-08-09 to 2016-08-12"):
        parts_of(without_days(some_days(), 22, 25), validation_fraction=0.5)


def test_training_days_without_any_row_are_refused() -> None:
    with pytest.raises(TableError, match="Fold 3 of 3 has no rows in its training days"):
        parts_of(without_days(some_days(40), 18, 25), folds=3, delay_days=2)
