"""Scores in log-odds come from the graph where it gives them, else from the score."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from factories import a_graph
from fraud_detect.artifact.calibration import NoCalibration
from fraud_detect.artifact.scorer import INPUT, OUTPUT, RAW_OUTPUT, Scorer
from fraud_detect.errors import ArtifactError


def a_graph_of_both(*, raw_shape: tuple[int | None, ...] = (None, 1)) -> bytes:
    """Return a graph over one feature that gives it as log-odds, and its sigmoid as score."""
    graph = helper.make_graph(
        [helper.make_node("Sigmoid", [INPUT], [OUTPUT]), helper.make_node("Identity", [INPUT], [RAW_OUTPUT])],
        "both",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, 1])],
        [
            helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 1]),
            helper.make_tensor_value_info(RAW_OUTPUT, TensorProto.FLOAT, raw_shape),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    return bytes(model.SerializeToString())


def test_log_odds_of_the_graph_are_given_as_they_are() -> None:
    """Beyond what the score can tell apart: in float32, the sigmoid of 20 and of 30 is 1."""
    rows = np.array([[-30], [0.5], [20], [30]], dtype=np.float32)

    raw_scores = Scorer(a_graph_of_both(), NoCalibration()).raw_scores(rows)

    assert raw_scores.dtype == np.float64
    assert raw_scores.tolist() == [-30, 0.5, 20, 30]


def test_without_them_they_are_the_log_odds_of_the_score() -> None:
    rows = np.array([[-3, 0], [0.5, 0], [30, 0]], dtype=np.float32)

    raw_scores = Scorer(a_graph(2), NoCalibration()).raw_scores(rows)

    assert raw_scores[:2] == pytest.approx([-3, 0.5], abs=1e-5)
    assert np.isfinite(raw_scores).all()


def test_log_odds_of_several_columns_are_refused() -> None:
    scorer = Scorer(a_graph_of_both(raw_shape=(None, 2)), NoCalibration())

    with pytest.raises(ArtifactError, match="one float32 score a row"):
        scorer.check_fit(1)
