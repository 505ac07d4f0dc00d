"""How far a file is, and how long it will still take.

Knows counts and seconds. Never knows files, endpoints, Flask.
"""

from __future__ import annotations

from dataclasses import dataclass

EXPLAINING_COSTS = 15.0
"""What it takes to explain a row, where scoring and writing one takes 1: see `benchmarks/console_files`."""
SCORING, WRITING = "scoring", "explaining and writing"
SOONEST_SECONDS = 1.0
"""Before so long has passed, nothing is said of the time left."""


@dataclass
class Progress:
    """Counts of one file's scoring. One thread writes; others read, and may see a count a moment late.

    `rows` are those scored so far, `total` all of them once known, `share` how much of the file this step has read.
    """

    began: float
    most_explained: int
    step: str = SCORING
    share: float = 0.0
    rows: int = 0
    total: int | None = None
    explained: int = 0

    @property
    def rows_expected(self) -> float:
        """How many rows the file has, or seems to have."""
        if self.total is not None:
            return float(self.total)
        return self.rows / self.share if self.share > 0 else 0.0

    @property
    def done(self) -> float:
        """How much of all work is done, from 0 to 1."""
        rows = self.rows_expected
        explained = min(rows, float(self.most_explained))
        whole = 2 * rows + EXPLAINING_COSTS * explained
        if not whole:
            return 0.0
        scored = self.share if self.step == SCORING else 1.0
        wrote = 0.0 if self.step == SCORING else self.share
        return min((rows * (scored + wrote) + EXPLAINING_COSTS * min(self.explained, explained)) / whole, 1.0)

    def seconds_left(self, now: float) -> float | None:
        """Return about how long it still takes; None where nothing can be said yet."""
        passed = now - self.began
        if self.done <= 0 or passed < SOONEST_SECONDS:
            return None
        return passed / self.done * (1 - self.done)
