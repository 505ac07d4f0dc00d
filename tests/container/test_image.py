"""What the image is, before anything runs in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from docker_engine import REPOSITORY, docker, docker_output, inspect

pytestmark = pytest.mark.docker

MAX_IMAGE_BYTES = 700_000_000
LABELS = {
    "com.amazonaws.sagemaker.capabilities.accept-bind-to-port": "true",
    "com.amazonaws.sagemaker.capabilities.multi-models": "true",
    "org.opencontainers.image.title": "fraud-detect",
    "org.opencontainers.image.description": "From a labelled CSV of transactions to a fraud model and an endpoint",
    "org.opencontainers.image.licenses": "Apache-2.0",
    "org.opencontainers.image.version": "1.2.3",
    "org.opencontainers.image.revision": "0123456789ab",
}


def test_layers_stay_under_700_mb(image: str) -> None:
    """Summed up from the layers: `.Size` counts compressed copies too where containerd keeps the images."""
    layers = docker_output("history", "--human=false", "--format", "{{.Size}}", image).split()

    assert sum(map(int, layers)) < MAX_IMAGE_BYTES


def test_labels_say_what_it_is(image: str) -> None:
    assert inspect(image)["Config"]["Labels"] == LABELS


def test_no_command_means_train_and_any_command_passes(image: str) -> None:
    """SageMaker's local mode starts the image without a command to train, and cleans up with `chmod`."""
    configuration = inspect(image)["Config"]

    assert (configuration["Cmd"], configuration["Entrypoint"]) == (["train"], None)


def test_port_of_the_endpoint_is_exposed(image: str) -> None:
    assert inspect(image)["Config"]["ExposedPorts"] == {"8080/tcp": {}}


def test_clean_up_command_passes_through(image: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    docker_output("run", "--rm", "--volume", f"{tmp_path}:/delete", image, "chmod", "-R", "777", "/delete")

    assert tmp_path.stat().st_mode & 0o777 == 0o777


@pytest.mark.parametrize("program", ["train", "serve", "console", "fraud-detect", "healthcheck", "nginx"])
def test_program_is_on_the_path(image: str, program: str) -> None:
    found = docker("run", "--rm", "--user", "10001", image, "sh", "-c", f"command -v {program}")

    assert found.returncode == 0


@pytest.mark.parametrize(
    "leftover",
    [
        "/root/.cache",
        "/var/lib/apt/lists/*",
        "/var/cache/apt/archives/*.deb",
        "/tmp/*",  # noqa: S108
        "/src",
        "/opt/fraud-detect/bin/pip*",
        "/opt/fraud-detect/lib/python3.13/site-packages/pip",
        "/opt/fraud-detect/lib/python3.13/site-packages/pandas/tests",
    ],
)
def test_build_leaves_nothing_behind(image: str, leftover: str) -> None:
    assert docker_output("run", "--rm", image, "sh", "-c", f"ls -d {leftover} 2>/dev/null || true") == ""


def test_bytecode_of_every_module_is_compiled(image: str) -> None:
    """A read-only start cannot write it, and would compile every module again."""
    compiled = "import fraud_detect.serving.app as app, pathlib; print(pathlib.Path(app.__cached__).is_file())"

    assert docker_output("run", "--rm", image, "python3", "-c", compiled) == "True"


def test_work_tree_stays_out_of_the_image(image: str) -> None:
    found = docker_output("run", "--rm", image, "find", "/", "-xdev", "-name", "train.csv", "-o", "-name", ".git")

    assert found == ""


@pytest.mark.parametrize("syntax", ["# syntax", "--mount", "--link", "--chmod", "<<", "http"])
def test_dockerfile_is_plain(syntax: str) -> None:
    """Docker's builder before BuildKit reads it too, and it downloads from no host of its own choice."""
    assert syntax not in (REPOSITORY / "Dockerfile").read_text()
