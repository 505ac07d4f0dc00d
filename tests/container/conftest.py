"""The image, built once; roots to train in; containers that are removed after the test."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import CALLER, REPOSITORY, SERVE_PORT, TEST_DIR, Container, MakeRoot, Start, docker, docker_output

VERSION, REVISION = "1.2.3", "0123456789ab"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder as one that is run alone: there is one engine."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.alone)


@pytest.fixture(scope="session")
def image() -> str:
    """Return the name of the image, built from the work tree."""
    if docker("info").returncode != 0:
        if os.environ.get("CI") == "true":
            pytest.fail("No Docker engine answers, and with CI=true these tests may not be skipped")
        pytest.skip("no Docker engine answers")
    arguments = ("--build-arg", f"VERSION={VERSION}", "--build-arg", f"REVISION={REVISION}")
    docker_output("build", "--quiet", "--tag", "fraud-detect:test", *arguments, REPOSITORY)
    return "fraud-detect:test"


@pytest.fixture(scope="session")
def make_root(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeRoot]:
    """Return a function that makes a folder like /opt/ml, owned by `CALLER`, with the sample's channel."""
    made: list[Path] = []

    def make(**hyperparameters: str) -> Path:
        root = tmp_path_factory.mktemp("opt-ml")
        made.append(root)
        shutil.copytree(TEST_DIR / "input", root / "input")
        path = root / "input/config/hyperparameters.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | hyperparameters))
        for name in ("model", "output"):
            (root / name).mkdir()
        give(root)
        return root

    yield make
    for root in made:  # what a test left behind may belong to another user
        docker("run", "--rm", "--volume", f"{root}:/delete", image, "chmod", "-R", "777", "/delete")


def give(root: Path) -> None:
    """Make `root` look like the folder of a caller who is not root, and open to any user of a container."""
    for path in (root, *root.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
        if os.geteuid() == 0:
            os.chown(path, CALLER, CALLER)


@pytest.fixture(scope="session")
def trained(image: str, make_root: MakeRoot) -> Path:
    """Return a root in which the image has trained."""
    root = make_root()
    docker_output("run", "--rm", "--volume", f"{root}:/opt/ml", image, "train")
    return root


@pytest.fixture
def start(image: str) -> Iterator[Start]:
    """Return a function that starts a container with `options` and a command."""
    running: list[str] = []

    def run(*command: str, options: tuple[str, ...] = ()) -> Container:
        running.append(docker_output("run", "--detach", *options, image, *command))
        return Container(running[-1])

    yield run
    for name in running:
        docker("rm", "--force", "--volumes", name)


@pytest.fixture
def serve(start: Start, trained: Path) -> Start:
    """Return a function that serves the trained model, read-only, and waits until it is ready."""

    def run(*options: str, command: tuple[str, ...] = ("serve",), port: int = SERVE_PORT) -> Container:
        mounts = ("--volume", f"{trained / 'model'}:/opt/ml/model:ro", "--publish", f"127.0.0.1::{port}")
        served = start(*command, options=(*mounts, *options))
        served.wait_until_ready()
        return served

    return run
