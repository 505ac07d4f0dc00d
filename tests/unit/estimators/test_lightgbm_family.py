"""What is LightGBM's own: its file, its parameters, its graph."""

from __future__ import annotations

import lightgbm
import numpy as np
import onnx
import pytest

from fraud_detect.artifact.calibration import NoCalibration
from fraud_detect.artifact.scorer import Scorer
from fraud_detect.estimators.family import Block
from fraud_detect.estimators.lightgbm_native import NATIVE_FILE
from fraud_detect.estimators.registry import FAMILIES
from training_factories import a_block, a_fitted_model, fit_settings, some_features

FAMILY = "lightgbm"


def own_file(**parameters: float) -> str:
    return a_fitted_model(FAMILY, parameters=parameters).native_files()[NATIVE_FILE].decode()


def test_its_own_file_gives_the_same_scores() -> None:
    rows, model = a_block(seed=2).features, a_fitted_model(FAMILY)

    booster = lightgbm.Booster(model_str=model.native_files()[NATIVE_FILE].decode())

    assert booster.predict(rows).tolist() == model.scores(rows).tolist()


def test_rounds_that_early_stopping_cut_off_are_not_in_its_file() -> None:
    model = a_fitted_model(FAMILY, parameters={"num_round": 200, "early_stopping_rounds": 5})

    booster = lightgbm.Booster(model_str=model.native_files()[NATIVE_FILE].decode())

    assert booster.num_trees() == model.rounds < 200


@pytest.mark.parametrize(
    "parameters",
    [
        {"num_leaves": 3},
        {"max_depth": 1},
        {"eta": 0.3},
        {"min_data_in_leaf": 80},
        {"lambda": 50},
        {"subsample": 0.5},
        {"colsample_bytree": 0.4},
        {"max_bin": 4},
    ],
)
def test_parameters_reach_the_booster(parameters: dict[str, float]) -> None:
    assert own_file(**parameters) != own_file()


def test_its_file_does_not_tell_of_the_machine() -> None:
    assert "num_threads" not in own_file()


def test_it_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    a_fitted_model(FAMILY, parameters={"num_round": 50, "min_data_in_leaf": 140}).native_files()

    assert capfd.readouterr() == ("", "")


def test_the_graph_compares_in_float64() -> None:
    """LightGBM's thresholds lie between two numbers of training and need not be float32."""
    nodes = onnx.load_from_string(a_fitted_model(FAMILY).to_onnx()).graph.node

    assert [node.op_type for node in nodes] == ["Cast", "TreeEnsembleRegressor", "Sigmoid"]


@pytest.mark.parametrize("gaps_in_training", [False, True])
@pytest.mark.parametrize("shift", [-3, 3])
def test_a_missing_number_goes_the_same_way_in_the_graph(gaps_in_training: bool, shift: int) -> None:
    """Without gaps in training LightGBM takes a missing number for a 0, which is below or above the thresholds."""
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(500, 1)) + shift).astype(np.float32)
    labels = (features[:, 0] > shift + 1).astype(np.uint8)
    features[: 50 * gaps_in_training] = np.nan
    model = FAMILIES[FAMILY].fit(
        [Block(features, labels)], Block(features, labels), fit_settings(FAMILY, categories=[0])
    )
    rows = some_features([[np.nan], [0], [shift]])

    assert Scorer(model.to_onnx(), NoCalibration()).scores(rows) == pytest.approx(model.scores(rows), abs=1e-6)


def test_a_fit_that_runs_out_of_splits_ends() -> None:
    """LightGBM grows no tree when no split is left."""
    model = a_fitted_model(FAMILY, parameters={"num_round": 30, "min_data_in_leaf": 300})

    assert np.unique(model.scores(a_block().features)).size == 1
