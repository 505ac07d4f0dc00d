"""The units of deploy/ are such as systemd takes, and start what there is."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = ("fraud-detect.service", "fraud-detect-docker.service", "fraud-detect-console.service")
WITHOUT_DOCKER = (UNITS[0], UNITS[2])
NOT_HERE = {"/opt/fraud-detect/bin/fraud-detect": "/bin/true", "/usr/bin/docker": "/bin/true", "docker.service": ""}
"""What a machine of the tests need not have, and systemd looks for."""
MOST_EXPOSURE = 2.5
"""Of systemd's scale from 0, nothing to attack, to 10."""


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("needs systemd-analyze")
    return subprocess.run([program, *arguments], check=False, capture_output=True, text=True)


def command_of(name: str) -> str:
    """Return what a unit starts, as one line."""
    text = (DEPLOY / name).read_text().replace("\\\n", " ")
    (found,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    return str(found)


@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_no_fault(name: str, tmp_path: Path) -> None:
    text = (DEPLOY / name).read_text()
    for missing, stand_in in NOT_HERE.items():
        text = text.replace(missing, stand_in)
    (tmp_path / name).write_text(text)

    done = analyze("verify", "--man=no", tmp_path / name)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", WITHOUT_DOCKER)
def test_service_without_docker_is_sandboxed(name: str) -> None:
    done = analyze("security", "--offline=yes", f"--threshold={MOST_EXPOSURE * 10:.0f}", DEPLOY / name)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", WITHOUT_DOCKER)
def test_service_without_docker_starts_a_command_that_there_is(name: str) -> None:
    from click.testing import CliRunner

    from fraud_detect.entrypoints.cli import main

    _, *arguments = command_of(name).split()
    options = [argument for argument in arguments if argument.startswith("--")]
    said = CliRunner().invoke(main, [arguments[0], "--help"]).output

    assert options[:3] == ["--root", "--host", "--port"]
    assert all(option in said for option in options)


def test_container_of_the_service_is_confined_as_that_of_compose() -> None:
    command = command_of(UNITS[1])

    for option in ("--read-only", "--cap-drop ALL", "--security-opt no-new-privileges", "--user 10001:10001"):
        assert option in command
    assert command.endswith("${IMAGE} serve")
