"""`docker run IMAGE train`, as SageMaker and as a local user start it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from docker_engine import CALLER, STOP_SECONDS, TEST_DIR, MakeRoot, Start, docker, wait_until

pytestmark = pytest.mark.docker

ENDLESS = {"num_round": "10000", "early_stopping_rounds": "0", "eta": "0.01", "max_depth": "8"}
"""Hyperparameters of a job that is still training whenever a test looks."""
MAX_FAILURE_CHARACTERS = 1_024
ARTIFACT = {"examples.json", "manifest.json", "model.onnx", "model.ubj"}


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_model_and_metrics_are_written(trained: Path) -> None:
    assert names_in(trained / "model") == ARTIFACT
    assert names_in(trained / "output/data") == {"metrics.json", "predictions.csv", "report.html", "report.json"}


def test_files_belong_to_the_owner_of_the_mounted_folder(trained: Path) -> None:
    owner = CALLER if os.geteuid() == 0 else os.geteuid()

    written = [path for name in ("model", "output") for path in (trained / name).rglob("*")]
    assert {path.stat().st_uid for path in written} == {owner}


def test_files_of_folders_mounted_one_by_one_belong_to_their_owner(image: str, make_root: MakeRoot) -> None:
    """SageMaker's local mode mounts them so; /opt/ml itself is then a folder of root's in the container."""
    root = make_root(num_round="5")
    mounts = [f"--volume={root / name}:/opt/ml/{name}" for name in ("input", "model", "output")]
    owner = (root / "model").stat().st_uid

    done = docker("run", "--rm", *mounts, image, "train")

    assert done.returncode == 0, done.stderr
    assert {path.stat().st_uid for path in (root / "model", *(root / "model").iterdir())} == {owner}


def test_files_are_readable_by_all(trained: Path) -> None:
    written = [path for name in ("model", "output/data") for path in (trained / name).iterdir()]

    assert all(path.stat().st_mode & stat.S_IROTH for path in written)


def test_no_command_trains(image: str, make_root: MakeRoot) -> None:
    root = make_root(num_round="5")

    done = docker("run", "--rm", "--volume", f"{root}:/opt/ml", image)

    assert done.returncode == 0, done.stderr
    assert names_in(root / "model") == ARTIFACT


@pytest.mark.parametrize("algorithm", ["lightgbm", "random_forest", "autoencoder"])
def test_other_families_find_their_libraries_in_the_image(image: str, make_root: MakeRoot, algorithm: str) -> None:
    root = make_root()
    (root / "input/config/hyperparameters.json").write_text(json.dumps({"algorithm": algorithm}))

    done = docker("run", "--rm", "--volume", f"{root}:/opt/ml", image, "train")

    assert done.returncode == 0, done.stderr
    assert json.loads((root / "model" / "manifest.json").read_text())["algorithm"] == algorithm


@pytest.mark.parametrize(
    "options",
    [("--user", "10001"), ("--read-only", "--tmpfs", "/tmp"), ("--read-only",), ("--read-only", "--user", "10001")],  # noqa: S108
    ids=" ".join,
)
def test_confined_container_trains(image: str, make_root: MakeRoot, options: tuple[str, ...]) -> None:
    root = make_root(num_round="5")

    done = docker("run", "--rm", "--network", "none", *options, "--volume", f"{root}:/opt/ml", image, "train")

    assert done.returncode == 0, done.stderr
    assert names_in(root / "model") == ARTIFACT


def test_sigterm_saves_the_model_in_time(start: Start, make_root: MakeRoot) -> None:
    root = make_root(**ENDLESS)
    training = start("train", options=("--volume", f"{root}:/opt/ml"))
    wait_until(lambda: training.log.count("validation_average_precision=") > 3, f"some rounds:\n{training.log}")

    seconds = training.stop()

    assert training.exit_code == 0, training.log
    assert seconds < STOP_SECONDS
    assert names_in(root / "model") == ARTIFACT


def test_training_container_is_healthy(start: Start, make_root: MakeRoot) -> None:
    """It has no port to answer on: what watches a container's health should leave it in peace."""
    options = ("--volume", f"{make_root(**ENDLESS)}:/opt/ml", "--health-interval", "1s")
    training = start("train", options=options)
    wait_until(lambda: "validation_average_precision=" in training.log, f"a round:\n{training.log}")

    assert training.run("healthcheck").returncode == 0


def test_failure_file_says_what_to_do(image: str, make_root: MakeRoot) -> None:
    root = make_root(max_dept="4")

    done = docker("run", "--rm", "--volume", f"{root}:/opt/ml", image, "train")

    failure = (root / "output/failure").read_text()
    assert done.returncode == 1
    assert "max_dept" in failure
    assert len(failure) < MAX_FAILURE_CHARACTERS
    assert "Traceback" not in done.stdout + done.stderr


def test_full_disk_leaves_no_half_written_model(image: str, make_root: MakeRoot) -> None:
    root = make_root(num_round="50")
    look = 'train; echo "exit code $?, left: $(ls -A /opt/ml/model)"'
    options = ("--volume", f"{root}:/opt/ml", "--tmpfs", "/opt/ml/model:size=8k")

    done = docker("run", "--rm", *options, image, "sh", "-c", look)

    assert "exit code 1, left: \n" in done.stdout, done.stdout + done.stderr
    assert "No space left on device" in (root / "output/failure").read_text()


def test_full_disk_leaves_the_earlier_model_as_it_was(image: str, make_root: MakeRoot) -> None:
    root = make_root(num_round="50")
    look = "echo old >/opt/ml/model/manifest.json; train; cat /opt/ml/model/*"
    options = ("--volume", f"{root}:/opt/ml", "--tmpfs", "/opt/ml/model:size=12k")

    done = docker("run", "--rm", *options, image, "sh", "-c", look)

    assert done.stdout.endswith("old\n"), done.stdout + done.stderr


def test_folder_that_may_not_be_written_is_named(image: str, make_root: MakeRoot) -> None:
    root = make_root(num_round="5")
    for name in ("model", "output"):
        (root / name).chmod(0o555)

    done = docker("run", "--rm", "--user", "10001", "--volume", f"{root}:/opt/ml", image, "train")

    assert done.returncode == 1
    assert "Permission denied at /opt/ml/" in done.stderr
    assert "Traceback" not in done.stderr


def test_cpus_of_the_container_are_the_threads(image: str) -> None:
    """The host's count would make threads wait for each other."""
    count = "from fraud_detect.serving.cpus import available_cpus; print(available_cpus())"

    assert docker("run", "--rm", "--cpus", "1", image, "python3", "-c", count).stdout == "1\n"


def test_hyperparameters_of_the_sample_are_strings() -> None:
    """SageMaker passes nothing else."""
    parameters = json.loads((TEST_DIR / "input/config/hyperparameters.json").read_text())

    assert {type(value) for value in parameters.values()} == {str}
