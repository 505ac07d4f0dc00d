"""What every family of models must do, whatever its library."""

from __future__ import annotations

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
families = pytest.mark.parametrize("family", FAMILIES)


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


@families
def test_it_learns_numbers_gaps_and_categories(family: str) -> None:
    test = a_block(2_000, seed=2)

    scores = a_fitted_model(family, block=a_block(2_000), rounds=30).scores(test.features)

    assert average_precision_of(test.labels, scores) > 2 * test.labels.mean()


@families
def test_a_category_counts_as_such_and_not_as_a_number(family: str) -> None:
    """Frauds stand in every other category: a single split tells them apart only as a set."""
    code = np.arange(400) % 6
    block = Block(code.astype(np.float32).reshape(-1, 1), (code % 2).astype(np.uint8))

    model = FAMILIES[family](
        [block], block, fit_settings(categorical=[True], rounds=1, parameters={"max_bin": 256, "max_depth": 1})
    )

    assert average_precision_of(block.labels, model.scores(block.features)) == 1


@families
def test_the_export_scores_as_the_model(family: str) -> None:
    """On rows with gaps, on categories, and on numbers far outside of training."""
    rows = a_block(2_000, seed=5).features
    extreme = some_features([[3e38, -3e38, 0], [np.nan, np.nan, np.nan], [0, 1e-45, 4], [-0.0, 0.0, np.nan]])

    assert largest_difference(a_fitted_model(family), np.concatenate((rows, extreme))) < PARITY


@families
@pytest.mark.parametrize("categories", [2, 3, 60, 1_000])
def test_the_export_holds_any_number_of_categories(family: str, categories: int) -> None:
    block = a_block(4_000, categories=categories)

    assert largest_difference(a_fitted_model(family, block=block), block.features) < PARITY


@families
def test_the_export_of_a_deep_model_scores_as_the_model(family: str) -> None:
    block = a_block(2_000)
    model = a_fitted_model(family, block=block, rounds=40, parameters={"max_bin": 1024, "max_depth": 12, "eta": 0.5})

    assert largest_difference(model, block.features) < PARITY


@families
def test_a_model_that_learned_nothing_scores_the_share_of_frauds(family: str) -> None:
    """Constant features leave trees of one leaf, which the export must hold too."""
    block = Block(np.zeros((100, 3), dtype=np.float32), (np.arange(100) < 7).astype(np.uint8))

    model = FAMILIES[family]([block], block, fit_settings())

    assert model.scores(block.features) == pytest.approx(np.full(100, 0.07), abs=1e-4)
    assert largest_difference(model, block.features) < PARITY


@families
def test_the_export_does_not_depend_on_the_number_of_rows_at_a_time(family: str) -> None:
    model, rows = a_fitted_model(family), a_block(seed=5).features
    scorer = Scorer(model.to_onnx(), NoCalibration())

    one_by_one = np.concatenate([scorer.scores(rows[place : place + 1]) for place in range(50)])

    assert one_by_one.tolist() == scorer.scores(rows)[:50].tolist()


@families
def test_every_round_is_told_with_its_figures(family: str) -> None:
    rounds, hooks = recorder()
    validation = a_block(seed=1)

    model = a_fitted_model(family, hooks=hooks, rounds=4)

    assert [done.number for done in rounds] == [1, 2, 3, 4]
    expected = average_precision_of(validation.labels, model.scores(validation.features))
    assert rounds[-1].validation_average_precision == pytest.approx(expected, abs=1e-6)


@families
def test_figures_of_training_are_of_the_real_rows_alone(family: str) -> None:
    rounds, hooks = recorder()
    real, synthetic = a_block(), a_block(50, seed=3)
    frauds = Block(synthetic.features, np.ones(50, dtype=np.uint8))

    model = FAMILIES[family]([real, frauds], a_block(seed=1), fit_settings(hooks=hooks, rounds=3))

    expected = average_precision_of(real.labels, model.scores(real.features))
    assert rounds[-1].train_average_precision == pytest.approx(expected, abs=1e-6)


@families
def test_synthetic_rows_are_learned_from(family: str) -> None:
    real, synthetic = a_block(), a_block(100, seed=3)
    frauds = Block(synthetic.features, np.ones(100, dtype=np.uint8))

    with_them = FAMILIES[family]([real, frauds], a_block(seed=1), fit_settings())

    assert with_them.scores(real.features).mean() > 1.2 * a_fitted_model(family).scores(real.features).mean()


@families
def test_early_stopping_keeps_the_best_round(family: str) -> None:
    rounds, hooks = recorder()
    validation = a_block(seed=1)

    model = a_fitted_model(family, hooks=hooks, rounds=200, early_stopping_rounds=5)

    best = max(rounds, key=lambda done: done.validation_average_precision)
    assert (model.rounds, len(rounds)) == (best.number, best.number + 5)
    kept = average_precision_of(validation.labels, model.scores(validation.features))
    assert kept == pytest.approx(best.validation_average_precision, abs=1e-6)


@families
def test_without_early_stopping_all_rounds_are_kept(family: str) -> None:
    assert a_fitted_model(family, rounds=60, early_stopping_rounds=0).rounds == 60


@families
@pytest.mark.parametrize("early_stopping_rounds", [0, 5])
@pytest.mark.parametrize("asked_after", [1, 3])
def test_a_stop_ends_the_fit_after_the_round(family: str, early_stopping_rounds: int, asked_after: int) -> None:
    rounds, hooks = stopping_after(asked_after)

    model = a_fitted_model(family, hooks=hooks, rounds=50, early_stopping_rounds=early_stopping_rounds)

    best = max(rounds, key=lambda done: done.validation_average_precision).number
    assert len(rounds) == asked_after
    assert model.rounds == (best if early_stopping_rounds else asked_after)


@families
def test_the_same_seed_gives_the_same_bytes(family: str) -> None:
    drawn = {"max_bin": 256, "max_depth": 4, "subsample": 0.5, "colsample_bytree": 0.5}
    first, second = (a_fitted_model(family, seed=7, parameters=drawn) for _ in range(2))

    assert first.to_onnx() == second.to_onnx()
    assert first.native_files() == second.native_files()


@families
def test_another_seed_gives_another_model(family: str) -> None:
    drawn = {"max_bin": 256, "max_depth": 4, "subsample": 0.5}

    first, second = (a_fitted_model(family, seed=seed, parameters=drawn) for seed in (7, 8))

    assert first.to_onnx() != second.to_onnx()


@families
def test_rows_that_are_given_are_left_as_they_are(family: str) -> None:
    block = a_block()
    before = block.features.tobytes()

    a_fitted_model(family, block=block)

    assert block.features.tobytes() == before
