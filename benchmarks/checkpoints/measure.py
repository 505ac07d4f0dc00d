"""Run `fraud-detect train` without checkpoints and with them, in turn, and print times, CPU times and sizes.

CPU time tells more than wall time where others use the machine.
"""

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
from pathlib import Path

import click

from fraud_detect.serving.cpus import available_cpus

TABLE = Path(__file__).parents[1] / "train" / "table.py"
EVERY = (0, 10, 1)


@dataclass(frozen=True)
class Cost:
    """What one job took, and the size of its largest checkpoint in bytes, 0 without any."""

    seconds: float
    cpu_seconds: float
    checkpoint_bytes: int


def cost_of(root: Path) -> Cost:
    """Return what the job in `root` costs."""
    shutil.rmtree(root / "checkpoints", ignore_errors=True)
    command = [str(Path(sys.executable).with_name("fraud-detect")), "train", "--root", str(root)]
    start, before = time.perf_counter(), os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds, after = time.perf_counter() - start, os.times()
    if done.returncode != 0:
        sys.exit(f"{command} failed:\n{done.stderr}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    sizes = [path.stat().st_size for path in (root / "checkpoints").glob("*.*")]
    return Cost(seconds, cpu, max(sizes, default=0))


def root_for(folder: Path, every: int, rounds: int) -> Path:
    """Return a folder in the layout of /opt/ml around the table in `folder`."""
    root = folder / f"every-{every}"
    (root / "input/config").mkdir(parents=True)
    (root / "input/data/train").mkdir(parents=True)
    (root / "input/data/train/train.csv").hardlink_to(folder / "train.csv")
    parameters = {"num_round": rounds, "early_stopping_rounds": 0, "checkpoint_rounds": every, "resampler": "none"}
    own = {**parameters, "bootstrap_samples": 0, "report": "false"}
    (root / "input/config/hyperparameters.json").write_text(json.dumps({name: str(own[name]) for name in own}))
    return root


def measure(folder: Path, rounds: int, runs: int) -> dict[int, list[Cost]]:
    """Return the costs by the rounds between checkpoints, in turn so that all meet the same noise."""
    roots = {every: root_for(folder, every, rounds) for every in EVERY}
    costs: dict[int, list[Cost]] = {every: [] for every in EVERY}
    for run in range(runs):
        for every, root in roots.items():
            costs[every].append(cost_of(root))
        click.echo(f"  run {run + 1} of {runs} done", err=True)
    return costs


@click.command()
@click.option("--rows", type=int, default=285_000, show_default=True)
@click.option("--rounds", type=int, default=200, show_default=True)
@click.option("--runs", type=int, default=3, show_default=True)
def main(rows: int, rounds: int, runs: int) -> None:
    """Compare whole jobs: XGBoost, no resampling, no intervals, no report."""
    size = f"{rows:,} rows x 30 columns, {rounds} rounds"
    click.echo(f"{available_cpus()} CPUs ({platform.machine()}), {size}, median of {runs} runs\n")
    with tempfile.TemporaryDirectory(prefix="fraud-detect-benchmark-") as name:
        subprocess.run([sys.executable, str(TABLE), name, str(rows)], check=True)
        costs = measure(Path(name), rounds, runs)
    click.echo("| rounds between checkpoints | seconds | CPU seconds | ratio of CPU seconds | checkpoint in KiB |")
    click.echo("|---|---|---|---|---|")
    for every, found in costs.items():
        pairs = zip(found, costs[0], strict=True)
        ratio = statistics.median(cost.cpu_seconds / plain.cpu_seconds for cost, plain in pairs)
        seconds, cpu = (statistics.median(getattr(cost, what) for cost in found) for what in ("seconds", "cpu_seconds"))
        size = max(cost.checkpoint_bytes for cost in found) / 1024
        click.echo(f"| {every or 'none'} | {seconds:.1f} | {cpu:.1f} | {ratio:.3f} | {size:,.0f} |")


if __name__ == "__main__":
    main()
