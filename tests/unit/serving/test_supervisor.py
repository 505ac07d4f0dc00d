"""Programs start together and end together, and no process is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from running_server import is_gone, wait_until

PATIENCE_SECONDS = 20
SLEEP = "ready(); time.sleep(60)"
IGNORE_TERM = "signal.signal(signal.SIGTERM, signal.SIG_IGN); "
PRELUDE = """\
import os, signal, sys, time
from pathlib import Path
ready = lambda: Path({name!r}).write_text(str(os.getpid()))
"""
PARENT = """
import signal, sys
from fraud_detect.serving.supervisor import Program, Signals, supervise

programs = [Program(name, command, {{}}, signal.SIGTERM) for name, command in {commands!r}.items()]
with Signals() as signals:
    sys.exit(supervise(programs, signals, grace_seconds={grace_seconds}))
"""


class Supervised:
    """A supervisor of Python snippets by name, each of which writes its process id to a file of that name."""

    def __init__(
        self, folder: Path, programs: dict[str, str], others: dict[str, list[str]], grace_seconds: float
    ) -> None:
        commands = {name: [sys.executable, "-c", PRELUDE.format(name=name) + code] for name, code in programs.items()}
        code = PARENT.format(commands={**commands, **others}, grace_seconds=grace_seconds)
        self.folder, self.names = folder, list(programs)
        self.process = subprocess.Popen([sys.executable, "-c", code], cwd=folder, start_new_session=True)

    def pid(self, name: str) -> int:
        """Return the process id of a program, once it runs."""
        path = self.folder / name
        wait_until(lambda: path.exists() and path.read_text() != "")
        return int(path.read_text())

    def started(self) -> Supervised:
        """Return this once every program runs."""
        for name in self.names:
            self.pid(name)
        return self

    def signalled(self, number: signal.Signals) -> int:
        """Send a signal to the supervisor and return its exit code."""
        self.process.send_signal(number)
        return self.exit_code()

    def exit_code(self) -> int:
        """Return the exit code, once the supervisor has ended."""
        return self.process.wait(PATIENCE_SECONDS)


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    """Give a function that starts a supervisor; end whatever is left."""
    started: list[Supervised] = []

    def start(grace_seconds: float = 10, others: dict[str, list[str]] | None = None, **programs: str) -> Supervised:
        started.append(Supervised(tmp_path, programs, others or {}, grace_seconds))
        return started[-1]

    yield start
    for supervised in started:
        supervised.process.kill()
        supervised.process.wait()


def runs(pid: int) -> bool:
    return not is_gone(pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_all_programs_and_gives_0(number: signal.Signals, supervise: Callable[..., Supervised]) -> None:
    supervised = supervise(first=SLEEP, second=SLEEP).started()

    assert supervised.signalled(number) == 0
    assert not runs(supervised.pid("first"))
    assert not runs(supervised.pid("second"))


def test_programs_stop_in_reverse_order_each_after_the_one_before(supervise: Callable[..., Supervised]) -> None:
    on_term = "signal.signal(signal.SIGTERM, lambda *_: {}); " + SLEEP
    last = on_term.format("(time.sleep(0.5), Path('end').write_text('last'), sys.exit())")
    first = on_term.format("(Path('end').write_text(Path('end').read_text() + ' first'), sys.exit())")
    supervised = supervise(first=first, last=last).started()

    assert supervised.signalled(signal.SIGTERM) == 0
    assert (supervised.folder / "end").read_text() == "last first"


def test_the_exit_code_of_a_program_that_ends_is_handed_on(supervise: Callable[..., Supervised]) -> None:
    supervised = supervise(first=SLEEP, second="ready(); time.sleep(0.3); os._exit(7)").started()

    assert supervised.exit_code() == 7
    assert not runs(supervised.pid("first"))


def test_a_program_that_a_signal_ended_gives_128_and_its_number(supervise: Callable[..., Supervised]) -> None:
    supervised = supervise(first=SLEEP, second=SLEEP).started()
    os.kill(supervised.pid("first"), signal.SIGKILL)

    assert supervised.exit_code() == 128 + signal.SIGKILL
    assert not runs(supervised.pid("second"))


def test_a_program_that_does_not_stop_is_killed_after_the_grace(supervise: Callable[..., Supervised]) -> None:
    supervised = supervise(grace_seconds=0.5, deaf=IGNORE_TERM + SLEEP)
    supervised.started()

    assert supervised.signalled(signal.SIGTERM) == 128 + signal.SIGKILL
    assert not runs(supervised.pid("deaf"))


def test_what_a_dead_program_leaves_is_ended_with_it(supervise: Callable[..., Supervised]) -> None:
    orphan = "ready(); child = os.fork(); child and Path('orphan').write_text(str(child)); time.sleep(60)"
    supervised = supervise(first=orphan)
    supervised.pid("orphan")
    os.kill(supervised.pid("first"), signal.SIGKILL)

    assert supervised.exit_code() == 128 + signal.SIGKILL
    wait_until(lambda: not runs(supervised.pid("orphan")))


@pytest.mark.skipif(sys.platform != "linux", reason="the system call is Linux's")
def test_programs_end_with_a_supervisor_that_is_killed(supervise: Callable[..., Supervised]) -> None:
    supervised = supervise(first=SLEEP, second=SLEEP).started()
    supervised.process.kill()

    wait_until(lambda: not runs(supervised.pid("first")) and not runs(supervised.pid("second")))


def test_a_program_that_cannot_be_started_ends_the_others(supervise: Callable[..., Supervised]) -> None:
    supervised = supervise(first=SLEEP, others={"second": ["/absent"]})

    assert supervised.exit_code() != 0
    assert not (supervised.folder / "first").exists() or not runs(supervised.pid("first"))
