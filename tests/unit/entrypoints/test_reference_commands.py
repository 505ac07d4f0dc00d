"""The command line prints what is declared, and names what it does not know."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from fraud_detect import __version__
from fraud_detect.entrypoints.cli import main
from fraud_detect.sagemaker import specification
from fraud_detect.sagemaker.hyperparameters import as_markdown, as_sagemaker
from fraud_detect.sagemaker.metrics import definitions
from fraud_detect.serving import openapi, settings


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["hyperparameters"], as_markdown()),
        (["hyperparameters", "--format", "markdown"], as_markdown()),
        (["hyperparameters", "--format", "sagemaker"], as_sagemaker()),
        (["metric-definitions"], definitions()),
        (["specification"], specification.as_json()),
        (["settings"], settings.as_markdown()),
        (["openapi"], openapi.as_json()),
    ],
)
def test_a_declared_table_is_printed_and_nothing_else(arguments: list[str], expected: str) -> None:
    result = run(*arguments)

    assert (result.exit_code, result.output) == (0, expected)


def test_metric_definitions_are_what_a_training_job_takes() -> None:
    found = json.loads(run("metric-definitions").output)

    assert all(set(entry) == {"Name", "Regex"} for entry in found)


def test_another_format_is_refused() -> None:
    result = run("hyperparameters", "--format", "html")

    assert result.exit_code == 2
    assert "'html' is not one of 'markdown', 'sagemaker'" in result.output


def test_the_version_is_told() -> None:
    assert run("--version").output == f"fraud-detect, version {__version__}\n"


@pytest.mark.parametrize(
    "command", ["train", "hyperparameters", "metric-definitions", "specification", "settings", "openapi"]
)
def test_the_help_lists_the_command_with_what_it_does(command: str) -> None:
    listed = run("--help").output

    assert any(line.split()[:1] == [command] and len(line.split()) > 2 for line in listed.splitlines())
