"""Run `fraud-detect train` and bare `xgboost.train` in turn, and print their times, peak memories and ratios."""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import click

from fraud_detect.serving.cpus import available_cpus

HERE = Path(__file__).parent
COLUMNS = 30
MATRIX_BYTES_PER_ROW = COLUMNS * 4
BARE = "xgboost.train"
JOBS = {
    "none, no report": {"resampler": "none", "report": "false"},
    "none": {"resampler": "none"},
    "smote": {"resampler": "smote"},
}
"""What is measured of ours, by name."""


@dataclass(frozen=True)
class Cost:
    """Wall time and peak resident memory of one finished process."""

    seconds: float
    peak_bytes: int


def cost_of(command: list[str]) -> Cost:
    """Return what running `command` costs; its output is thrown away unless it fails.

    A child's peak memory counts from its parent's at the fork: this process imports nothing large.
    """
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if status != 0:
            output.seek(0)
            sys.exit(f"{command} failed:\n{output.read().decode()}")
    return Cost(seconds, usage.ru_maxrss * 1024)


def root_for(folder: Path, name: str, rounds: int) -> Path:
    """Return a folder in the layout of /opt/ml around the table in `folder`, for one of `JOBS`."""
    root = folder / name
    shutil.rmtree(root, ignore_errors=True)
    (root / "input/config").mkdir(parents=True)
    (root / "input/data/train").mkdir(parents=True)
    (root / "input/data/train/train.csv").hardlink_to(folder / "train.csv")
    parameters = {**JOBS[name], "num_round": str(rounds), "early_stopping_rounds": "0"}
    (root / "input/config/hyperparameters.json").write_text(json.dumps(parameters))
    return root


def measure(folder: Path, rounds: int, runs: int) -> dict[str, list[Cost]]:
    """Return the costs of the peer and of ours with each of `JOBS`, in turn so that all meet the same noise."""
    python, own = sys.executable, str(Path(sys.executable).parent / "fraud-detect")
    bare = [python, str(HERE / "bare.py"), str(rounds), str(folder / "features.npy"), str(folder / "labels.npy")]
    costs: dict[str, list[Cost]] = {name: [] for name in (BARE, *JOBS)}
    for run in range(runs):
        costs[BARE].append(cost_of(bare))
        for name in JOBS:
            costs[name].append(cost_of([own, "train", "--root", str(root_for(folder, name, rounds))]))
        click.echo(f"  run {run + 1} of {runs} done", err=True)
    return costs


def report(rows: int, costs: dict[str, list[Cost]]) -> None:
    """Print one table row for each way of training."""
    matrix = rows * MATRIX_BYTES_PER_ROW
    for name, found in costs.items():
        ratio = statistics.median(ours.seconds / bare.seconds for ours, bare in zip(found, costs[BARE], strict=True))
        seconds = statistics.median(cost.seconds for cost in found)
        peak = statistics.median(cost.peak_bytes for cost in found)
        label = name if name == BARE else f"fraud-detect train, {name}"
        click.echo(f"| {rows:,} | {label} | {seconds:.1f} | {ratio:.2f} | {peak / 2**20:,.0f} | {peak / matrix:.2f} |")


@click.command()
@click.option("--rows", type=int, multiple=True, default=(285_000, 1_000_000, 5_000_000), show_default=True)
@click.option("--rounds", type=int, default=100, show_default=True)
@click.option("--runs", type=int, default=3, show_default=True)
def main(rows: tuple[int, ...], rounds: int, runs: int) -> None:
    """Compare whole processes: ours reads CSV, holds out a fifth, evaluates and exports; the peer has arrays."""
    versions = f"Python {platform.python_version()}, XGBoost {version('xgboost-cpu')}, DuckDB {version('duckdb')}"
    click.echo(f"{available_cpus()} CPUs ({platform.machine()}), {versions}; {rounds} rounds, median of {runs} runs\n")
    click.echo("| rows | what | seconds | ratio of times | peak MiB | peak / float32 matrix |")
    click.echo("|---|---|---|---|---|---|")
    for count in rows:
        with tempfile.TemporaryDirectory(prefix="fraud-detect-benchmark-") as name:
            cost_of([sys.executable, str(HERE / "table.py"), name, str(count)])
            report(count, measure(Path(name), rounds, runs))


if __name__ == "__main__":
    main()
