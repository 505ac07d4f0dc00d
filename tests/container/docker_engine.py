"""Docker's command line for the container tests: what it prints, and containers that run in the background."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
TEST_DIR = REPOSITORY / "local_test" / "test_dir"
STOP_SECONDS = 30
"""From SIGTERM to SIGKILL; SageMaker gives an endpoint 30 seconds and a training job 120."""
SERVE_PORT = 8080
CALLER = 1234
"""The user who owns the mounted folder, where the tests may choose one."""


def docker(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run docker to its end, whatever its exit code."""
    return subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True)


def docker_output(*arguments: str | Path) -> str:
    """Return what docker prints; raise if it fails."""
    done = docker(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def inspect(name: str) -> Any:
    """Return what Docker knows of an image or a container."""
    return json.loads(docker_output("inspect", name))[0]


def wait_until(condition: Callable[[], bool], what: str, *, seconds: float = 60) -> None:
    """Return as soon as `condition` holds; fail after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


@dataclass(frozen=True)
class Answer:
    """Status and body of an HTTP answer; status 0 where nothing answers."""

    status: int
    body: str


@dataclass(frozen=True)
class Container:
    """A container in the background."""

    name: str

    @property
    def log(self) -> str:
        """Both of its streams."""
        done = docker("logs", self.name)
        return done.stdout + done.stderr

    @property
    def exit_code(self) -> int:
        """Its exit code, once it has ended."""
        wait_until(lambda: not inspect(self.name)["State"]["Running"], f"the end of the container:\n{self.log}")
        return int(inspect(self.name)["State"]["ExitCode"])

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it."""
        return docker("exec", self.name, *command)

    def stop(self) -> float:
        """Send SIGTERM, SIGKILL after `STOP_SECONDS`, and return how many seconds it took to end."""
        start = time.monotonic()
        docker_output("stop", "--time", str(STOP_SECONDS), self.name)
        return time.monotonic() - start

    def processes(self) -> list[str]:
        """Return the command lines of its processes."""
        return docker_output("top", self.name, "-o", "pid,args").splitlines()[1:]

    def request(self, path: str, body: bytes | None = None, content_type: str = "text/csv") -> Answer:
        """Send a request to the port that it serves on."""
        bindings = inspect(self.name)["NetworkSettings"]["Ports"]
        port = next((binding[0]["HostPort"] for binding in bindings.values() if binding), None)
        assert port, f"the container has ended:\n{self.log}"
        url = f"http://127.0.0.1:{port}{path}"
        request = urllib.request.Request(url, data=body, headers={"Content-Type": content_type})
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
                return Answer(reply.status, reply.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode())
        except OSError:
            return Answer(0, "")

    def wait_until_ready(self) -> None:
        """Return once `/ping` answers 200."""
        wait_until(lambda: self.request("/ping").status == 200, f"/ping:\n{self.log}")


Start = Callable[..., Container]
"""Starts a container in the background, with Docker's options and a command."""
MakeRoot = Callable[..., Path]
"""Makes a folder in the layout of /opt/ml, with hyperparameters."""
