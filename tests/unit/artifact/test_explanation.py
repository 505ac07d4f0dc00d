"""An explanation graph gives contributions, and only a graph of ours is opened."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from onnx import TensorProto, helper

from factories import a_graph
from fraud_detect.artifact.explanation import CONTRIBUTIONS, EXPLANATION, Explanation
from fraud_detect.artifact.scorer import INPUT
from fraud_detect.errors import ArtifactError
from fraud_detect.estimators.onnx_graph import OF_FEATURES, explanation, tensors


def a_doubling_graph(base: float = 0.5) -> bytes:
    """Return a graph by which each of two features adds twice its value to `base`."""
    nodes = [
        helper.make_node("Cast", [INPUT], ["wide"], to=TensorProto.DOUBLE),
        helper.make_node("Mul", ["wide", "two"], [OF_FEATURES]),
    ]
    return explanation(nodes, tensors({"two": np.array(2.0)}), width=2, base=base)


def a_broken_graph(shape: Sequence[int]) -> bytes:
    """Return a graph that says what `a_doubling_graph` says, and gives zeros of another shape."""
    given = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, 2])
    gives = helper.make_tensor_value_info(CONTRIBUTIONS, TensorProto.DOUBLE, [None, 3])
    zeros = helper.make_tensor("zeros", TensorProto.DOUBLE, shape, [0.0] * int(np.prod(shape)))
    nodes = [helper.make_node("Constant", [], [CONTRIBUTIONS], value=zeros)]
    model = helper.make_model(
        helper.make_graph(nodes, "broken", [given], [gives]),
        opset_imports=[helper.make_opsetid("", 15)],
        ir_version=8,
    )
    return bytes(model.SerializeToString())


def test_each_feature_has_a_contribution_and_the_base_value_comes_last() -> None:
    rows = np.array([[1, -2], [0, 3]], dtype=np.float32)

    contributions = Explanation(a_doubling_graph(), 2).contributions(rows)

    assert contributions.dtype == np.float64
    assert contributions.tolist() == [[2, -4, 0.5], [0, 6, 0.5]]


def test_no_row_has_no_contributions() -> None:
    assert Explanation(a_doubling_graph(), 2).contributions(np.zeros((0, 2), np.float32)).shape == (0, 3)


def test_a_graph_of_another_width_is_refused() -> None:
    with pytest.raises(ArtifactError, match=rf"{EXPLANATION} takes tensor\(float\).*float32 rows of 3 features"):
        Explanation(a_doubling_graph(), 3)


@pytest.mark.parametrize("base", [np.nan, np.inf])
def test_a_graph_that_gives_no_finite_numbers_is_refused(base: float) -> None:
    with pytest.raises(ArtifactError, match="not finite"):
        Explanation(a_doubling_graph(base), 2)


def test_a_graph_that_gives_another_shape_than_it_says_is_refused() -> None:
    with pytest.raises(ArtifactError, match=EXPLANATION):
        Explanation(a_broken_graph([1, 3]), 2)


def test_a_graph_of_scores_is_no_explanation() -> None:
    with pytest.raises(ArtifactError, match=f"expected input features, output {CONTRIBUTIONS}"):
        Explanation(a_graph(2), 2)


def test_bytes_that_are_no_graph_are_refused_by_their_name() -> None:
    with pytest.raises(ArtifactError, match=f"{EXPLANATION} is no ONNX graph"):
        Explanation(b"\xff\xff", 2)
