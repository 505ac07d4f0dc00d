"""scripts/demo --console in a small world: the console answers, transactions flow, and nothing outlives it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from running_server import descendants, is_gone, wait_until

REPOSITORY = Path(__file__).parents[2]
DEMO = REPOSITORY / ".demo"
PASSWORD = "several plain words"
LIMIT_SECONDS = 240

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@dataclass
class Demo:
    """A demo that runs, and what it has said so far."""

    process: subprocess.Popen[str]
    said: str = ""

    def read_until(self, words: str) -> None:
        """Read on until a line has `words`."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if words in line:
                return
        raise AssertionError(self.said)

    def found(self, pattern: str) -> str:
        """Return what a line says."""
        (found,) = re.findall(pattern, self.said, re.MULTILINE)
        return str(found)

    def end(self) -> int:
        """Read to the end, and return the exit code."""
        assert self.process.stdout is not None
        self.said += self.process.stdout.read()
        return self.process.wait(LIMIT_SECONDS)


@pytest.fixture(scope="module", autouse=True)
def _set_up() -> None:
    subprocess.run(["scripts/setup"], cwd=REPOSITORY, check=True)


@contextlib.contextmanager
def demo(*options: str, **environment: str) -> Iterator[Demo]:
    """Give a demo that has begun; it is killed if a test leaves it running."""
    process = subprocess.Popen(
        ["scripts/demo", "--console", "--small", "--password", PASSWORD, *options],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Demo(process)
    finally:
        for pid in [*descendants(process.pid), process.pid] if process.poll() is None else []:
            os.kill(pid, signal.SIGKILL)
        process.wait()


def cases() -> int:
    """Return how many transactions the desk has."""
    with contextlib.closing(sqlite3.connect(DEMO / "opt_ml/console/console.sqlite")) as database:
        return int(database.execute("SELECT count(*) FROM cases").fetchone()[0])


def test_transactions_flow_until_ctrl_c_and_nothing_stays() -> None:
    with demo("--rate", "20", "--port", "0") as running:
        running.read_until("Ctrl-C stops everything")
        address = running.found(r"Open +(http://127\.0\.0\.1:\d+)$")
        with urllib.request.urlopen(f"{address}/log-in") as page:  # noqa: S310 (this machine)
            assert "<h1>Log in</h1>" in page.read().decode()
        wait_until(lambda: cases() > 0)
        started = descendants(running.process.pid)

        running.process.send_signal(signal.SIGINT)

        assert running.end() == 0, running.said
        assert "demo: all is stopped" in running.said
        assert all(is_gone(pid) for pid in started)


def test_it_stops_by_itself_after_so_many_seconds_and_says_how_to_come_in() -> None:
    with demo("--seconds", "1", "--port", "0") as running:
        assert running.end() == 0, running.said

    assert re.findall(r"^demo: (\d)/7 ", running.said, flags=re.MULTILINE) == list("1234567")
    assert (running.found(r"Log in +(\w+)$"), running.found(r"Password +(.+)$")) == ("admin", PASSWORD)


def test_a_console_that_cannot_start_fails_the_demo_and_says_why() -> None:
    with demo("--port", "0", FRAUD_DETECT_CONSOLE_KEY="short") as running:
        assert running.end() == 1
        assert "FRAUD_DETECT_CONSOLE_KEY has 5 characters" in running.said


@pytest.mark.parametrize("options", [["--unknown"], ["--rate"]], ids=" ".join)
def test_options_that_there_are_not_are_answered_by_the_usage(options: list[str]) -> None:
    done = subprocess.run(["scripts/demo", *options], cwd=REPOSITORY, check=False, capture_output=True, text=True)

    assert done.returncode == 2
    assert "scripts/demo --console" in done.stderr
