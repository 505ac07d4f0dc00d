"""Programs that use one of SageMaker's SDKs: in that SDK's environment, on free ports, and with no way to AWS."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from closed_world import ClosedWorld
from docker_engine import REPOSITORY, docker

from running_server import a_free_port

README = REPOSITORY / "sagemaker_notebooks" / "README.md"
WORK = "/tmp/fraud-detect"  # noqa: S108 (what the README says)
COMPOSED_IN = "com.docker.compose.project.working_dir"
LIMIT_SECONDS = 600


def cells_of_readme(*headings: str) -> str:
    """Return the first Python cell below each of the headings of the notebooks' README."""
    text = README.read_text()
    return "\n".join(
        text.partition(f"{heading}\n")[2].partition("```python\n")[2].partition("```")[0] for heading in headings
    )


def environment_of(name: str, made_by: str) -> Path:
    """Return the Python of a virtual environment in the work tree; skip, or fail with CI=true, where it is missing."""
    python = REPOSITORY / name / "bin" / "python"
    if not python.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"There is no {name}, which `{made_by}` makes, and with CI=true no test may be skipped")
        pytest.skip(f"needs {name}, which `{made_by}` makes")
    return python


@dataclass
class Client:
    """A folder for programs of `python`: their home, their temporary folder, and the image that they are to run."""

    python: Path
    folder: Path
    image: str
    outside: ClosedWorld
    port: int = field(default_factory=a_free_port)

    def __post_init__(self) -> None:
        local = {"local": {"serving_port": self.port, "container_root": str(self.folder)}}
        quiet = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
        (self.folder / ".sagemaker").mkdir()
        (self.folder / ".sagemaker" / "config.yaml").write_text(json.dumps(local))  # JSON is YAML
        (self.folder / "defaults.yaml").write_text(json.dumps(quiet))

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables of its programs: nothing of the caller's but where programs and Docker are."""
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "DOCKER_HOST", "DOCKER_CONFIG")}
        return {
            "DOCKER_CONFIG": str(Path.home() / ".docker"),
            **kept,
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "SAGEMAKER_USER_CONFIG_OVERRIDE": str(self.folder / "defaults.yaml"),
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            "HTTPS_PROXY": self.outside.address,
            "HTTP_PROXY": self.outside.address,
            "NO_PROXY": "localhost,127.0.0.1",
        }

    def run(self, *command: str | Path, given: str = "", **more: str) -> str:
        """Run a command in the folder of the repository; return what it prints, and fail with that if it fails."""
        done = subprocess.run(
            command,
            input=given,
            cwd=REPOSITORY,
            env={**self.environment, **more},
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_SECONDS,
        )
        assert done.returncode == 0, done.stdout[-5000:]
        return done.stdout

    def values(self, program: str, *names: str, **more: str) -> dict[str, Any]:
        """Run a program of Python; return the values that its variables `names` have in the end."""
        end = f"\nwith open({str(self.folder / 'values.json')!r}, 'w') as file:\n    __import__('json').dump"
        asked = "({" + ", ".join(f"{name!r}: {name}" for name in names) + "}, file)\n"
        self.run(self.python, "-", given=program + end + asked, **more)
        found: dict[str, Any] = json.loads((self.folder / "values.json").read_text())
        return found

    def readme(self, *headings: str) -> str:
        """Return cells of the README, for this image and this folder."""
        cells = cells_of_readme(*headings)
        assert '"fraud-detect:latest"' in cells
        assert WORK in cells
        return cells.replace("fraud-detect:latest", self.image).replace(WORK, f"{self.folder}/work")

    def containers(self, *options: str) -> Sequence[str]:
        """Return the containers that compose has made in this folder, or those that options of Docker choose."""
        lines = docker("ps", "--no-trunc", "--format", f'{{{{.ID}}}} {{{{.Label "{COMPOSED_IN}"}}}}', *options).stdout
        return re.findall(rf"^(\w+) {re.escape(str(self.folder))}(?:/.*)?$", lines, re.MULTILINE)

    def clean_up(self) -> None:
        """Remove what local mode leaves behind: stopped containers, files of the container's user, its network."""
        for container in self.containers("--all"):
            docker("rm", "--force", "--volumes", container)
        docker("run", "--rm", "--volume", f"{self.folder}:/delete", self.image, "chmod", "-R", "777", "/delete")
        docker("network", "rm", "sagemaker-local")  # fails while another uses it, which is as well


def check_both_channels_and_the_hyperparameters(manifest: Mapping[str, Any]) -> None:
    """Check that a model was made of what the README's cells give."""
    rows = {part: figures["rows"] for part, figures in manifest["metrics"].items()}
    assert (rows["train"] + rows["validation"], rows["test"]) == (1100, 400)
    given = manifest["hyperparameters"]
    assert (given["num_round"], given["threshold_policy"], given["threshold_target"]) == (50, "recall", 0.8)
