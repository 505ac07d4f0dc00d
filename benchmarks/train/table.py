"""The table to train on: 30 float32 columns, 0.5 % frauds, the same for the same seed.

Frauds are a noisy, non-linear function of some columns, so that trees have something to find in every round.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import numpy as np

COLUMNS = 30
FRAUD_SHARE = 0.005
ROWS_AT_ONCE = 500_000


def write(folder: Path, rows: int, seed: int = 0) -> None:
    """Write `rows` rows as train.csv (header, label first) and as the arrays features.npy and labels.npy."""
    rng = np.random.default_rng(seed)
    features = np.lib.format.open_memmap(folder / "features.npy", mode="w+", dtype=np.float32, shape=(rows, COLUMNS))
    odds = np.empty(rows, dtype=np.float32)
    for start in range(0, rows, ROWS_AT_ONCE):
        part = rng.standard_normal((min(ROWS_AT_ONCE, rows - start), COLUMNS), dtype=np.float32).round(6)
        features[start : start + len(part)] = part
        noise = rng.standard_normal(len(part), dtype=np.float32)
        odds[start : start + len(part)] = (
            1.5 * part[:, 0] + part[:, 1] * part[:, 2] + np.abs(part[:, 3]) - np.sin(3 * part[:, 4]) + 1.5 * noise
        )
    labels = (odds > np.quantile(odds, 1 - FRAUD_SHARE)).astype(np.uint8)
    np.save(folder / "labels.npy", labels)
    features.flush()
    _write_csv(folder, features, labels)


def _write_csv(folder: Path, features: np.ndarray, labels: np.ndarray) -> None:
    names = ["Class", *(f"V{place}" for place in range(1, COLUMNS + 1))]
    with (folder / "train.csv").open("wb") as whole, duckdb.connect() as connection:
        for start in range(0, len(labels), ROWS_AT_ONCE):
            stop = start + ROWS_AT_ONCE
            part = {"Class": labels[start:stop], **dict(zip(names[1:], features[start:stop].T, strict=True))}
            connection.register("part", {name: np.ascontiguousarray(column) for name, column in part.items()})
            piece = folder / "piece.csv"
            connection.execute(f"COPY (SELECT * FROM part) TO '{piece}' (HEADER {start == 0})")
            whole.write(piece.read_bytes())
            piece.unlink()


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
