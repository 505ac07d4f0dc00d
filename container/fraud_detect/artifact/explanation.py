"""Explain scores with the explanation graph of an artifact: what each feature adds to the log-odds of a row.

Knows ONNX Runtime. Never knows which family of models made the graph, the manifest.
"""

from __future__ import annotations

import numpy as np

from fraud_detect.artifact.graph import REMEDY
from fraud_detect.artifact.scorer import FLOAT32, INPUT, OURS, open_session
from fraud_detect.errors import ArtifactError
from fraud_detect.schema import Float32Matrix, Float64Matrix

EXPLANATION = "explanation.onnx"
CONTRIBUTIONS = "contributions"
FLOAT64 = "tensor(double)"


class Explanation:
    """An open session over an explanation graph. One thread; call it from any."""

    def __init__(self, graph: bytes, width: int) -> None:
        """Open `graph`, of `width` features. Raises `ArtifactError` if it is damaged or not one of ours."""
        self._session = open_session(graph, EXPLANATION, CONTRIBUTIONS)
        self._check_fit(width)
        self._try_out(width)

    def contributions(self, matrix: Float32Matrix) -> Float64Matrix:
        """Return what each feature adds to each row's log-odds, float64, shape (n, width + 1), the base value last."""
        contributions: Float64Matrix
        (contributions,) = self._session.run([CONTRIBUTIONS], {INPUT: matrix})
        return contributions

    def _check_fit(self, width: int) -> None:
        (taken,) = self._session.get_inputs()
        given = next(node for node in self._session.get_outputs() if node.name == CONTRIBUTIONS)
        found = (taken.type, taken.shape[1:], given.type, given.shape[1:])
        if found != (FLOAT32, [width], FLOAT64, [width + 1]):
            raise ArtifactError(
                f"{EXPLANATION} takes {taken.type} {taken.shape} and gives {given.type} {given.shape}",
                expected=f"float32 rows of {width} features and {width + 1} float64 contributions a row",
                remedy=REMEDY,
            )

    def _try_out(self, width: int) -> None:
        """Raise `ArtifactError` unless two rows of zeros get finite contributions: some graphs only load."""
        try:
            contributions = self.contributions(np.zeros((2, width), dtype=np.float32))
        except Exception as error:
            raise ArtifactError(
                f"{EXPLANATION} cannot explain a row ({type(error).__name__})", expected=OURS, remedy=REMEDY
            ) from error
        if contributions.shape != (2, width + 1) or not np.isfinite(contributions).all():
            raise ArtifactError(
                f"{EXPLANATION} gives contributions of the shape {contributions.shape} for two rows of zeros, or "
                "some that are not finite",
                expected=f"{width + 1} finite numbers a row",
                remedy=REMEDY,
            )
