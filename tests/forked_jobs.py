"""Training jobs in processes that are forked from one that has imported all libraries, so that each starts at once.

Run as a program it is that process: for each root on standard input it forks a job and answers with its process id, and
for each `wait PID` with the exit code, or the signal below 0. Nothing is computed before a fork: OpenMP would hang.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LIBRARIES = ("duckdb", "imblearn.over_sampling", "lightgbm", "onnx", "onnxruntime", "pandas", "sklearn", "xgboost")
STDOUT, STDERR = "stdout.txt", "stderr.txt"


@dataclass(frozen=True)
class ForkedJobs:
    """Starts jobs, and waits for them."""

    process: subprocess.Popen[str]

    def start(self, root: Path) -> int:
        """Start the job in `root`, which says what it says to files there, and return its process id."""
        return self._ask(str(root))

    def wait(self, pid: int) -> int:
        """Return the exit code of a job, or the signal that ended it, below 0."""
        return self._ask(f"wait {pid}")

    def run(self, root: Path) -> int:
        """Return the exit code of the job in `root`."""
        return self.wait(self.start(root))

    def _ask(self, question: str) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextmanager
def forked_jobs() -> Iterator[ForkedJobs]:
    """Give what starts jobs."""
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield ForkedJobs(process)
        process.kill()


def main() -> None:
    """Answer questions until there are no more."""
    for name in LIBRARIES:
        __import__(name)
    from fraud_detect.entrypoints.train import train_root

    for line in sys.stdin:
        what, _, pid = line.strip().partition(" ")
        if what == "wait":
            _answer(os.waitstatus_to_exitcode(os.waitpid(int(pid), 0)[1]))
            continue
        root, forked = Path(line.strip()), os.fork()
        if forked:
            _answer(forked)
            continue
        for name, descriptor in ((STDOUT, 1), (STDERR, 2)):
            os.dup2(os.open(root / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
        code = train_root(root)
        sys.stdout.flush()
        os._exit(code)


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
