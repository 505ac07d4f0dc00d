"""A model that is ready to answer: schema, scorer, threshold, labels.

Knows the artifact. Never knows HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fraud_detect.artifact import bundle
from fraud_detect.artifact.manifest import Labels
from fraud_detect.artifact.scorer import Scorer
from fraud_detect.schema import Float32Matrix, Schema


@dataclass(frozen=True)
class Model:
    """What the endpoint needs of an artifact."""

    schema: Schema
    scorer: Scorer
    threshold: float
    labels: Labels

    def predict(self, matrix: Float32Matrix) -> Mapping[str, Sequence[object]]:
        """Return the columns `predicted_label` and `probability` for `matrix`, float32, shape (n, width)."""
        probabilities = self.scorer.probabilities(matrix).tolist()
        negative, positive, threshold = self.labels.negative, self.labels.positive, self.threshold
        return {
            "predicted_label": [positive if probability >= threshold else negative for probability in probabilities],
            "probability": probabilities,
        }


def load(folder: Path) -> Model:
    """Return the model whose artifact lies in `folder`, every file verified.

    Raises
    ------
    ArtifactError
        If a file is missing, changed, or of a newer format.
    """
    artifact = bundle.read(folder)
    artifact.verify()
    manifest = artifact.manifest
    return Model(manifest.table_schema, Scorer.open(artifact), manifest.threshold.value, manifest.labels)
