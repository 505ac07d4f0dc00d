"""`docker run IMAGE console`, as any user, with nothing to write to but the mounted folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from docker_engine import SERVE_PORT, STOP_SECONDS, Container, Start, docker, docker_output, wait_until

pytestmark = pytest.mark.docker

COMMAND = ("console", "--endpoint", "http://scorer:8080")
CONFINED = [
    (),
    ("--user", "10001"),
    ("--read-only",),
    ("--read-only", "--user", "10001:10001", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
]
Console = Callable[..., Container]


@pytest.fixture
def job(make_root: Callable[[], Path], trained: Path) -> Path:
    """Return a root with a trained model, of this test's own."""
    root = make_root()
    for part in ("model", "output"):
        shutil.copytree(trained / part, root / part, dirs_exist_ok=True)
    (root / "console").mkdir()
    (root / "console").chmod(0o777)
    return root


@pytest.fixture
def console(start: Start, job: Path) -> Console:
    """Return a function that starts a console and waits until it is ready."""

    def run(*options: str, command: tuple[str, ...] = COMMAND, port: int = SERVE_PORT) -> Container:
        mounts = ("--volume", f"{job}:/opt/ml", "--publish", f"127.0.0.1::{port}")
        started = start(*command, options=(*mounts, *options))
        started.wait_until_ready()
        return started

    return run


@pytest.mark.parametrize("options", CONFINED, ids=lambda options: " ".join(options) or "root")
def test_confined_console_shows_its_log_in(console: Console, options: tuple[str, ...]) -> None:
    answer = console(*options).request("/log-in")

    assert answer.status == 200, answer.body
    assert "<h1>Log in</h1>" in answer.body


def test_account_is_made_by_a_command_in_the_container(console: Console) -> None:
    started = console("--read-only", "--user", "10001", "--env", "FRAUD_DETECT_PASSWORD=three plain words")

    made = started.run("fraud-detect", "accounts", "add", "anna")

    assert (made.returncode, made.stdout) == (0, "The account anna has the role admin.\n"), made.stderr


def test_what_it_keeps_is_for_its_user_only(image: str, console: Console, job: Path) -> None:
    console("--user", "10001")
    listing = ("stat", "--format", "%n %a", "/opt/ml/console/key")

    assert docker_output("run", "--rm", "--volume", f"{job}:/opt/ml:ro", image, *listing).endswith("key 600")


@pytest.mark.parametrize(
    "options",
    [("--volume", "{job}:/opt/ml:ro"), ("--volume", "{job}:/opt/ml", "--user", "12345")],
    ids=["mounted read-only", "another user's"],
)
def test_folder_that_it_cannot_write_ends_it_with_the_remedy(image: str, job: Path, options: tuple[str, ...]) -> None:
    (job / "console").chmod(0o755)

    ended = docker("run", "--rm", *(option.format(job=job) for option in options), image, *COMMAND)

    (line,) = ended.stderr.splitlines()
    assert ended.returncode == 1
    assert "cannot write in /opt/ml/console as user" in line
    assert "name another --root" in line


def test_port_option_is_where_the_health_check_asks(console: Console) -> None:
    started = console(command=(*COMMAND, "--port", "9191"), port=9191)

    assert started.run("healthcheck").returncode == 0


def test_command_line_is_checked_as_well(console: Console) -> None:
    command = ("fraud-detect", "console", "--host", "0.0.0.0", *COMMAND[1:])  # noqa: S104

    assert console(command=command).run("healthcheck").returncode == 0


def test_port_of_sagemaker_is_not_the_console_s(console: Console) -> None:
    started = console("--env", "SAGEMAKER_BIND_TO_PORT=9090")

    assert started.run("healthcheck").returncode == 0


def test_console_becomes_healthy(console: Console) -> None:
    started = console("--health-interval", "1s")
    status = ("inspect", "--format", "{{.State.Health.Status}}", started.name)

    wait_until(lambda: docker(*status).stdout == "healthy\n", "a healthy container")


def test_console_that_does_not_answer_is_unhealthy(start: Start) -> None:
    hung = start("python3", "-c", "import time; time.sleep(600)", "console")

    checked = hung.run("healthcheck")

    assert checked.returncode == 1
    assert "http://127.0.0.1:8080/ping: " in checked.stderr


def test_sigterm_ends_it_with_success(console: Console) -> None:
    started = console()

    seconds = started.stop()

    assert started.exit_code == 0, started.log
    assert seconds < STOP_SECONDS


def test_killed_console_starts_again_with_its_accounts(console: Console) -> None:
    first = console("--env", "FRAUD_DETECT_PASSWORD=three plain words")
    first.run("fraud-detect", "accounts", "add", "anna")
    docker_output("kill", first.name)

    again = console("--env", "FRAUD_DETECT_PASSWORD=three plain words")

    assert "The account 'anna' exists" in again.run("fraud-detect", "accounts", "add", "anna").stderr
