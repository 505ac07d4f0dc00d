"""SDK 2 in local mode, by the cells of the notebooks' README: train, deploy, ask, transform."""

from __future__ import annotations

import json
import tarfile
from typing import Any

import pytest
from sdk_client import Client, check_both_channels_and_the_hyperparameters

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def answers(sdk2: Client) -> dict[str, Any]:
    """Return what the README's cells get from the endpoint."""
    program = sdk2.readme("## With the SDKs' own classes, in local mode", "### SDK 2")
    return sdk2.values(program, "csv", "predictions")


@pytest.fixture(scope="module")
def manifest(answers: dict[str, Any], sdk2: Client) -> dict[str, Any]:  # noqa: ARG001 (by then it is trained)
    """Return the manifest of the model in model.tar.gz."""
    with tarfile.open(sdk2.folder / "work/output/model.tar.gz") as archive:
        member = archive.extractfile("manifest.json")
        assert member is not None
        found: dict[str, Any] = json.load(member)
    return found


def test_both_channels_and_the_hyperparameters_arrive(manifest: dict[str, Any]) -> None:
    check_both_channels_and_the_hyperparameters(manifest)


def test_csv_gets_a_row_for_each_row(answers: dict[str, Any]) -> None:
    assert [len(row) for row in answers["csv"]] == [2, 2, 2, 2]


def test_json_gets_the_same_as_csv(answers: dict[str, Any]) -> None:
    by_csv = [{"predicted_label": int(label), "probability": float(score)} for label, score in answers["csv"]]

    assert answers["predictions"] == by_csv


def test_batch_transform_writes_what_the_endpoint_answers(answers: dict[str, Any], sdk2: Client) -> None:
    written = (sdk2.folder / "work/scores/payload.csv.out").read_text()

    assert written.split() == [",".join(row) for row in answers["csv"]]


def test_nothing_serves_any_longer(answers: dict[str, Any], sdk2: Client) -> None:  # noqa: ARG001
    assert sdk2.containers("--all") != []  # what has trained
    assert sdk2.containers() == []


def test_nobody_outside_was_asked(answers: dict[str, Any], sdk2: Client) -> None:  # noqa: ARG001
    """Neither AWS nor telemetry."""
    assert sdk2.outside.asked == []
