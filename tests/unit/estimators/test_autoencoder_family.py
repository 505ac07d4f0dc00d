"""What is an autoencoder's own: it learns legitimate rows, epoch by epoch, and scores what it cannot rebuild."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from fraud_detect.artifact.calibration import NoCalibration
from fraud_detect.artifact.scorer import Scorer
from fraud_detect.errors import HyperparameterError, TableError
from fraud_detect.estimators import autoencoder
from fraud_detect.estimators.autoencoder import Autoencoder, AutoencoderParameters
from fraud_detect.estimators.family import Block, Hooks, Round
from fraud_detect.tables.read import read_training
from fraud_detect.tables.request import ColumnRequest
from fraud_detect.training.candidate import Procedure
from fraud_detect.training.cross_validation import cross_validation
from fraud_detect.training.parameters import Hyperparameters
from training_factories import REPOSITORY, a_block, a_fitted_model, fit_settings, some_features

SHARED = Path(os.environ.get("FRAUD_DETECT_DATA", REPOSITORY.parent / "shared" / "data"))
CARDS = SHARED / "creditcard_sample" / "creditcard_sample.csv.gz"


def a_line(rows: int, *, seed: int = 0) -> Block:
    """Return legitimate rows on a line, and a tenth of them, frauds, beside it."""
    rng = np.random.default_rng(seed)
    place, fraud = rng.random((rows, 1)), rng.random(rows) < 0.1
    line = np.hstack((place, 1 - place, place, 2 * place))
    features = np.where(fraud[:, np.newaxis], rng.random(line.shape), line)
    return Block(features.astype(np.float32), fraud.astype(np.uint8))


def a_fit(
    block: Block, validation: Block | None = None, *, hooks: Hooks | None = None, rounds: int | None = None, **own: Any
) -> Autoencoder:
    settings = fit_settings(
        "autoencoder",
        categories=[0] * block.features.shape[1],
        parameters={"max_iter": 100, **own},
        rounds=rounds,
        hooks=hooks or Hooks(),
    )
    return autoencoder.fit([block], validation or block, settings)


def test_rows_that_are_unlike_legitimate_ones_score_higher() -> None:
    test = a_line(1_000, seed=2)

    model = a_fit(a_line(500), a_line(200, seed=1), learning_rate_init=0.01, layers="8,4,8", max_iter=40)

    scores = model.scores(test.features)

    assert np.median(scores[test.labels == 1]) > 3 * np.median(scores[test.labels == 0])


def test_it_learns_from_legitimate_rows_alone() -> None:
    block = a_line(500)
    legitimate = Block(block.features[block.labels == 0], block.labels[block.labels == 0])

    scores = [a_fit(each, a_line(200, seed=1), max_iter=3).scores(block.features) for each in (block, legitimate)]

    assert scores[0].tolist() == scores[1].tolist()


def test_synthetic_frauds_are_passed_over() -> None:
    block, frauds = a_line(300), Block(a_line(50, seed=3).features, np.ones(50, dtype=np.uint8))
    settings = fit_settings("autoencoder", categories=[0] * 4, parameters={"max_iter": 2})

    models = [autoencoder.fit(blocks, block, settings) for blocks in ([block], [block, frauds])]

    assert models[0].to_onnx() == models[1].to_onnx()


def test_the_epoch_with_the_smallest_error_on_legitimate_validation_rows_is_kept() -> None:
    block, validation = a_line(60), a_line(200, seed=1)
    legitimate = validation.features[validation.labels == 0]
    rounds: list[Round] = []

    kept = a_fit(
        block, validation, hooks=Hooks(rounds.append), n_iter_no_change=3, learning_rate_init=0.05, max_iter=20
    )

    errors = [
        a_fit(block, validation, rounds=epoch, learning_rate_init=0.05).errors(legitimate).mean()
        for epoch in range(1, len(rounds) + 1)
    ]
    assert kept.rounds == 1 + int(np.argmin(errors))
    assert len(rounds) in (20, kept.rounds + 3)


def test_without_early_stopping_the_last_epoch_is_kept() -> None:
    assert a_fit(a_line(60), n_iter_no_change=0, max_iter=30, learning_rate_init=0.05).rounds == 30


def test_a_stop_ends_the_fit_after_the_epoch() -> None:
    rounds: list[Round] = []

    model = a_fit(a_line(60), hooks=Hooks(rounds.append, lambda: len(rounds) >= 2), n_iter_no_change=0)

    assert (model.rounds, len(rounds)) == (2, 2)


def test_the_usual_error_is_the_mean_of_legitimate_training_rows() -> None:
    block = a_line(300)

    model = a_fit(block, max_iter=3)

    assert model.usual_error == pytest.approx(model.errors(block.features[block.labels == 0]).mean())


def test_gaps_count_as_means_and_each_row_stands_alone() -> None:
    block = a_block(500)
    model = autoencoder.fit([block], block, fit_settings("autoencoder", parameters={"max_iter": 3}))
    rows = some_features([[np.nan, np.nan, np.nan], [0, np.nan, 1], [1, 2, 3]])

    one_by_one = [model.scores(rows[place : place + 1])[0] for place in range(3)]

    assert model.scores(rows) == pytest.approx(one_by_one)
    assert np.isfinite(one_by_one).all()


@pytest.mark.parametrize(
    ("layers", "width", "expected"),
    [
        ("13,6,6,13", 30, (13, 6, 6, 13)),
        ("7", 30, (7,)),
        ("8, 4, 8", 30, (8, 4, 8)),
        ("auto", 30, (12,)),
        ("auto", 1, (4,)),
        ("auto", 1_000, (32,)),
    ],
)
def test_layers_are_widths_or_follow_from_the_columns(layers: str, width: int, expected: tuple[int, ...]) -> None:
    assert AutoencoderParameters(layers=layers).widths(width) == expected


@pytest.mark.parametrize("layers", ["", "0", "13,,6", "13;6", "-1", "1e3", "99999", ",".join(["3"] * 11), "\u0663"])
def test_other_layers_are_refused(layers: str) -> None:
    with pytest.raises(ValidationError, match="1 to 10 widths"):
        AutoencoderParameters(layers=layers)


@pytest.mark.parametrize("activation", ["tanh", "relu", "identity"])
def test_the_graph_rebuilds_by_the_activation_of_the_network(activation: str) -> None:
    model, rows = a_fitted_model("autoencoder", parameters={"activation": activation}), a_block(seed=5).features

    assert Scorer(model.to_onnx(), NoCalibration()).scores(rows) == pytest.approx(model.scores(rows), abs=1e-7)


def test_activations_differ() -> None:
    rows = a_block(seed=5).features
    tanh, relu = (a_fitted_model("autoencoder", parameters={"activation": name}) for name in ("tanh", "relu"))

    assert tanh.scores(rows).tolist() != relu.scores(rows).tolist()


def test_a_single_column_is_rebuilt_too() -> None:
    rows = np.linspace(0, 1, 50, dtype=np.float32).reshape(-1, 1)

    assert a_fit(Block(rows, np.zeros(50, dtype=np.uint8)), max_iter=3).scores(rows).shape == (50,)


def test_a_step_size_with_which_it_does_not_learn_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("Solver produced non-finite parameter weights.")

    monkeypatch.setattr("sklearn.neural_network.MLPRegressor.partial_fit", fail)

    with pytest.raises(HyperparameterError, match=r"learning_rate_init=0\.5"):
        a_fit(a_line(50), learning_rate_init=0.5)


def test_without_legitimate_rows_there_is_nothing_to_learn() -> None:
    frauds = Block(some_features([[1.0], [2.0]]), np.ones(2, dtype=np.uint8))

    with pytest.raises(TableError, match="no legitimate row"):
        a_fit(frauds)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not CARDS.is_file(), reason="the card sample is not here")
def test_on_the_card_sample_the_area_under_the_curve_is_at_least_0_95() -> None:
    """By the defaults, in the mean of five folds, exact duplicates on one side."""
    table = read_training(CARDS, ColumnRequest())
    parameters = Hyperparameters.model_validate({"algorithm": "autoencoder", "cv_folds": 5})

    found = cross_validation(table.rows, Procedure(table.schema, parameters, threads=1))

    assert found["mean"]["roc_auc"] >= 0.95
