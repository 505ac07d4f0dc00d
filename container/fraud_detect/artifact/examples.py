"""What a model saw in training, for people who fill in a row: ranges of its numbers, and a row of each class.

Knows the file's format and the schema. Never knows where rows come from, what scores them.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fraud_detect.artifact.bundle import Artifact
from fraud_detect.errors import ArtifactError, BadRequest
from fraud_detect.schema import ColumnKind, Schema

EXAMPLES = "examples.json"
MOST_BYTES = 16 << 20


class Range(BaseModel):
    """Where the values of a number lie: 98 % of them from `low` to `high`, all from `minimum` to `maximum`.

    The last two are None where the model is to tell nothing of single rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    minimum: float | None = None
    low: float
    median: float
    high: float
    maximum: float | None = None

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        given = [n for n in (self.minimum, self.low, self.median, self.high, self.maximum) if n is not None]
        if (self.minimum is None) != (self.maximum is None) or any(first > then for first, then in pairwise(given)):
            raise ValueError("numbers that never fall, with both ends or neither")
        return self


class Example(BaseModel):
    """A row that was held out, as JSON has it, and whether the model called it fraud."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    features: Mapping[str, bool | float | str | None]
    flagged: bool


class Examples(BaseModel):
    """The content of examples.json; nothing, of a model that has none."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    ranges: Mapping[str, Range] = Field(default_factory=dict)
    fraud: Example | None = None
    legitimate: Example | None = None


NONE = Examples()


def examples_of(artifact: Artifact) -> Examples:
    """Return the examples of a model. Raises `ArtifactError` if it lists some that cannot be used."""
    manifest = artifact.manifest
    return parse(artifact.content(EXAMPLES), manifest.table_schema) if EXAMPLES in manifest.files else NONE


def parse(text: bytes, schema: Schema) -> Examples:
    """Return the examples that `text` holds.

    Raises
    ------
    ArtifactError
        If it is something else, or does not fit `schema`.
    """
    if len(text) > MOST_BYTES:
        raise _fault("it is too long", f"at most {MOST_BYTES} bytes")
    try:
        found = Examples.model_validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "its root"
        raise _fault(
            f"it does not fit its format at {where[:100]}", first["msg"].removeprefix("Value error, ")
        ) from None
    _check(found, schema)
    return found


def _check(found: Examples, schema: Schema) -> None:
    numbers = {column.name for column in schema.columns if column.kind is ColumnKind.NUMBER}
    if unknown := found.ranges.keys() - numbers:
        raise _fault(f"it has a range of '{min(unknown)[:60]}'", "ranges of the model's numbers")
    for example in (found.fraud, found.legitimate):
        if example is None:
            continue
        if example.features.keys() != set(schema.names):
            raise _fault("a row has other columns than the model", "a value for each feature")
        try:
            schema.encode([[example.features[name] for name in schema.names]], range(schema.width))
        except BadRequest as error:
            raise _fault(f"a row does not fit the model ({error.got})", error.expected) from None


def write(examples: Examples) -> bytes:
    """Return `examples` as the content of `EXAMPLES`."""
    return (examples.model_dump_json(indent=2) + "\n").encode()


def _fault(got: str, expected: str) -> ArtifactError:
    return ArtifactError(
        f"{EXAMPLES} cannot be used: {got}",
        expected=expected,
        remedy="Restore the file from model.tar.gz, or train the model again.",
    )
