"""What deploy/fraud-detect-docker.service starts is a container that answers."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from string import Template

import pytest
from docker_engine import REPOSITORY, Container, docker, docker_output

from running_server import a_free_port

pytestmark = pytest.mark.docker

UNIT = (REPOSITORY / "deploy/fraud-detect-docker.service").read_text().replace("\\\n", " ")
CSV = (REPOSITORY / "local_test/payload.csv").read_bytes()


@pytest.fixture
def started(image: str, trained: Path) -> Iterator[Container]:
    """Give the container of ExecStart with the unit's own values, but for image, model and address."""
    (command,) = re.findall(r"^ExecStart=/usr/bin/docker run (.*)$", UNIT, re.MULTILINE)
    (usual,) = re.findall(r"^Environment=(.*)$", UNIT, re.MULTILINE)
    values = dict(each.split("=") for each in usual.split())
    values |= {"IMAGE": image, "ADDRESS": f"127.0.0.1:{a_free_port()}"}
    command = Template(command).substitute(values).replace("/var/lib/fraud-detect/model", str(trained / "model"))
    options = command.replace("--name fraud-detect ", "")
    name = docker_output("run", "--detach", *shlex.split(options))
    try:
        yield Container(name)
    finally:
        docker("rm", "--force", name)


def test_the_container_of_the_unit_answers(started: Container) -> None:
    started.wait_until_ready()

    assert started.request("/invocations", CSV).status == 200
