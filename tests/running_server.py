"""A server that really runs: `container/serve` on a free port, with nginx or without."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

SERVE = Path(__file__).parents[1] / "container" / "serve"
PATIENCE_SECONDS = 60
ROW = b"0,3\n"

behind_nginx = pytest.param(
    "behind nginx",
    marks=pytest.mark.skipif(
        shutil.which("nginx") is None and os.environ.get("CI") != "true", reason="needs nginx, or CI=true to insist"
    ),
)
alone = pytest.param("alone")


@dataclass(frozen=True)
class Answer:
    """Status, headers and body of a response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as parsed JSON."""
        assert self.headers["Content-Type"] == "application/json"
        return json.loads(self.body)


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(root: Path, *, port: int, mode: str, log: Path | None = None, **environment: str) -> subprocess.Popen[str]:
    """Start the server over `root`/model and return at once; without nginx nothing is on its PATH.

    It writes to the file `log`, else to a pipe, which holds some hundred lines.
    """
    path = os.environ["PATH"] if mode == "behind nginx" else ""
    target = contextlib.nullcontext(subprocess.PIPE) if log is None else log.open("ab")
    with target as stderr:
        return _started(root, port, stderr, {"PATH": path, "MODEL_SERVER_WORKERS": "2", **environment})


def _started(root: Path, port: int, stderr: Any, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SERVE), "--root", str(root), "--port", str(port), "--host", "127.0.0.1"],
        env=environment,
        stderr=stderr,
        text=True,
    )


def outcome(root: Path, *, mode: str = "alone", port: int | None = None, **environment: str) -> tuple[int, str]:
    """Return the exit code and the log of a server that is not expected to stay."""
    process = start(root, port=port or a_free_port(), mode=mode, **environment)
    _, log = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, log


class Server:
    """A running server; leaving its block stops it."""

    def __init__(self, root: Path, mode: str, *, log: Path | None = None, **environment: str) -> None:
        self.port, self.mode, self._log = a_free_port(), mode, log
        self.process = start(root, port=self.port, mode=mode, log=log, **environment)

    def __enter__(self) -> Self:
        wait_until(self.is_ready)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            self.process.kill()

    def is_ready(self) -> bool:
        """Return whether `/ping` answers 200."""
        assert self.process.poll() is None, self.log()
        try:
            return self.get("/ping").status == 200
        except OSError:
            return False

    def get(self, path: str, method: str = "GET") -> Answer:
        """Return the answer to a request without a body."""
        return self._ask(method, path, None, {})

    def send(self, path: str, body: bytes, content_type: str = "text/csv", **headers: str) -> Answer:
        """Return the answer to a body that is sent to `path`."""
        return self._ask("POST", path, body, {"Content-Type": content_type, **headers})

    def post(self, body: bytes | Iterator[bytes], content_type: str = "text/csv", **headers: str) -> Answer:
        """Return the answer to rows; an iterator is sent in chunks."""
        return self._ask("POST", "/invocations", body, {"Content-Type": content_type, **headers})

    def _ask(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def run_folder(self) -> Path:
        """Return the folder that holds the server's socket and configuration."""
        (found,) = re.findall(r"-p (\S+)", command_line(self.child("nginx: master")))
        return Path(found)

    def processes(self) -> list[int]:
        """Return the process ids below the server's own, parents first."""
        return descendants(self.process.pid)

    def child(self, name: str) -> int:
        """Return the process id of the child whose command line holds `name`."""
        (pid,) = [pid for pid in children(self.process.pid) if name in command_line(pid)]
        return pid

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        return children(self.child("fraud_detect.serving.server"))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)

    def log(self) -> str:
        """Return what a server wrote; to a pipe, once it has ended."""
        if self._log is not None:
            return self._log.read_text()
        return self.process.communicate(timeout=PATIENCE_SECONDS)[1]


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descendants(pid: int) -> list[int]:
    below = children(pid)
    return below + [lower for child in below for lower in descendants(child)]


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def is_gone(pid: int) -> bool:
    """Return whether a process has ended, be it that nobody has asked for its exit code yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
