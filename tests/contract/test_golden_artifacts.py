"""Models of every format version are read and give the probabilities that they gave when they were made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fraud_detect.artifact.manifest import FORMAT_VERSION
from fraud_detect.codecs import json as json_codec
from fraud_detect.serving.model import load
from fraud_detect.serving.outputs import DEFAULT_OUTPUTS, columns_of
from training_factories import DATA

VALID = DATA / "valid"
GOLDEN = sorted(path.name for path in VALID.glob("artifact_v*") if path.is_dir())
TOLERANCE = 1e-6


def expected_of(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((VALID / f"{name}.expected.json").read_text())
    return document


def answer_of(folder: Path, instances: object) -> dict[str, Any]:
    model = load(folder)
    body = json.dumps({"instances": instances}).encode()
    matrix = json_codec.decode(body, model.schema, {})
    return columns_of(model, matrix, model.scoring.probabilities(matrix), DEFAULT_OUTPUTS, 0)


def test_there_is_a_model_of_every_format_version() -> None:
    assert [f"artifact_v{version}" for version in range(1, FORMAT_VERSION + 1)] == GOLDEN


@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_model_scores_as_it_did(name: str) -> None:
    expected = expected_of(name)

    answer = answer_of(VALID / name, expected["instances"])

    assert answer["probability"] == pytest.approx(expected["probability"], abs=TOLERANCE)
    assert answer["predicted_label"] == expected["predicted_label"]


@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_model_tells_its_rows_apart(name: str) -> None:
    """Else it would prove little: both labels, and nearly as many probabilities as rows."""
    expected = expected_of(name)

    assert len({round(value, 4) for value in expected["probability"]}) >= len(expected["instances"]) - 1
    assert len(set(expected["predicted_label"])) == 2
