"""Examples come back from the artifact as they were written, and broken ones are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from factories import a_category, a_flag, a_number, a_schema, an_artifact
from fraud_detect.artifact import bundle
from fraud_detect.artifact.examples import (
    EXAMPLES,
    MOST_BYTES,
    NONE,
    Example,
    Examples,
    Range,
    examples_of,
    parse,
    write,
)
from fraud_detect.errors import ArtifactError
from fraud_detect.serving.model import load

SCHEMA = a_schema(a_number("amount", missing_allowed=True), a_flag("online"), a_category("kind"))
RANGE = {"low": 1, "median": 2, "high": 3}
FEATURES = {"amount": 0.1, "online": True, "kind": "food"}
WHOLE = Examples(
    ranges={"amount": Range(minimum=0, low=1, median=2, high=3, maximum=9)},
    fraud=Example(features=FEATURES, flagged=True),
    legitimate=Example(features={**FEATURES, "amount": None, "online": False}, flagged=False),
)


def test_they_come_back_as_they_were_written() -> None:
    assert parse(write(WHOLE), SCHEMA) == WHOLE


def test_they_are_read_from_an_artifact(tmp_path: Path) -> None:
    an_artifact(tmp_path, schema=SCHEMA, files={EXAMPLES: write(WHOLE)})
    assert examples_of(bundle.read(tmp_path)) == WHOLE


def test_an_artifact_without_them_has_none(tmp_path: Path) -> None:
    an_artifact(tmp_path, schema=SCHEMA)
    assert examples_of(bundle.read(tmp_path)) == NONE


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    an_artifact(tmp_path, schema=SCHEMA, files={EXAMPLES: write(WHOLE)})
    (tmp_path / EXAMPLES).write_bytes(write(WHOLE).replace(b"food", b"fuel"))
    with pytest.raises(ArtifactError, match="sha256"):
        examples_of(bundle.read(tmp_path))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "does not fit its format at its root"),
        ({"rows": []}, "at rows"),
        ({"ranges": {"amount": {**RANGE, "low": 5}}}, "numbers that never fall"),
        ({"ranges": {"amount": {**RANGE, "minimum": 0}}}, "with both ends or neither"),
        ({"ranges": {"amount": {**RANGE, "low": "1"}}}, "at ranges.amount.low"),
        ({"ranges": {"online": RANGE}}, "a range of 'online'"),
        ({"fraud": {"features": {"amount": 1}, "flagged": True}}, "other columns than the model"),
        ({"fraud": {"features": {**FEATURES, "kind": "toys"}, "flagged": True}}, "column 'kind': got 'toys'"),
        ({"fraud": {"features": {**FEATURES, "amount": 1e39}, "flagged": True}}, "column 'amount'"),
        ({"fraud": {"features": FEATURES}}, "at fraud.flagged"),
    ],
    ids=["list", "key", "falling", "one end", "text", "flag", "columns", "category", "infinite", "unflagged"],
)
def test_broken_ones_are_refused(document: Any, words: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        parse(json.dumps(document).encode(), SCHEMA)
    assert words in str(caught.value)


@pytest.mark.parametrize("text", [b"{", b"\xff", b" " * (MOST_BYTES + 1)], ids=["cut", "bytes", "long"])
def test_what_is_no_json_of_ours_is_refused(text: bytes) -> None:
    with pytest.raises(ArtifactError):
        parse(text, SCHEMA)


def test_a_server_scores_without_looking_into_them(tmp_path: Path) -> None:
    an_artifact(tmp_path, schema=SCHEMA, files={EXAMPLES: b"no JSON"})
    assert load(tmp_path).schema == SCHEMA
