"""The manifest of an artifact: everything about a model but its weights.

Knows the schema and calibrations. Never knows files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from fraud_detect.artifact.calibration import Calibration
from fraud_detect.schema import Schema

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
MODEL = "model.onnx"


class FileEntry(BaseModel):
    """Size and checksum of one file of the artifact."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Labels(BaseModel):
    """How the two classes are written in the label column, and so in answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    negative: int | bool | str = 0
    positive: int | bool | str = 1


class Threshold(BaseModel):
    """The probability from which a row counts as fraud, and the policy that chose it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    value: float = Field(ge=0)
    policy: str
    target: float | None = None


class TrainingData(BaseModel):
    """What the model was fitted on: rows, frauds, and the sha256 of the training part's matrix and labels."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    rows: int
    frauds: int
    sha256: str


class Manifest(BaseModel):
    """The content of manifest.json; see FORMAT.md."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    format_version: int = FORMAT_VERSION
    libraries: Mapping[str, str]
    algorithm: str
    table_schema: Schema = Field(alias="schema")
    labels: Labels
    calibration: Calibration
    threshold: Threshold
    hyperparameters: Mapping[str, Any]
    metrics: Mapping[str, Any]
    training_data: TrainingData
    files: Mapping[str, FileEntry]
