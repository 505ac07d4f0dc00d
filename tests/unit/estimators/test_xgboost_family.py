"""What is XGBoost's own: its file, its parameters, its graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import xgboost

from fraud_detect.artifact.scorer import INPUT, OUTPUT, RAW_OUTPUT
from fraud_detect.errors import SettingError
from fraud_detect.estimators import xgboost as xgboost_family
from fraud_detect.estimators import xgboost_matrices
from fraud_detect.estimators.xgboost import NATIVE_FILE, FittedXGBoost
from fraud_detect.estimators.xgboost_onnx import to_onnx
from training_factories import a_block, a_fitted_model


def test_its_own_file_gives_the_same_scores() -> None:
    rows = a_block(seed=2).features
    model = a_fitted_model()

    booster = xgboost.Booster(model_file=bytearray(model.native_files()[NATIVE_FILE]))

    assert booster.inplace_predict(rows).tolist() == model.scores(rows).tolist()


def test_rounds_that_early_stopping_cut_off_are_not_in_its_file() -> None:
    model = a_fitted_model(parameters={"num_round": 200, "early_stopping_rounds": 5})

    booster = xgboost.Booster(model_file=bytearray(model.native_files()[NATIVE_FILE]))

    assert booster.num_boosted_rounds() == model.rounds < 200


@pytest.mark.parametrize(
    "parameters",
    [{"max_depth": 2}, {"max_leaves": 3, "grow_policy": "lossguide"}, {"lambda": 50}],
)
def test_parameters_reach_the_booster(parameters: dict[str, float | int | str]) -> None:
    rows = a_block(seed=2).features

    changed = a_fitted_model(parameters=parameters)

    assert changed.scores(rows).tolist() != a_fitted_model().scores(rows).tolist()


def test_frauds_that_weigh_more_score_higher() -> None:
    rows = a_block(seed=2).features

    assert a_fitted_model(fraud_weight=5).scores(rows).mean() > 1.2 * a_fitted_model().scores(rows).mean()


def test_cuda_is_refused_where_xgboost_is_built_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xgboost, "build_info", lambda: {"USE_CUDA": False})

    with pytest.raises(SettingError, match=r"built without CUDA; expected XGBoost with CUDA, .* Set device=auto"):
        a_fitted_model(parameters={"device": "cuda"})


def test_without_a_gpu_auto_is_the_cpu_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    chosen = a_fitted_model(parameters={"device": "auto"})

    assert chosen.native_files() == a_fitted_model(parameters={"device": "cpu"}).native_files()
    assert "device=auto: trees are grown on the CPU, since" in caplog.text


def test_cuda_is_refused_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xgboost, "build_info", lambda: {"USE_CUDA": True})
    monkeypatch.setattr(xgboost_family, "DRIVER", "libnothing.so.1")

    with pytest.raises(SettingError, match=r"CUDA finds no GPU here"):
        a_fitted_model(parameters={"device": "cuda"})


def test_the_graph_uses_standard_operators_alone() -> None:
    model = onnx.load_from_string(a_fitted_model().to_onnx())

    assert {opset.domain: opset.version for opset in model.opset_import} == {"": 15, "ai.onnx.ml": 3}
    assert [node.op_type for node in model.graph.node] == ["TreeEnsembleRegressor", "Sigmoid"]


def test_the_graph_names_neither_machine_nor_time() -> None:
    model = onnx.load_from_string(a_fitted_model().to_onnx())

    assert (model.producer_version, model.doc_string, list(model.metadata_props)) == ("", "", [])


def test_the_graph_goes_from_features_to_the_score_and_its_log_odds() -> None:
    graph = onnx.load_from_string(a_fitted_model().to_onnx()).graph

    assert [[value.name for value in values] for values in (graph.input, graph.output)] == [
        [INPUT],
        [OUTPUT, RAW_OUTPUT],
    ]


def test_the_graph_grows_with_the_size_of_category_sets_and_no_faster() -> None:
    """A set of categories is a chain of equalities, one for each category."""
    model = a_fitted_model(block=a_block(4_000, categories=500), categories=[0, 0, 500], parameters={"num_round": 5})
    assert isinstance(model, FittedXGBoost)
    splits = model.booster.trees_to_dataframe().query("Feature != 'Leaf'")["Category"]
    members = sum(len(chosen) if isinstance(chosen, list) else 1 for chosen in splits)
    leaves = len(model.booster.trees_to_dataframe()) - len(splits)

    (tree_node, _) = onnx.load_from_string(to_onnx(model.booster, 3)).graph.node

    modes = next(attribute.strings for attribute in tree_node.attribute if attribute.name == "nodes_modes")
    assert len(modes) == members + leaves
    assert np.count_nonzero([mode == b"LEAF" for mode in modes]) == leaves


def test_rows_on_disk_give_the_same_model_and_leave_nothing_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xgboost_matrices, "ROWS_OF_A_PIECE", 70)

    model = a_fitted_model(scratch=tmp_path)

    assert model.native_files() == a_fitted_model().native_files()
    assert list(tmp_path.iterdir()) == []
