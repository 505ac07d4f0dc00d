"""The model under test: 200 trees of depth 6 over 30 features, trained by our own command.

Knows the training command and the layout of its folder. Never knows servers, requests.
"""

from __future__ import annotations

import csv
import itertools
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bodies import Table

HERE = Path(__file__).parent
TRAIN, TABLE = HERE.parents[1] / "container" / "train", HERE.parent / "train" / "table.py"
ROWS = 20_000
TREES, DEPTH = 200, 6
HYPERPARAMETERS = {
    "num_round": str(TREES),
    "max_depth": str(DEPTH),
    "early_stopping_rounds": "0",
    "resampler": "none",
}


@dataclass(frozen=True)
class Workload:
    """A trained model in `root`, which stands in for /opt/ml, and the table that it was trained on."""

    root: Path
    table: Table

    @property
    def booster(self) -> Path:
        """The native booster of the model."""
        return self.root / "model" / "model.ubj"


def train(root: Path) -> Workload:
    """Train in the new folder `root`."""
    channel = root / "input" / "data" / "train"
    channel.mkdir(parents=True)
    subprocess.run([sys.executable, TABLE, root, str(ROWS)], check=True)
    (root / "train.csv").rename(channel / "train.csv")
    (root / "input" / "config").mkdir()
    (root / "input" / "config" / "hyperparameters.json").write_text(json.dumps(HYPERPARAMETERS))
    subprocess.run([sys.executable, TRAIN, "--root", root], check=True, capture_output=True)
    with (channel / "train.csv").open(newline="") as file:
        rows = csv.reader(file)
        names = next(rows)[1:]
        return Workload(root, Table(names, [",".join(row[1:]) for row in itertools.islice(rows, ROWS)]))
