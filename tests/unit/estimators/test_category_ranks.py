"""Ranks of categories: their order, what is missing, and the same in NumPy as in ONNX."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from fraud_detect.artifact.scorer import INPUT
from fraud_detect.estimators.category_ranks import RANKED, CategoryRanks
from fraud_detect.estimators.family import Block
from fraud_detect.schema import Float32Matrix
from training_factories import a_block, some_features


def by_onnx(ranks: CategoryRanks, features: Float32Matrix) -> Float32Matrix:
    nodes, constants = ranks.to_nodes()
    given, ranked = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None]) for name in (INPUT, RANKED))
    graph = helper.make_graph(nodes, "ranks", [given], [ranked], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run([RANKED], {INPUT: features})[0])


def test_categories_are_in_the_order_of_their_share_of_frauds() -> None:
    codes = np.repeat([0.0, 1, 2], 1_000).astype(np.float32)
    labels = np.zeros(3_000, dtype=np.uint8)
    labels[:500], labels[1_000:1_010], labels[2_000:2_100] = 1, 1, 1

    ranks = CategoryRanks.by_frauds(Block(codes.reshape(-1, 1), labels), [3])

    assert ranks.apply(some_features([[0], [1], [2]])).ravel().tolist() == [2, 0, 1]


def test_a_category_of_few_rows_is_near_the_average() -> None:
    """One fraud in one row is no 100 %: 60 of 100 say more."""
    codes = np.concatenate((np.zeros(100), [1], np.full(900, 2))).astype(np.float32)
    labels = np.zeros(len(codes), dtype=np.uint8)
    labels[:60], labels[100] = 1, 1

    ranks = CategoryRanks.by_frauds(Block(codes.reshape(-1, 1), labels), [3])

    assert ranks.apply(some_features([[0], [1], [2]])).ravel().tolist() == [2, 1, 0]


def test_without_labels_the_rarest_category_comes_first() -> None:
    ranks = CategoryRanks.by_rows(some_features([[0], [0], [2], [2], [2], [1]]), [3])

    assert ranks.apply(some_features([[0], [1], [2]])).ravel().tolist() == [1, 0, 2]


def test_a_category_without_rows_has_a_rank_too() -> None:
    ranks = CategoryRanks.by_frauds(Block(some_features([[0], [1]]), np.array([0, 1], dtype=np.uint8)), [5])

    assert sorted(ranks.apply(some_features([[0], [1], [2], [3], [4]])).ravel().tolist()) == [0, 1, 2, 3, 4]


def test_numbers_and_what_is_missing_stay_as_they_are() -> None:
    rows = some_features([[1.5, -3e38, np.nan], [np.nan, 2, 1]])
    ranks = CategoryRanks.by_rows(rows, [0, 0, 3])

    ranked = ranks.apply(rows)

    assert np.array_equal(ranked[:, :2], rows[:, :2], equal_nan=True)
    assert np.isnan(ranked[0, 2])


@pytest.mark.parametrize("categories", [[0, 0, 5], [0, 0, 0]])
def test_the_graph_gives_the_same_ranks(categories: list[int]) -> None:
    block = a_block(500)
    ranks = CategoryRanks.by_frauds(block, categories)

    assert np.array_equal(by_onnx(ranks, block.features), ranks.apply(block.features), equal_nan=True)


def test_the_graph_keeps_the_order_of_columns() -> None:
    rows = some_features([[1, 0.5, 0, np.nan], [0, 7, 2, 1], [np.nan, np.nan, np.nan, np.nan]])
    ranks = CategoryRanks.by_rows(rows, [2, 0, 3, 2])

    assert np.array_equal(by_onnx(ranks, rows), ranks.apply(rows), equal_nan=True)
