"""What every family of models must do, whatever its library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from fraud_detect.artifact.calibration import NoCalibration
from fraud_detect.artifact.scorer import Scorer
from fraud_detect.estimators.family import Block, Fitted, Hooks, Round
from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.evaluation.ranking import average_precision_of
from fraud_detect.schema import Float32Matrix
from training_factories import a_block, a_fitted_model, fit_settings, some_features

PARITY = 1e-6
EXTREME = [[3e38, -3e38, 0], [np.nan, np.nan, np.nan], [0, 1e-45, 4], [-0.0, 0.0, np.nan], [-3e38, 3e38, 2]]


def has(family: str, name: str) -> bool:
    """Return whether `name` is a hyperparameter of `family`."""
    return name in FAMILIES[family].parameters.model_fields


def of(family: str, **parameters: Any) -> Mapping[str, Any]:
    """Return those of `parameters` that `family` has."""
    return {name: value for name, value in parameters.items() if has(family, name)}


DRAWN: Mapping[str, Mapping[str, Any]] = {
    "xgboost": {"subsample": 0.5, "colsample_bytree": 0.5},
    "lightgbm": {"subsample": 0.5, "colsample_bytree": 0.5},
    "random_forest": {},
    "balanced_random_forest": {},
    "extra_trees": {},
    "isolation_forest": {},
    "autoencoder": {},
}
"""Hyperparameters by which a family draws at random; a family without an entry draws nothing."""
ROUNDS = ("num_round", "n_estimators")
"""Names of the number of rounds."""
COMPARED: Mapping[str, int] = {"knn": 300}
"""How many rows are compared where a row takes long: each is compared with 4,000 of up to 1,002 columns; else all."""

families = pytest.mark.parametrize("family", FAMILIES)
learning = pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.learns_labels])
weighing = pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.takes_weights])
in_rounds = pytest.mark.parametrize("family", [name for name in FAMILIES if any(has(name, each) for each in ROUNDS)])
boosted = pytest.mark.parametrize("family", [name for name in FAMILIES if has(name, "num_round")])
drawing = pytest.mark.parametrize("family", [name for name in FAMILIES if name in DRAWN])


def largest_difference(model: Fitted, rows: Float32Matrix) -> float:
    exported = Scorer(model.to_onnx(), NoCalibration()).scores(rows)
    return float(np.abs(exported - model.scores(rows)).max())


def recorder() -> tuple[list[Round], Hooks]:
    rounds: list[Round] = []
    return rounds, Hooks(on_round=rounds.append)


def stopping_after(count: int) -> tuple[list[Round], Hooks]:
    rounds: list[Round] = []
    return rounds, Hooks(on_round=rounds.append, should_stop=lambda: len(rounds) >= count)


@families
def test_scores_are_one_number_a_row_within_0_and_1(family: str) -> None:
    scores = a_fitted_model(family).scores(a_block(seed=2).features)

    assert (scores.shape, scores.dtype) == ((300,), np.float64)
    assert ((scores >= 0) & (scores <= 1)).all()


@learning
def test_it_learns_numbers_gaps_and_categories(family: str) -> None:
    test = a_block(2_000, seed=2)

    scores = a_fitted_model(family, block=a_block(2_000), parameters=of(family, num_round=30, n_estimators=30)).scores(
        test.features
    )

    assert average_precision_of(test.labels, scores) > 2 * test.labels.mean()


@learning
def test_a_category_counts_as_such_and_not_as_a_number(family: str) -> None:
    """Frauds stand in every other category: a single split tells them apart only as a set."""
    code = np.arange(400) % 6
    block = Block(code.astype(np.float32).reshape(-1, 1), (code % 2).astype(np.uint8))

    parameters = of(family, num_round=1, max_depth=1)
    model = FAMILIES[family].fit([block], block, fit_settings(family, categories=[6], parameters=parameters))

    assert average_precision_of(block.labels, model.scores(block.features)) == 1


@families
def test_the_export_scores_as_the_model(family: str) -> None:
    """On rows with gaps, on categories, and on numbers far outside of training."""
    rows = a_block(2_000, seed=5).features

    assert largest_difference(a_fitted_model(family), np.concatenate((rows, some_features(EXTREME)))) < PARITY


@families
def test_every_row_gets_a_finite_score(family: str) -> None:
    scorer = Scorer(a_fitted_model(family).to_onnx(), NoCalibration())

    scores, raw_scores = scorer.scores(some_features(EXTREME)), scorer.raw_scores(some_features(EXTREME))

    assert ((scores >= 0) & (scores <= 1)).all()
    assert np.isfinite(raw_scores).all()


@families
@pytest.mark.parametrize("categories", [2, 3, 60, 1_000])
def test_the_export_holds_any_number_of_categories(family: str, categories: int) -> None:
    block, validation = (a_block(4_000, seed=seed, categories=categories) for seed in (0, 1))

    model = FAMILIES[family].fit([block], validation, fit_settings(family, categories=[0, 0, categories]))

    assert largest_difference(model, block.features[: COMPARED.get(family)]) < PARITY


@families
def test_the_export_of_a_deep_model_scores_as_the_model(family: str) -> None:
    block = a_block(2_000)
    model = a_fitted_model(
        family, block=block, parameters=of(family, num_round=40, max_depth=12, eta=0.5, max_bin=1024)
    )

    assert largest_difference(model, block.features) < PARITY


@families
def test_a_model_that_learned_nothing_scores_the_share_of_frauds(family: str) -> None:
    """Constant features leave trees of one leaf, which the export must hold too."""
    block = Block(np.zeros((100, 3), dtype=np.float32), (np.arange(100) < 7).astype(np.uint8))

    model = FAMILIES[family].fit([block], block, fit_settings(family))

    if FAMILIES[family].gives_probabilities:
        drawn = 0.05 if has(family, "max_samples") else 1e-4  # the share of frauds among rows that are drawn
        assert model.scores(block.features) == pytest.approx(np.full(100, 0.07), abs=drawn)
    assert largest_difference(model, block.features) < PARITY


@families
def test_the_export_does_not_depend_on_the_number_of_rows_at_a_time(family: str) -> None:
    model, rows = a_fitted_model(family), a_block(seed=5).features
    scorer = Scorer(model.to_onnx(), NoCalibration())

    one_by_one = np.concatenate([scorer.scores(rows[place : place + 1]) for place in range(50)])

    assert one_by_one.tolist() == scorer.scores(rows)[:50].tolist()


@families
def test_the_export_gives_the_log_odds_of_its_scores(family: str) -> None:
    scorer, rows = Scorer(a_fitted_model(family).to_onnx(), NoCalibration()), a_block(seed=5).features

    raw_scores = scorer.raw_scores(rows)

    assert 1 / (1 + np.exp(-raw_scores)) == pytest.approx(scorer.scores(rows), abs=PARITY)


@families
def test_every_round_is_told_with_its_figures(family: str) -> None:
    rounds, hooks = recorder()
    validation = a_block(seed=1)

    model = a_fitted_model(family, hooks=hooks, parameters=of(family, num_round=4, n_estimators=4))

    assert model.rounds == (4 if any(has(family, name) for name in ROUNDS) else model.rounds)
    assert [done.number for done in rounds] == list(range(1, model.rounds + 1))
    expected = average_precision_of(validation.labels, model.scores(validation.features))
    assert rounds[-1].validation_average_precision == pytest.approx(expected, abs=1e-6)


@families
def test_figures_of_training_are_of_the_real_rows_alone(family: str) -> None:
    rounds, hooks = recorder()
    real, synthetic = a_block(), a_block(50, seed=3)
    frauds = Block(synthetic.features, np.ones(50, dtype=np.uint8))

    model = FAMILIES[family].fit([real, frauds], a_block(seed=1), fit_settings(family, hooks=hooks))

    expected = average_precision_of(real.labels, model.scores(real.features))
    assert rounds[-1].train_average_precision == pytest.approx(expected, abs=1e-6)


@learning
def test_synthetic_rows_are_learned_from(family: str) -> None:
    real, synthetic = a_block(), a_block(100, seed=3)
    frauds = Block(synthetic.features, np.ones(100, dtype=np.uint8))
    rows = a_block(seed=5).features

    with_them = FAMILIES[family].fit([real, frauds], a_block(seed=1), fit_settings(family))

    assert with_them.scores(rows).mean() > 1.1 * a_fitted_model(family).scores(rows).mean()


@boosted
def test_synthetic_rows_change_what_is_thought_of_the_real_ones(family: str) -> None:
    real, synthetic = a_block(), a_block(100, seed=3)
    frauds = Block(synthetic.features, np.ones(100, dtype=np.uint8))

    with_them = FAMILIES[family].fit([real, frauds], a_block(seed=1), fit_settings(family))

    assert with_them.scores(real.features).mean() > 1.2 * a_fitted_model(family).scores(real.features).mean()


@boosted
def test_early_stopping_keeps_the_best_round(family: str) -> None:
    rounds, hooks = recorder()
    validation = a_block(seed=1)

    model = a_fitted_model(family, hooks=hooks, parameters={"num_round": 200, "early_stopping_rounds": 5})

    best = max(rounds, key=lambda done: done.validation_average_precision)
    assert (model.rounds, len(rounds)) == (best.number, best.number + 5)
    kept = average_precision_of(validation.labels, model.scores(validation.features))
    assert kept == pytest.approx(best.validation_average_precision, abs=1e-6)


@in_rounds
def test_without_early_stopping_all_rounds_are_kept(family: str) -> None:
    assert a_fitted_model(family, parameters=of(family, num_round=60, n_estimators=60)).rounds == 60


@in_rounds
@pytest.mark.parametrize("early_stopping_rounds", [0, 5])
@pytest.mark.parametrize("asked_after", [1, 3])
def test_a_stop_ends_the_fit_after_the_round(family: str, early_stopping_rounds: int, asked_after: int) -> None:
    rounds, hooks = stopping_after(asked_after)

    parameters = of(family, num_round=50, n_estimators=50, early_stopping_rounds=early_stopping_rounds)
    model = a_fitted_model(family, hooks=hooks, parameters=parameters)

    best = max(rounds, key=lambda done: done.validation_average_precision).number
    assert len(rounds) == asked_after
    assert model.rounds == (best if parameters.get("early_stopping_rounds") else rounds[-1].number) < 50


@families
def test_the_same_seed_gives_the_same_bytes(family: str) -> None:
    first, second = (a_fitted_model(family, seed=7, parameters=DRAWN.get(family)) for _ in range(2))

    assert first.to_onnx() == second.to_onnx()
    assert first.native_files() == second.native_files()


@drawing
def test_another_seed_gives_another_model(family: str) -> None:
    first, second = (a_fitted_model(family, seed=seed, parameters=DRAWN[family]) for seed in (7, 8))

    assert first.to_onnx() != second.to_onnx()


@weighing
def test_a_weight_of_frauds_raises_scores(family: str) -> None:
    rows = a_block(seed=5).features

    weighted = a_fitted_model(family, fraud_weight=10).scores(rows)

    assert weighted.mean() > 1.2 * a_fitted_model(family).scores(rows).mean()


@families
def test_a_refit_keeps_as_many_rounds_as_it_is_told(family: str) -> None:
    rounds, hooks = recorder()
    chosen = a_fitted_model(family).rounds

    model = a_fitted_model(family, rounds=chosen, hooks=hooks)

    assert (model.rounds, len(rounds)) == (chosen, chosen)


@families
def test_rows_that_are_given_are_left_as_they_are(family: str) -> None:
    block = a_block()
    before = block.features.tobytes()

    a_fitted_model(family, block=block)

    assert block.features.tobytes() == before
