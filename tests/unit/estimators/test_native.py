"""The native model of an artifact is opened if its family has one and the file came with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from factories import a_number, a_schema, an_artifact
from fraud_detect.artifact import bundle
from fraud_detect.errors import ArtifactError
from fraud_detect.estimators.native import open_native
from fraud_detect.estimators.xgboost_native import NATIVE_FILE
from training_factories import a_block, a_fitted_model

SCHEMA = a_schema(a_number("a"), a_number("b", missing_allowed=True), a_number("c", missing_allowed=True))


def test_the_native_model_scores_as_the_fitted_one(tmp_path: Path) -> None:
    model, rows = a_fitted_model(), a_block(seed=2).features
    an_artifact(tmp_path, schema=SCHEMA, files=model.native_files())

    native = open_native(bundle.read(tmp_path))

    assert native is not None
    assert native.scores(rows).tolist() == model.scores(rows).tolist()


def test_an_artifact_without_the_file_has_none(tmp_path: Path) -> None:
    an_artifact(tmp_path)

    assert open_native(bundle.read(tmp_path)) is None


def test_a_family_without_a_native_form_has_none(tmp_path: Path) -> None:
    an_artifact(tmp_path, schema=SCHEMA, algorithm="another", files=a_fitted_model().native_files())

    assert open_native(bundle.read(tmp_path)) is None


def test_a_file_that_was_changed_never_reaches_the_library(tmp_path: Path) -> None:
    an_artifact(tmp_path, schema=SCHEMA, files=a_fitted_model().native_files())
    artifact = bundle.read(tmp_path)
    (tmp_path / NATIVE_FILE).write_bytes(b"x" * artifact.manifest.files[NATIVE_FILE].bytes)

    with pytest.raises(ArtifactError, match="sha256"):
        open_native(artifact)


def test_a_model_of_another_width_than_the_schema_is_refused(tmp_path: Path) -> None:
    an_artifact(tmp_path, schema=a_schema(), files=a_fitted_model().native_files())

    with pytest.raises(ArtifactError, match="takes 3 features"):
        open_native(bundle.read(tmp_path))
