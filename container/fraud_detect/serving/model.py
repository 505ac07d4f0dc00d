"""A model that is ready to answer: schema, scorer, threshold, labels, and an explainer when one is asked for.

Knows the artifact. Never knows HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from fraud_detect.artifact import bundle
from fraud_detect.artifact.manifest import Labels
from fraud_detect.estimators.native import open_native
from fraud_detect.explain.open import open_explainer
from fraud_detect.explain.reasons import Explainer
from fraud_detect.schema import Schema
from fraud_detect.serving.scoring import Scoring


@dataclass(frozen=True)
class Model:
    """What the endpoint needs of an artifact.

    `explainer` opens the explainer at its first call, None for a family that cannot explain.
    """

    schema: Schema
    scoring: Scoring
    threshold: float
    labels: Labels
    algorithm: str
    explainer: Callable[[], Explainer | None]


def load(folder: Path) -> Model:
    """Return the model whose artifact lies in `folder`, every file verified.

    Raises
    ------
    ArtifactError
        If a file is missing, changed, or of a newer format.
    """
    artifact = bundle.read(folder)
    artifact.verify()
    manifest, native = artifact.manifest, cache(partial(open_native, artifact))
    return Model(
        manifest.table_schema,
        Scoring.open(artifact, native),
        manifest.threshold.value,
        manifest.labels,
        manifest.algorithm,
        cache(lambda: open_explainer(artifact, native())),
    )
