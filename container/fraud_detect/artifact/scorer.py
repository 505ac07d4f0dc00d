"""Score rows with the ONNX graph of an artifact.

Knows ONNX Runtime and the manifest. Never knows which family of models made the graph.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.bundle import Artifact
from fraud_detect.artifact.calibration import Calibration
from fraud_detect.artifact.manifest import MODEL
from fraud_detect.errors import ArtifactError
from fraud_detect.schema import Float32Matrix

NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"
FLOAT32 = "tensor(float)"
INPUT = "features"
OUTPUT = "score"


class Scorer:
    """An open session over a model: matrices in, scores out. One thread; call it from any."""

    def __init__(self, graph: bytes, calibration: Calibration) -> None:
        self._session = open_session(graph)
        self._calibration = calibration

    @classmethod
    def open(cls, artifact: Artifact) -> Scorer:
        """Return a scorer for `artifact`. Raises `ArtifactError` if its graph is damaged or not one of ours."""
        scorer = cls(artifact.content(MODEL), artifact.manifest.calibration)
        scorer.check_fit(artifact.manifest.table_schema.width)
        return scorer

    def check_fit(self, width: int) -> None:
        """Raise `ArtifactError` unless the graph takes float32 rows of `width` and gives one float32 score for each."""
        (taken,) = self._session.get_inputs()
        given = next(node for node in self._session.get_outputs() if node.name == OUTPUT)
        fits_rows = taken.type == FLOAT32 and taken.shape[1:] == [width] and not isinstance(taken.shape[0], int)
        if not fits_rows or given.type != FLOAT32 or given.shape[1:] not in ([], [1]) or not given.shape:
            raise ArtifactError(
                f"{MODEL} takes {taken.type} {taken.shape} and gives {given.type} {given.shape}",
                expected=f"float32 rows of {width} features and one float32 score a row",
                remedy="Train again.",
            )

    def scores(self, matrix: Float32Matrix) -> NDArray[np.float64]:
        """Return uncalibrated scores in [0, 1], float64, shape (n,), for `matrix`, float32, shape (n, width)."""
        (scores,) = self._session.run([OUTPUT], {INPUT: matrix})
        uncalibrated: NDArray[np.float64] = scores.reshape(-1).astype(np.float64)
        return uncalibrated

    def probabilities(self, matrix: Float32Matrix) -> NDArray[np.float64]:
        """Return fraud probabilities in [0, 1] after calibration, float64, shape (n,)."""
        return self._calibration.apply(self.scores(matrix))


def open_session(graph: bytes) -> Any:
    """Return an ONNX Runtime session of one thread over `graph`. Raises `ArtifactError` if it does not load."""
    # Since 1.29 the wheels for Linux and macOS send events to their maker unless this is set before they are imported.
    os.environ[NO_TELEMETRY] = "1"
    import onnxruntime  # here, not above: reading a manifest needs no runtime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = (
        1  # a worker is one thread; more would fight the others
    )
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        names = [node.name for node in session.get_inputs()], [node.name for node in session.get_outputs()]
    except Exception as error:
        raise ArtifactError(
            f"ONNX Runtime cannot load {MODEL} ({type(error).__name__})",
            expected="a graph made by `train`",
            remedy="Train again.",
        ) from error
    if names[0] != [INPUT] or OUTPUT not in names[1]:
        raise ArtifactError(
            f"{MODEL} has the inputs and outputs {names}",
            expected=f"input {INPUT}, output {OUTPUT}",
            remedy="Train again.",
        )
    return session
