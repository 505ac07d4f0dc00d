"""The manifest of an artifact: everything about a model but its weights.

Knows the schema and calibrations. Never knows files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from fraud_detect.artifact.calibration import Calibration
from fraud_detect.schema import ColumnKind, Schema

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
MODEL = "model.onnx"

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class FileEntry(BaseModel):
    """Size and checksum of one file of the artifact."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    bytes: int = Field(ge=0)
    sha256: Sha256


class Labels(BaseModel):
    """How the two classes are written in the label column, and so in answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    negative: int | bool | str = 0
    positive: int | bool | str = 1

    @model_validator(mode="after")
    def _check_difference(self) -> Self:
        if _written(self.negative) == _written(self.positive):
            raise ValueError("two labels that are not written alike")
        return self


def _written(label: int | bool | str) -> str:
    """Return `label` as it stands in CSV."""
    return str(label).lower() if isinstance(label, bool) else str(label)


class Threshold(BaseModel):
    """The probability from which a row counts as fraud, and the policy that chose it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    value: float = Field(ge=0)
    policy: str
    target: float | None = None


class TrainingData(BaseModel):
    """What the model was fitted on: rows, frauds, and the sha256 of the training part's matrix and labels."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    rows: int = Field(ge=0)
    frauds: int = Field(ge=0)
    sha256: Sha256


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

    @field_validator("table_schema")
    @classmethod
    def _check_columns(cls, schema: Schema) -> Schema:
        if not schema.columns or len(set(schema.names)) < schema.width:
            raise ValueError("at least one column, and none twice")
        for column in schema.columns:
            if column.categories and column.kind is not ColumnKind.CATEGORY:
                raise ValueError(f"no categories of a {column.kind}")
            if len(set(column.categories)) < len(column.categories):
                raise ValueError("no category twice")
        return schema
