"""What clients see of processes that are killed, or told to stop, while they ask: the right answer or none."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from factories import an_artifact
from load import LOST, REFUSED, RIGHT, Load
from running_server import PATIENCE_SECONDS, Server, alone, behind_nginx, children, is_gone, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]
MODES = [behind_nginx, alone]
BUSY = 503
GUNICORN, NGINX = "fraud_detect.serving.server", "nginx: master"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    an_artifact(folder / "model")
    return folder


@pytest.fixture
def server(request: pytest.FixtureRequest, root: Path, tmp_path: Path) -> Iterator[Server]:
    """Give a server in the mode of the test, both workers there."""
    with Server(root, request.param, log=tmp_path / "log") as server:
        wait_until(lambda: len(server.workers()) == 2)
        yield server


def kill_a_worker(server: Server) -> None:
    """Kill a worker and return when another one has taken its place."""
    victim = server.workers()[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in server.workers() and len(server.workers()) == 2)


def wait_for_answers(load: Load, number: int = 50) -> None:
    """Return when the clients have got some more right answers."""
    enough = load.outcomes[RIGHT] + number
    wait_until(lambda: load.outcomes[RIGHT] >= enough)


@pytest.mark.parametrize("keep", [False, True], ids=["fresh connections", "kept connections"])
@pytest.mark.parametrize("server", [behind_nginx], indirect=True)
def test_behind_nginx_no_request_is_lost_when_workers_are_killed(server: Server, keep: bool) -> None:
    with Load(server.port, keep=keep) as load:
        for _ in range(3):
            wait_for_answers(load)
            kill_a_worker(server)
            assert server.get("/ping").status == 200

    assert load.outcomes.kinds() == {RIGHT}, load.outcomes.details


@pytest.mark.parametrize("server", [alone], indirect=True)
def test_alone_only_the_killed_workers_requests_are_lost(server: Server) -> None:
    with Load(server.port) as load:
        wait_for_answers(load)
        kill_a_worker(server)
        wait_for_answers(load)

    assert load.outcomes.kinds() <= {RIGHT, LOST}, load.outcomes.details
    assert load.outcomes[LOST] <= 8


@pytest.mark.parametrize("server", [behind_nginx], indirect=True)
def test_a_killed_nginx_worker_is_replaced(server: Server) -> None:
    (victim,) = children(server.child(NGINX))
    with Load(server.port) as load:
        wait_for_answers(load)
        os.kill(victim, signal.SIGKILL)
        wait_for_answers(load)

    assert load.outcomes.kinds() <= {RIGHT, LOST}, load.outcomes.details
    assert load.outcomes[LOST] <= 8
    assert victim not in children(server.child(NGINX))


@pytest.mark.parametrize(
    ("server", "name"),
    [
        pytest.param("behind nginx", GUNICORN, marks=behind_nginx.marks),
        pytest.param("behind nginx", NGINX, marks=behind_nginx.marks),
        ("alone", GUNICORN),
    ],
    indirect=["server"],
)
def test_the_server_ends_with_its_part_and_leaves_nothing(server: Server, name: str) -> None:
    below = server.processes()
    with Load(server.port) as load:
        wait_for_answers(load)
        os.kill(server.child(name), signal.SIGKILL)

        assert server.process.wait(10) == 128 + signal.SIGKILL

    assert load.outcomes.kinds() <= {RIGHT, LOST, REFUSED, BUSY}, load.outcomes.details
    wait_until(lambda: all(map(is_gone, below)))


@pytest.mark.parametrize("server", MODES, indirect=True)
def test_a_killed_supervisor_takes_everything_with_it(server: Server) -> None:
    below = server.processes()
    run_folders = {Path(path) for pid in below for path in open_folders(pid)}
    with Load(server.port) as load:
        wait_for_answers(load)
        server.process.kill()
        wait_until(lambda: all(map(is_gone, below)))

    assert load.outcomes.kinds() <= {RIGHT, LOST, REFUSED, BUSY}, load.outcomes.details
    for folder in run_folders:  # nobody is left to remove it
        shutil.rmtree(folder)


def open_folders(pid: int) -> set[str]:
    """Return the server's folders that a process names on its command line."""
    words = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").split()
    return {word for word in words if Path(word).name.startswith("fraud-detect-") and Path(word).is_dir()}


@pytest.mark.parametrize("keep", [False, True], ids=["fresh connections", "kept connections"])
@pytest.mark.parametrize("server", MODES, indirect=True)
def test_sigterm_loses_no_request(server: Server, keep: bool) -> None:
    with Load(server.port, clients=16, keep=keep) as load:
        wait_for_answers(load, 200)
        start = time.monotonic()

        assert server.stop() == 0
        assert time.monotonic() - start < PATIENCE_SECONDS / 4

    assert load.outcomes.kinds() <= {RIGHT, REFUSED}, load.outcomes.details
