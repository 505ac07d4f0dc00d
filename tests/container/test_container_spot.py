"""A training container is killed, and another one goes on from its checkpoints, as a spot instance follows another."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from docker_engine import Container, MakeRoot, Start, docker, docker_output, wait_until

pytestmark = pytest.mark.docker

JOB = {
    "num_round": "400",
    "early_stopping_rounds": "0",
    "subsample": "0.8",
    "checkpoint_rounds": "20",
    "report": "false",
}
GOES_ON = "by a checkpoint of an earlier run"


def an_instance(make_root: MakeRoot, **hyperparameters: str) -> Path:
    """Return a root with what SageMaker writes for a job with a place for checkpoints."""
    root = make_root(**{**JOB, **hyperparameters})
    (root / "input/config/checkpointconfig.json").write_text(json.dumps({"LocalPath": "/opt/ml/checkpoints"}))
    (root / "checkpoints").mkdir()
    (root / "checkpoints").chmod(0o777)
    return root


def the_next_instance(make_root: MakeRoot, before: Path, **hyperparameters: str) -> Path:
    """Return a root to which nothing but the checkpoints of the one before was copied."""
    root = an_instance(make_root, **hyperparameters)
    shutil.copytree(before / "checkpoints", root / "checkpoints", dirs_exist_ok=True)
    return root


def interrupted(start: Start, root: Path) -> Container:
    """Return a container that is training, and has checkpoints."""
    training = start("train", options=("--volume", f"{root}:/opt/ml"))
    wait_until(lambda: any((root / "checkpoints").glob("model-*")), f"a checkpoint:\n{training.log}")
    return training


def results(root: Path) -> dict[str, bytes]:
    files = [*(root / "model").iterdir(), root / "output/data/metrics.json", root / "output/data/predictions.csv"]
    return {path.name: path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def whole(image: str, make_root: MakeRoot) -> dict[str, bytes]:
    """Return what a job comes to that is not interrupted."""
    root = an_instance(make_root)
    docker_output("run", "--rm", "--volume", f"{root}:/opt/ml", image, "train")
    return results(root)


@pytest.mark.parametrize(("sent", "code"), [("KILL", 137), ("TERM", 0)])
def test_the_next_instance_goes_on_to_the_same_bytes(
    sent: str, code: int, image: str, start: Start, make_root: MakeRoot, whole: dict[str, bytes]
) -> None:
    before = an_instance(make_root)
    training = interrupted(start, before)
    docker_output("kill", "--signal", sent, training.name)
    assert training.exit_code == code, training.log
    after = the_next_instance(make_root, before)

    done = docker("run", "--rm", "--volume", f"{after}:/opt/ml", image, "train")

    assert done.returncode == 0, done.stderr
    assert GOES_ON in done.stderr
    assert results(after) == whole


def test_the_next_instance_of_another_job_is_refused(image: str, start: Start, make_root: MakeRoot) -> None:
    before = an_instance(make_root)
    docker_output("kill", interrupted(start, before).name)
    after = the_next_instance(make_root, before, max_depth="3")

    done = docker("run", "--rm", "--volume", f"{after}:/opt/ml", image, "train")

    assert done.returncode == 1
    assert "are of another job: `max_depth` was 4 and is 3" in (after / "output/failure").read_text()
