"""An ONNX graph scores rows, on one thread, and only a graph of ours is opened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from factories import a_graph, a_number, a_schema, an_artifact
from fraud_detect.artifact import bundle
from fraud_detect.artifact.calibration import NoCalibration, SigmoidCalibration
from fraud_detect.artifact.manifest import MODEL
from fraud_detect.artifact.scorer import INPUT, OUTPUT, ROWS_AT_A_TIME, Scorer, open_session
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


@pytest.mark.parametrize("rows", [0, 1, ROWS_AT_A_TIME, ROWS_AT_A_TIME + 1, 2 * ROWS_AT_A_TIME])
def test_any_number_of_rows_is_scored_in_their_order(rows: int) -> None:
    values = np.linspace(0, 1, rows, dtype=np.float32).reshape(-1, 1)

    scores = Scorer(a_passing_graph(), NoCalibration()).scores(values)

    assert scores.tolist() == values[:, 0].tolist()


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
    with pytest.raises(ArtifactError, match=r"cannot load|no ONNX graph"):
        open_session(graph)


@pytest.mark.parametrize("graph", [a_passing_graph(given="x"), a_passing_graph(gives="label")])
def test_a_graph_of_another_make_is_refused(graph: bytes) -> None:
    with pytest.raises(ArtifactError, match="expected input features, output score"):
        open_session(graph)


def an_artifact_with(tmp_path: Path, operator: str, *inputs: str) -> bundle.Artifact:
    """Return an artifact whose score is what `operator` makes of its one feature and `inputs`."""
    graph = helper.make_graph(
        [helper.make_node(operator, [INPUT, *inputs], [OUTPUT])],
        "one_operator",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor("three", TensorProto.FLOAT, [3, 1], [0.0] * 3)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    an_artifact(tmp_path, schema=a_schema(a_number("amount")), files={MODEL: model.SerializeToString()})
    return bundle.read(tmp_path)


@pytest.mark.parametrize(
    ("operator", "inputs", "fault"),
    [
        ("Add", ["three"], "cannot score a row"),
        ("Acos", [], r"gives \[1.57[0-9]*, 1.57[0-9]*\]"),
        ("Log", [], r"gives \[-inf, -inf\]"),
    ],
)
def test_a_graph_that_cannot_score_is_refused(operator: str, inputs: list[str], fault: str, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=fault):
        Scorer.open(an_artifact_with(tmp_path, operator, *inputs))


def test_a_graph_that_cannot_be_read_is_refused_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    graph = a_graph(2).replace(b"Sigmoid", b"\xff" * len(b"Sigmoid"))

    with pytest.raises(ArtifactError):
        open_session(graph)

    assert capfd.readouterr().out == ""
