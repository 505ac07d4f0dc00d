"""Preparation computes the same in NumPy and in ONNX."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from fraud_detect.artifact.scorer import INPUT
from fraud_detect.estimators.family import Block
from fraud_detect.estimators.preparation import FARTHEST, PREPARED, SCALINGS, Preparation
from fraud_detect.schema import Float32Matrix, Float64Matrix
from training_factories import a_block, some_features

CATEGORIES = (0, 0, 5)
scalings = pytest.mark.parametrize("scaling", SCALINGS)


def prepared_by_graph(preparation: Preparation, rows: Float32Matrix) -> Float64Matrix:
    onnxruntime = pytest.importorskip("onnxruntime")
    nodes, constants = preparation.to_nodes()
    given = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, rows.shape[1]])
    prepared = helper.make_tensor_value_info(PREPARED, TensorProto.DOUBLE, [None, preparation.width])
    graph = helper.make_graph(nodes, "preparation", [given], [prepared], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (result,) = session.run([PREPARED], {INPUT: rows})
    return np.asarray(result)


def a_preparation(scaling: str = "standard") -> Preparation:
    return Preparation.of([a_block(), a_block(100, seed=3)], CATEGORIES, scaling)


@scalings
def test_the_graph_prepares_rows_bit_for_bit(scaling: str) -> None:
    preparation = a_preparation(scaling)
    extreme = some_features([[3e38, -3e38, 0], [np.nan, np.nan, np.nan], [0, 1e-45, 4], [-0.0, 0.0, 7]])
    rows = np.concatenate((a_block(seed=5).features, extreme))

    assert prepared_by_graph(preparation, rows).tobytes() == preparation.apply(rows).tobytes()


def test_numbers_have_mean_0_and_deviation_1_where_none_is_missing() -> None:
    block = a_block()

    prepared = Preparation.of([block], CATEGORIES, "standard").apply(block.features)

    assert prepared[:, 0].mean() == pytest.approx(0, abs=1e-9)
    assert prepared[:, 0].std() == pytest.approx(1)


def test_numbers_lie_between_0_and_1_by_their_minimum_and_maximum() -> None:
    block = a_block()

    prepared = Preparation.of([block], CATEGORIES, "min_max").apply(block.features)

    assert (prepared[:, :2].min(), prepared[:, :2].max()) == (0, 1)


def test_without_scaling_numbers_stay_as_they_are() -> None:
    rows = some_features([[3e38, -2.5, 1]])

    assert a_preparation("none").apply(rows)[0, :2].tolist() == rows[0, :2].tolist()


def test_a_missing_number_is_the_mean_of_the_others() -> None:
    block = a_block()
    mean = np.nanmean(block.features[:, 1], dtype=np.float64)

    prepared = Preparation.of([block], CATEGORIES, "none").apply(some_features([[0, np.nan, 0]]))

    assert prepared[0, 1] == pytest.approx(mean)


def test_a_category_is_a_column_for_each_code_in_its_place() -> None:
    preparation = Preparation.of([Block(some_features([[0, 1], [2, 1]]), np.zeros(2, np.uint8))], (3, 0), "none")

    prepared = preparation.apply(some_features([[1, 7], [np.nan, 8]]))

    assert prepared.tolist() == [[0, 1, 0, 7], [0, 0, 0, 8]]
    assert preparation.sources.tolist() == [0, 0, 0, 1]


@scalings
def test_a_column_of_one_value_or_of_none_stays_finite(scaling: str) -> None:
    block = Block(some_features([[2, np.nan, 0], [2, np.nan, 0]]), np.zeros(2, np.uint8))

    prepared = Preparation.of([block], (0, 0, 0), scaling).apply(block.features)

    assert np.isfinite(prepared).all()


def test_numbers_far_outside_are_kept_within_bounds() -> None:
    prepared = a_preparation().apply(some_features([[3e38, -3e38, 0]]))

    assert prepared[0, :2].tolist() == [FARTHEST, -FARTHEST]
