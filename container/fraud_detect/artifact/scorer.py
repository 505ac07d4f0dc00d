"""Score rows with the ONNX graph of an artifact.

Knows ONNX Runtime and the manifest. Never knows which family of models made the graph.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.bundle import Artifact
from fraud_detect.artifact.calibration import Calibration, log_odds
from fraud_detect.artifact.graph import REMEDY
from fraud_detect.artifact.graph import check as check_graph
from fraud_detect.artifact.manifest import MODEL
from fraud_detect.errors import ArtifactError
from fraud_detect.schema import Float32Matrix

NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"
ONNX_ONLY = ("session.load_model_format", "ONNX")
"""Without it, bytes in the runtime's own format, which `check_graph` cannot read, would be loaded too."""
OURS = "a graph made by `train`"
FLOAT32 = "tensor(float)"
INPUT = "features"
OUTPUT = "score"
RAW_OUTPUT = "raw_score"
ROWS_AT_A_TIME = 1_024
"""Some graphs hold a number for every pair of a row and a row of training: more at a time would take more memory."""


class Scorer:
    """An open session over a model: matrices in, scores out. One thread; call it from any."""

    def __init__(self, graph: bytes, calibration: Calibration) -> None:
        self._session = open_session(graph)
        self._gives_raw = RAW_OUTPUT in (node.name for node in self._session.get_outputs())
        self._calibration = calibration
        self._row = _Row(self._session)

    @classmethod
    def open(cls, artifact: Artifact) -> Scorer:
        """Return a scorer for `artifact`. Raises `ArtifactError` if its graph is damaged or not one of ours."""
        scorer = cls(artifact.content(MODEL), artifact.manifest.calibration)
        scorer.check_fit(artifact.manifest.table_schema.width)
        scorer.try_out(artifact.manifest.table_schema.width)
        return scorer

    def check_fit(self, width: int) -> None:
        """Raise `ArtifactError` unless the graph takes float32 rows of `width` and gives one float32 score for each."""
        (taken,) = self._session.get_inputs()
        fits_rows = taken.type == FLOAT32 and taken.shape[1:] == [width] and not isinstance(taken.shape[0], int)
        for given in (node for node in self._session.get_outputs() if node.name in (OUTPUT, RAW_OUTPUT)):
            if not fits_rows or given.type != FLOAT32 or given.shape[1:] not in ([], [1]) or not given.shape:
                raise ArtifactError(
                    f"{MODEL} takes {taken.type} {taken.shape} and gives {given.type} {given.shape}",
                    expected=f"float32 rows of {width} features and one float32 score a row",
                    remedy=REMEDY,
                )

    def try_out(self, width: int) -> None:
        """Raise `ArtifactError` unless two rows of zeros get a score in [0, 1] each: some graphs only load."""
        try:
            scores = self.scores(np.zeros((2, width), dtype=np.float32))
        except Exception as error:
            raise ArtifactError(
                f"{MODEL} cannot score a row ({type(error).__name__})", expected=OURS, remedy=REMEDY
            ) from error
        if scores.shape != (2,) or not ((scores >= 0) & (scores <= 1)).all():
            raise ArtifactError(
                f"{MODEL} gives {scores.tolist()[:2]} for two rows of zeros",
                expected="one score in [0, 1] a row",
                remedy=REMEDY,
            )

    def scores(self, matrix: Float32Matrix) -> NDArray[np.float64]:
        """Return uncalibrated scores in [0, 1], float64, shape (n,), for `matrix`, float32, shape (n, width)."""
        return self._run(OUTPUT, matrix)

    def score(self, row: Float32Matrix) -> float:
        """Return the uncalibrated score of one row, float32, shape (1, width)."""
        return self._row.score(row)

    def raw_scores(self, matrix: Float32Matrix) -> NDArray[np.float64]:
        """Return uncalibrated scores in log-odds, float64, shape (n,), for `matrix`, float32, shape (n, width)."""
        if not self._gives_raw:
            return log_odds(self.scores(matrix))
        return self._run(RAW_OUTPUT, matrix)

    def probabilities(self, matrix: Float32Matrix) -> NDArray[np.float64]:
        """Return fraud probabilities in [0, 1] after calibration, float64, shape (n,)."""
        return self._calibration.apply(self.scores(matrix))

    def _run(self, output: str, matrix: Float32Matrix) -> NDArray[np.float64]:
        """Return the `output` of each row, float64, shape (n,)."""
        starts = range(0, max(len(matrix), 1), ROWS_AT_A_TIME)
        parts = [self._session.run([output], {INPUT: matrix[start : start + ROWS_AT_A_TIME]})[0] for start in starts]
        return np.concatenate([part.reshape(-1) for part in parts]).astype(np.float64)


class _Row(threading.local):
    """Room for one row and its score in each thread: the runtime need not make and take them for every row."""

    def __init__(self, session: Any) -> None:
        (taken,) = session.get_inputs()
        self._run, self._binding = session.run_with_iobinding, session.io_binding()
        self._features, self._score = np.zeros((1, taken.shape[1]), np.float32), np.zeros(1, np.float32)
        self._binding.bind_cpu_input(INPUT, self._features)
        given = next(node for node in session.get_outputs() if node.name == OUTPUT)
        shape = [1] * len(given.shape)
        self._binding.bind_output(OUTPUT, "cpu", 0, np.float32, shape, self._score.ctypes.data)

    def score(self, row: Float32Matrix) -> float:
        self._features[:] = row
        self._run(self._binding)
        score: float = self._score.item()
        return score


def open_session(graph: bytes, name: str = MODEL, output: str = OUTPUT) -> Any:
    """Return an ONNX Runtime session of one thread over `graph`, the file `name`, whose outputs include `output`.

    Raises
    ------
    ArtifactError
        If the graph does not load, names other files, or holds operators other than ONNX's own.
    """
    check_graph(graph, name)
    # Since 1.29 the wheels for Linux and macOS send events to their maker unless this is set before they are imported.
    os.environ[NO_TELEMETRY] = "1"
    import onnxruntime  # here, not above: reading a manifest needs no runtime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = (
        1  # a worker is one thread; more would fight the others
    )
    options.log_severity_level = 3
    options.add_session_config_entry(*ONNX_ONLY)
    try:
        # Without a fall-back: it prints to stdout and tries the same provider again.
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        names = [node.name for node in session.get_inputs()], [node.name for node in session.get_outputs()]
    except Exception as error:
        raise ArtifactError(
            f"ONNX Runtime cannot load {name} ({type(error).__name__})",
            expected=OURS,
            remedy=REMEDY,
        ) from error
    if names[0] != [INPUT] or output not in names[1]:
        raise ArtifactError(
            f"{name} has the inputs and outputs {names}",
            expected=f"input {INPUT}, output {output}",
            remedy=REMEDY,
        )
    return session
