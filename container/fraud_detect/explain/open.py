"""An explainer of an artifact's model: its native model, or its explanation graph.

Knows the artifact and native models. Never knows families, HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping

from fraud_detect.artifact.bundle import Artifact
from fraud_detect.artifact.explanation import EXPLANATION, Explanation
from fraud_detect.estimators.native import Native
from fraud_detect.explain.reason_codes import REASON_CODES, parse
from fraud_detect.explain.reasons import Contribute, Explainer


def open_explainer(artifact: Artifact, native: Native | None) -> Explainer | None:
    """Return an explainer of `artifact`, with its reason codes if it has any; None where its family cannot explain.

    It explains by the `native` model, where there is one, else by the explanation graph.

    Raises
    ------
    ArtifactError
        If a file is missing, changed, or not what the manifest describes.
    """
    contribute = open_contributions(artifact, native)
    if contribute is None:
        return None
    return Explainer(contribute, artifact.manifest.table_schema, open_reason_codes(artifact))


def open_contributions(artifact: Artifact, native: Native | None) -> Contribute | None:
    """Return what gives the contributions of rows, as of `open_explainer`, without names and texts."""
    manifest = artifact.manifest
    if native is not None:
        return native.contributions
    if EXPLANATION not in manifest.files:
        return None
    return Explanation(artifact.content(EXPLANATION), manifest.table_schema.width).contributions


def open_reason_codes(artifact: Artifact) -> Mapping[str, str]:
    """Return the reason codes of `artifact`, by feature; none if it has none. Errors as of `open_explainer`."""
    manifest = artifact.manifest
    return parse(artifact.content(REASON_CODES), manifest.table_schema) if REASON_CODES in manifest.files else {}
