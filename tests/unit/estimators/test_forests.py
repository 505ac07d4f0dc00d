"""What is the forests' own: their steps, their parameters, their graph, what they are grown on."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from fraud_detect.artifact.calibration import NoCalibration
from fraud_detect.artifact.scorer import Scorer
from fraud_detect.estimators.family import Block, Hooks, Round
from fraud_detect.estimators.registry import FAMILIES
from training_factories import a_block, a_fitted_model, fit_settings, some_features

FORESTS = ("random_forest", "balanced_random_forest", "extra_trees", "isolation_forest")
forests = pytest.mark.parametrize("family", FORESTS)
trees = pytest.mark.parametrize("family", ["decision_tree", *FORESTS[:3]])


@forests
def test_a_large_forest_is_told_of_in_steps(family: str) -> None:
    rounds: list[Round] = []

    a_fitted_model(family, hooks=Hooks(on_round=rounds.append), parameters={"n_estimators": 65})

    assert len(rounds) == 20
    assert [rounds[0].number, rounds[-1].number] == [3, 65]


@pytest.mark.parametrize("family", ["random_forest", "extra_trees", "isolation_forest"])
def test_a_forest_that_is_stopped_is_the_beginning_of_the_whole_one(family: str) -> None:
    stopped = a_fitted_model(family, hooks=Hooks(should_stop=lambda: True), parameters={"n_estimators": 60})

    assert stopped.to_onnx() == a_fitted_model(family, parameters={"n_estimators": 3}).to_onnx()


@forests
def test_no_tree_is_grown_twice_in_different_steps(family: str) -> None:
    model: Any = a_fitted_model(family, parameters={"n_estimators": 60}).model  # type: ignore[attr-defined]

    assert len({tree.tree_.threshold.tobytes() for tree in model.estimators_}) == 60


@forests
def test_threads_change_nothing(family: str) -> None:
    assert a_fitted_model(family, threads=3).to_onnx() == a_fitted_model(family, threads=1).to_onnx()


@trees
@pytest.mark.parametrize("parameters", [{"max_depth": 2}, {"min_samples_leaf": 40}, {"criterion": "entropy"}])
def test_parameters_reach_the_trees(family: str, parameters: dict[str, object]) -> None:
    block, all_columns = a_block(600), {} if family == "decision_tree" else {"max_features": 1.0}
    plain = {"max_depth": 6, **all_columns}

    changed = a_fitted_model(family, block=block, parameters={**plain, **parameters})

    assert changed.to_onnx() != a_fitted_model(family, block=block, parameters=plain).to_onnx()


@pytest.mark.parametrize(
    ("family", "parameters"),
    [
        ("decision_tree", {"ccp_alpha": 0.02}),
        ("random_forest", {"max_samples": 0.3}),
        ("random_forest", {"max_features": 1.0}),
        ("extra_trees", {"max_features": 1.0}),
        ("balanced_random_forest", {"sampling_strategy": 0.5}),
        ("isolation_forest", {"max_samples": 32}),
        ("isolation_forest", {"max_features": 0.4}),
    ],
)
def test_parameters_of_one_family_reach_it(family: str, parameters: dict[str, float]) -> None:
    assert a_fitted_model(family, parameters=parameters).to_onnx() != a_fitted_model(family).to_onnx()


def test_without_a_limit_a_column_is_drawn_of_all_and_a_row_of_all() -> None:
    """As numbers, 1 is one column and one row to scikit-learn, and 1.0 is all of them."""
    declared = (FAMILIES[name].parameters.model_fields for name in ("random_forest", "isolation_forest"))

    assert [
        type(fields[name].default) for fields, name in zip(declared, ("max_samples", "max_features"), strict=True)
    ] == [
        float,
        float,
    ]


def test_a_decision_tree_is_one_tree_with_the_share_of_frauds_in_its_leaves() -> None:
    block = Block(some_features([[0]] * 4 + [[1]] * 4), np.array([0, 0, 0, 1, 1, 1, 0, 1], dtype=np.uint8))
    settings = fit_settings("decision_tree", categories=[0], parameters={"min_samples_leaf": 1})

    model = FAMILIES["decision_tree"].fit([block], block, settings)

    assert model.scores(some_features([[0], [1]])).tolist() == [0.25, 0.75]


def test_a_balanced_forest_is_grown_on_as_many_legitimate_rows_as_frauds() -> None:
    block = Block(np.zeros((1_000, 1), dtype=np.float32), (np.arange(1_000) < 20).astype(np.uint8))

    model = FAMILIES["balanced_random_forest"].fit(
        [block], block, fit_settings("balanced_random_forest", categories=[0])
    )

    assert model.scores(block.features[:1]) == pytest.approx([0.5])


def test_a_balanced_forest_does_not_mind_more_frauds_than_legitimate_rows() -> None:
    block = a_block()
    turned = Block(block.features, 1 - block.labels)

    scores = a_fitted_model("balanced_random_forest", block=turned).scores(block.features)

    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("spread", [50, -50])
def test_an_isolation_forest_finds_what_lies_apart(spread: int) -> None:
    validation = Block(a_block().features[:, :2].copy(), a_block().labels)
    legitimate = Block(np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32), np.zeros(500, dtype=np.uint8))

    model = FAMILIES["isolation_forest"].fit(
        [legitimate], validation, fit_settings("isolation_forest", categories=[0, 0])
    )

    apart, amid = model.scores(some_features([[spread, spread], [0, 0]]))
    assert amid < 0.5 < apart


def test_an_isolation_forest_never_sees_a_fraud() -> None:
    block = a_block()
    other = Block(np.where((block.labels == 1)[:, None], np.float32(3), block.features), block.labels)

    models = [a_fitted_model("isolation_forest", block=each) for each in (block, other)]

    assert models[0].to_onnx() == models[1].to_onnx()


@pytest.mark.parametrize("parameters", [{}, {"max_features": 0.4}, {"max_samples": 2}, {"n_estimators": 1}])
def test_path_lengths_are_those_of_scikit_learn(parameters: dict[str, float]) -> None:
    model, rows = (
        a_fitted_model("isolation_forest", block=a_block(900), parameters=parameters),
        a_block(seed=4).features,
    )

    assert Scorer(model.to_onnx(), NoCalibration()).scores(rows) == pytest.approx(model.scores(rows), abs=1e-6)


def test_a_graph_without_categories_has_no_ranks() -> None:
    block = a_block()
    numbers = Block(block.features[:, :2].copy(), block.labels)

    model = FAMILIES["random_forest"].fit([numbers], numbers, fit_settings("random_forest", categories=[0, 0]))

    nodes = onnx.load_from_string(model.to_onnx()).graph.node
    assert [node.op_type for node in nodes] == ["Identity", "Cast", "TreeEnsembleRegressor"]
