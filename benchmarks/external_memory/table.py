"""The table to train on: files of Parquet, 30 float32 columns and a label, 0.8 % frauds, the same for the same seed."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import numpy as np

COLUMNS = 30
ODDS_OF_FRAUD = 7.0
"""Above which a row is a fraud: some 0.8 % are."""
ROWS_OF_A_FILE = 1_000_000


def write(folder: Path, rows: int, seed: int = 0) -> None:
    """Write `rows` rows into `folder`. Frauds are a noisy, non-linear function of some columns."""
    rng = np.random.default_rng(seed)
    with duckdb.connect() as connection:
        for start in range(0, rows, ROWS_OF_A_FILE):
            part = rng.standard_normal((min(ROWS_OF_A_FILE, rows - start), COLUMNS), dtype=np.float32)
            noise = rng.standard_normal(len(part), dtype=np.float32)
            odds = (
                1.5 * part[:, 0] + part[:, 1] * part[:, 2] + np.abs(part[:, 3]) - np.sin(3 * part[:, 4]) + 1.5 * noise
            )
            columns = {f"V{place + 1}": np.ascontiguousarray(part[:, place]) for place in range(COLUMNS)}
            connection.register("part", {"Class": (odds > ODDS_OF_FRAUD).astype(np.uint8), **columns})
            file = folder / f"part-{start // ROWS_OF_A_FILE:04d}.parquet"
            connection.execute(f"COPY (SELECT * FROM part) TO '{file}' (FORMAT parquet)")


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
