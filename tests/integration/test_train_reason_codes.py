"""Reason codes given in training lie in the artifact, and broken ones end the job before anything is fitted."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from fraud_detect.artifact import bundle
from fraud_detect.entrypoints.train import train_root
from fraud_detect.explain.reason_codes import REASON_CODES
from fraud_detect.serving.model import load
from training_factories import a_root, a_table, configure, files_of, some_features

CODES = {"amount": "Unusual amount"}


def a_root_with_codes(folder: Path, codes: object, *, name: str = REASON_CODES) -> Path:
    root = a_root(folder, train=a_table())
    channel = root / "input" / "data" / "reason_codes"
    channel.mkdir()
    (channel / name).write_text(json.dumps(codes))
    return root


def test_they_are_packed_into_the_artifact_and_stand_in_explanations(tmp_path: Path) -> None:
    root = a_root_with_codes(tmp_path, CODES)

    assert train_root(root) == 0

    explainer = load(root / "model").explainer()
    assert explainer is not None
    (reasons,) = explainer.columns(some_features([[3.0, 12.0]]), 1)["reasons"]
    assert isinstance(reasons, list)
    assert (reasons[0]["feature"], reasons[0]["text"]) == ("amount", CODES["amount"])


def test_a_declared_channel_is_used_too(tmp_path: Path) -> None:
    root = a_root_with_codes(tmp_path, CODES)
    configure(root, "inputdataconfig", {"train": {}, "reason_codes": {"TrainingInputMode": "File"}})

    assert train_root(root) == 0

    assert REASON_CODES in bundle.read(root / "model").manifest.files


def test_without_them_the_artifact_has_none(tmp_path: Path) -> None:
    root = a_root(tmp_path, train=a_table())

    assert train_root(root) == 0

    assert REASON_CODES not in bundle.read(root / "model").manifest.files


@pytest.mark.parametrize(
    ("codes", "name", "words"),
    [
        ({"amonut": "High"}, REASON_CODES, "unknown features: 'amonut' (did you mean 'amount'?)"),
        (["amount"], REASON_CODES, "it holds a list"),
        (CODES, "codes.json", "there is no"),
    ],
)
def test_broken_ones_end_the_job_before_anything_is_fitted(
    codes: object, name: str, words: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = a_root_with_codes(tmp_path, codes, name=name)

    with caplog.at_level(logging.INFO):
        assert train_root(root) == 1

    assert words in (root / "output" / "failure").read_text()
    assert "fitting" not in caplog.text
    assert files_of(root / "model") == {}
