"""The native booster alone, on one thread: what no server around it can exceed in one worker.

Knows xgboost. Never knows servers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bodies import Table


@dataclass(frozen=True)
class Bare:
    """A booster and rows for it, float32, shape (n, width)."""

    booster: Any
    rows: Any

    def rows_per_second(self, seconds: float) -> float:
        """Return how many rows `inplace_predict` scores a second, over `seconds`."""
        start, calls = time.perf_counter(), 0
        while (spent := time.perf_counter() - start) < seconds:
            self.booster.inplace_predict(self.rows)
            calls += 1
        return calls * len(self.rows) / spent

    def trees(self) -> tuple[int, float]:
        """Return the number of trees and of leaves in each, on average."""
        dump = self.booster.get_dump()
        return len(dump), sum(tree.count("leaf=") for tree in dump) / len(dump)


def load(booster: Path, table: Table, rows: int) -> Bare:
    """Return the booster at `booster`, with the first `rows` rows of `table`."""
    import numpy as np
    import xgboost

    loaded = xgboost.Booster(params={"nthread": 1})
    loaded.load_model(booster)
    matrix = [[float(cell) for cell in line.split(",")] for line in table.lines[:rows]]
    return Bare(loaded, np.array(matrix, dtype=np.float32))
