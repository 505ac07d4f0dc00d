"""An ONNX graph scores rows, on one thread, and only a graph of ours is opened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from factories import a_graph, an_artifact
from fraud_detect.artifact import bundle
from fraud_detect.artifact.calibration import NoCalibration, SigmoidCalibration
from fraud_detect.artifact.scorer import INPUT, OUTPUT, Scorer, open_session
from fraud_detect.errors import ArtifactError


def a_passing_graph(*, given: str = INPUT, gives: str = OUTPUT) -> bytes:
    """Return a graph that hands its input on, under other names."""
    shape = [None, 1]
    graph = helper.make_graph(
        [helper.make_node("Identity", [given], [gives])],
        "passing",
        [helper.make_tensor_value_info(given, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(gives, TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    return bytes(model.SerializeToString())


def test_a_row_has_one_score_whatever_the_shape_of_the_output() -> None:
    rows = np.array([[0.25], [0.75]], dtype=np.float32)

    scores = Scorer(a_passing_graph(), NoCalibration()).scores(rows)

    assert scores.dtype == np.float64
    assert scores.tolist() == [0.25, 0.75]


def test_probabilities_are_calibrated_scores(tmp_path: Path) -> None:
    an_artifact(tmp_path, calibration={"method": "sigmoid", "slope": 2.0, "intercept": 1.0})
    rows = np.array([[-1, 0], [2, 0]], dtype=np.float32)

    scorer = Scorer.open(bundle.read(tmp_path))

    expected = SigmoidCalibration(slope=2, intercept=1).apply(scorer.scores(rows))
    assert scorer.probabilities(rows).tolist() == expected.tolist()


def test_a_session_has_one_thread() -> None:
    options = open_session(a_graph(2)).get_session_options()

    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


@pytest.mark.parametrize("graph", [b"", b"no graph", a_graph(2)[:50]])
def test_bytes_that_are_no_graph_are_refused(graph: bytes) -> None:
    with pytest.raises(ArtifactError, match="cannot load"):
        open_session(graph)


@pytest.mark.parametrize("graph", [a_passing_graph(given="x"), a_passing_graph(gives="label")])
def test_a_graph_of_another_make_is_refused(graph: bytes) -> None:
    with pytest.raises(ArtifactError, match="expected input features, output score"):
        open_session(graph)
