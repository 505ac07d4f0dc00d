"""Start a server with all its processes, wait for it, end it, and look at what its processes use.

Knows /proc and signals. Never knows which server it is.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from client import get

PROC = Path("/proc")
STOP_SECONDS = 30.0
START_SECONDS = 60.0
PARENT, USER_TICKS, SYSTEM_TICKS, START_TICKS = 1, 11, 12, 19
"""Places in /proc/PID/stat after the command's name."""


class StartError(Exception):
    """A server did not come up; the text is the end of what it logged."""


@dataclass(frozen=True)
class Program:
    """A command, what its environment has beside ours, and the path that answers 200 once it is ready."""

    command: Sequence[str | Path]
    environment: Mapping[str, str]
    health_url: str


@contextmanager
def running(program: Program, log: Path) -> Iterator[int]:
    """Run `program` until it is no longer needed, and give its process id once it is ready.

    Raises
    ------
    StartError
        If it ends, or is not ready within `START_SECONDS`.
    """
    with started(program, log) as process:
        wait_until_ready(program.health_url, process, log)
        yield process.pid


@contextmanager
def started(program: Program, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start `program`, and end it with all its descendants afterwards; what they write goes to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            program.command,
            env={**os.environ, **program.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End `process` as a container's end would, then whatever it left."""
    family = {pid: _stat(pid)[START_TICKS] for pid in descendants(process.pid)}
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    for pid, start in family.items():
        with contextlib.suppress(OSError):
            if _stat(pid)[START_TICKS] == start:  # else the number has gone to another process
                os.kill(pid, signal.SIGKILL)
    process.kill()
    process.wait()


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path, pause_seconds: float = 0.05) -> None:
    """Return when `url` answers 200. Raises `StartError`."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, HTTPException):
            if get(url) == 200:
                return
        time.sleep(pause_seconds)
    raise StartError("\n".join(log.read_text().splitlines()[-12:]) or "it ended without a word")


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def descendants(leader: int) -> Sequence[int]:
    """Return `leader` and the processes below it, parents before their children."""
    parents = {}
    for folder in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(folder.name)] = int(_stat(int(folder.name))[PARENT])
    found = [leader]
    for above in found:
        found += [pid for pid, parent in parents.items() if parent == above]
    return found


def workers(leader: int) -> Sequence[int]:
    """Return the processes below `leader` that answer requests in Python: those without children, nginx apart."""
    family = descendants(leader)
    parents = {int(_stat(pid)[PARENT]) for pid in family}
    return [pid for pid in family if pid not in parents and (PROC / str(pid) / "comm").read_text().strip() != "nginx"]


def cpu_seconds(leader: int) -> float:
    """Return the CPU time of `leader` and the processes below it so far."""
    ticks = 0
    for pid in descendants(leader):
        with contextlib.suppress(OSError):
            state = _stat(pid)
            ticks += int(state[USER_TICKS]) + int(state[SYSTEM_TICKS])
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> Sequence[str]:
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
