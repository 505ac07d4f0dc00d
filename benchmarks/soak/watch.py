"""Memory and open files of a server's processes over time, and whether they grow.

Knows /proc. Never knows what the processes do.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from memory import BYTES_PER_MB, resident_bytes
from processes import descendants

EARLY, LATE = (0.3, 0.5), (0.8, 1.0)
"""The parts of the run that are compared, in [0, 1]: before the first, caches and pools fill."""
MOST_GROWTH, MOST_GROWTH_MB = 0.05, 4.0
"""Of a process' memory: this part of it and this much more are no growth."""
MOST_NEW_FILES = 2.0
NAMES: Sequence[tuple[str, str]] = (
    ("nginx: master", "nginx's master"),
    ("nginx: worker", "nginx's worker"),
    ("fraud_detect.serving.server", "gunicorn"),
    ("serve", "supervisor"),
)
"""What the command line of a process holds, and what it is."""


@dataclass(frozen=True)
class Sample:
    """What a process had at a time: seconds since the start, bytes in memory, open files."""

    pid: int
    name: str
    seconds: float
    resident_bytes: int
    files: int


@dataclass(frozen=True)
class Course:
    """Medians of a process over the two parts of the run that are compared."""

    pid: int
    name: str
    early_mb: float
    late_mb: float
    early_files: float
    late_files: float

    @property
    def grows(self) -> bool:
        """Whether the process has more than it may."""
        most_mb = self.early_mb * (1 + MOST_GROWTH) + MOST_GROWTH_MB
        return self.late_mb > most_mb or self.late_files > self.early_files + MOST_NEW_FILES


def samples(leader: int, seconds: float, *, every_seconds: float, between: Callable[[float], None]) -> Iterator[Sample]:
    """Give samples of `leader` and all below it for a while; `between` is called with the time that has passed."""
    start = time.monotonic()
    while (passed := time.monotonic() - start) < seconds:
        for pid in descendants(leader):
            with contextlib.suppress(OSError, AssertionError):  # it has just ended
                files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
                yield Sample(pid, _name(pid, leader), passed, resident_bytes(pid), files)
        between(passed)
        time.sleep(every_seconds)


def _name(pid: int, leader: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    name = next((name for word, name in NAMES if word in words), words)
    if name == "gunicorn":
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        return "gunicorn's master" if parent == leader else "gunicorn's worker"
    return name


def courses(found: Sequence[Sample], seconds: float) -> Sequence[Course]:
    """Return the course of each process that lived through both parts of the run."""
    made = []
    for pid, name in dict.fromkeys((sample.pid, sample.name) for sample in found):
        own = [sample for sample in found if sample.pid == pid]
        early, late = (
            [sample for sample in own if start <= sample.seconds / seconds <= end] for start, end in (EARLY, LATE)
        )
        if early and late and own[0].seconds / seconds <= EARLY[0]:
            made.append(
                Course(pid, name, _middle_mb(early), _middle_mb(late), _middle_files(early), _middle_files(late))
            )
    return made


def _middle_mb(part: Sequence[Sample]) -> float:
    return statistics.median(sample.resident_bytes for sample in part) / BYTES_PER_MB


def _middle_files(part: Sequence[Sample]) -> float:
    return statistics.median(sample.files for sample in part)
