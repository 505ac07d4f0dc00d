"""Two containers on a network of Docker's, as SageMaker's hosts: names that are known late, and one that is killed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import Container, MakeRoot, Start, docker, docker_output, wait_until

pytestmark = pytest.mark.docker

HOSTS = ("algo-1", "algo-2")
SECONDS = 120
WITHIN_A_MINUTE = 60


@pytest.fixture
def network() -> Iterator[str]:
    name = f"fraud-detect-test-{uuid.uuid4().hex[:8]}"
    docker_output("network", "create", name)
    yield name
    docker("network", "rm", name)


def roots_of(make_root: MakeRoot, **hyperparameters: str) -> list[Path]:
    """Return a root for each host, with half of the sample's rows."""
    roots = [make_root(**hyperparameters) for _ in HOSTS]
    for place, (name, root) in enumerate(zip(HOSTS, roots, strict=True)):
        (table,) = (root / "input/data/train").glob("*.csv")
        head, *rows = table.read_text().splitlines(keepends=True)
        table.write_text(head + "".join(rows[place :: len(HOSTS)]))
        config = root / "input/config"
        (config / "resourceconfig.json").write_text(json.dumps({"current_host": name, "hosts": HOSTS}))
        (config / "inputdataconfig.json").write_text(json.dumps({"train": {"S3DistributionType": "ShardedByS3Key"}}))
    return roots


def started(start: Start, network: str, place: int, root: Path) -> Container:
    name = HOSTS[place]
    options = ("--network", network, "--network-alias", name, "--hostname", name, "--volume", f"{root}:/opt/ml")
    return start("train", options=options)


def test_hosts_train_together_though_one_is_late(network: str, start: Start, make_root: MakeRoot) -> None:
    """The second host asks for the first one's name before there is such a container."""
    roots = roots_of(make_root, num_round="20")
    second = started(start, network, 1, roots[1])
    wait_until(lambda: "no way to reach algo-1 yet" in second.log, f"that it tries:\n{second.log}")

    first = started(start, network, 0, roots[0])
    wait_until(lambda: (roots[0] / "output/data/metrics.json").exists(), f"a model:\n{first.log}", seconds=SECONDS)

    assert (first.exit_code, second.exit_code) == (0, 0), first.log + second.log
    assert {path.name for path in (roots[0] / "model").iterdir()} == {
        "examples.json",
        "manifest.json",
        "model.onnx",
        "model.ubj",
    }
    assert list((roots[1] / "model").iterdir()) == []
    together = json.loads((roots[0] / "output/data/metrics.json").read_text())
    assert together["validation"]["rows"] + together["train"]["rows"] == 1_500


def test_a_host_that_is_killed_ends_the_other_with_the_cause(network: str, start: Start, make_root: MakeRoot) -> None:
    roots = roots_of(make_root, num_round="10000", early_stopping_rounds="0", resampler="none")
    first, second = (started(start, network, place, root) for place, root in enumerate(roots))
    wait_until(lambda: "round=3;" in first.log, f"some rounds:\n{first.log}", seconds=SECONDS)

    docker_output("kill", second.name)
    wait_until(lambda: (roots[0] / "output/failure").exists(), f"the cause:\n{first.log}", seconds=WITHIN_A_MINUTE)

    assert first.exit_code == 1
    assert "Host algo-2 failed: it is gone" in (roots[0] / "output/failure").read_text()
