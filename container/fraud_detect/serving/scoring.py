"""Score by whatever is fastest for the number of rows: the ONNX session for few, the family's own library for many.

Knows the scorer, the native models. Never knows HTTP, families.
"""

from __future__ import annotations

from collections.abc import Callable

from fraud_detect.artifact.bundle import Artifact
from fraud_detect.artifact.calibration import Calibration
from fraud_detect.artifact.scorer import Scorer
from fraud_detect.estimators.native import NATIVE_FROM_ROWS, Native
from fraud_detect.schema import Float32Matrix, Float64Vector


class Scoring:
    """Fraud probabilities of an artifact's model. Call it from any thread."""

    def __init__(self, scorer: Scorer, calibration: Calibration, native: Callable[[], Native | None]) -> None:
        self._scorer, self._calibration, self._native = scorer, calibration, native

    @classmethod
    def open(cls, artifact: Artifact, native: Callable[[], Native | None]) -> Scoring:
        """Return the scoring of `artifact`; `native` gives its native model, when there are many rows to score.

        Raises
        ------
        ArtifactError
            If its graph is damaged or not one of ours.
        """
        return cls(Scorer.open(artifact), artifact.manifest.calibration, native)

    def probabilities(self, matrix: Float32Matrix) -> list[float]:
        """Return fraud probabilities in [0, 1] after calibration, n values for `matrix`, float32, shape (n, width)."""
        if len(matrix) == 0:
            return []
        if len(matrix) == 1:
            return [self._calibration.apply_to_one(self._scorer.score(matrix))]
        probabilities: list[float] = self._calibration.apply(self._scores(matrix)).tolist()
        return probabilities

    def raw_scores(self, matrix: Float32Matrix) -> list[float]:
        """Return the log-odds of fraud before calibration, n values for `matrix`, float32, shape (n, width)."""
        scores: list[float] = self._scorer.raw_scores(matrix).tolist() if len(matrix) else []
        return scores

    def _scores(self, matrix: Float32Matrix) -> Float64Vector:
        native = self._native() if len(matrix) >= NATIVE_FROM_ROWS else None
        return self._scorer.scores(matrix) if native is None else native.scores(matrix)
