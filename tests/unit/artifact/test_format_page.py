"""FORMAT.md speaks of every key that a manifest may have, and of every file."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest
from pydantic import BaseModel

from fraud_detect.artifact.calibration import IsotonicCalibration, NoCalibration, SigmoidCalibration
from fraud_detect.artifact.manifest import FORMAT_VERSION, FileEntry, Labels, Manifest, Threshold, TrainingData
from fraud_detect.schema import FLAGS, MISSING, Column, Schema
from training_factories import DATA

PAGE = files("fraud_detect.artifact").joinpath("FORMAT.md").read_text(encoding="utf-8")
CODE = {name.removeprefix("columns[].") for name in re.findall(r"`([^`]+)`", PAGE)}
MODELS = (
    *(Manifest, Schema, Column, FileEntry, Labels, Threshold, TrainingData),
    *(NoCalibration, SigmoidCalibration, IsotonicCalibration),
)


@pytest.mark.parametrize("model", MODELS)
def test_every_key_is_described(model: type[BaseModel]) -> None:
    keys = {field.alias or name for name, field in model.model_fields.items()}

    assert keys - CODE == set()


def test_every_file_of_a_model_is_described() -> None:
    manifest = json.loads((DATA / "valid" / f"artifact_v{FORMAT_VERSION}" / "manifest.json").read_text())

    assert {"manifest.json", *manifest["files"]} - CODE == set()


def test_every_spelling_of_missing_values_and_flags_is_described() -> None:
    assert {*MISSING, *FLAGS} - CODE == {""}


def test_the_page_is_of_the_current_format() -> None:
    assert PAGE.startswith(f"# The artifact, format {FORMAT_VERSION}\n")
