"""An explainer is opened from an artifact with what came along."""

from __future__ import annotations

from pathlib import Path

import pytest

from factories import a_category, a_number, a_schema, an_artifact
from fraud_detect.artifact import bundle
from fraud_detect.errors import ArtifactError
from fraud_detect.estimators.native import open_native
from fraud_detect.explain.open import open_explainer
from fraud_detect.explain.reason_codes import REASON_CODES, write
from fraud_detect.explain.reasons import Explainer
from training_factories import a_fitted_model, some_features

SCHEMA = a_schema(
    a_number("amount"), a_number("hour", missing_allowed=True), a_category("country", "abcde", missing_allowed=True)
)
ROWS = some_features([[1.5, float("nan"), 3]])


def opened(folder: Path) -> Explainer | None:
    artifact = bundle.read(folder)
    return open_explainer(artifact, open_native(artifact))


def texts(folder: Path) -> set[object]:
    explainer = opened(folder)
    assert explainer is not None
    (reasons,) = explainer.columns(ROWS, 3)["reasons"]
    assert isinstance(reasons, list)
    assert {reason["feature"]: reason["value"] for reason in reasons} == {"amount": 1.5, "hour": None, "country": "d"}
    return {reason.get("text") for reason in reasons}


def test_reason_codes_are_taken_from_the_artifact(tmp_path: Path) -> None:
    codes = {REASON_CODES: write({"country": "From abroad"})}
    an_artifact(tmp_path, schema=SCHEMA, files={**a_fitted_model().native_files(), **codes})

    assert texts(tmp_path) == {None, "From abroad"}


def test_an_artifact_without_reason_codes_explains_without_texts(tmp_path: Path) -> None:
    an_artifact(tmp_path, schema=SCHEMA, files=a_fitted_model().native_files())

    assert texts(tmp_path) == {None}


def test_an_artifact_without_a_native_model_cannot_explain(tmp_path: Path) -> None:
    an_artifact(tmp_path, schema=SCHEMA)

    assert opened(tmp_path) is None


def test_broken_reason_codes_are_refused(tmp_path: Path) -> None:
    an_artifact(tmp_path, schema=SCHEMA, files={**a_fitted_model().native_files(), REASON_CODES: b'{"colour": "Red"}'})

    with pytest.raises(ArtifactError, match="unknown features: 'colour'"):
        opened(tmp_path)
