"""Run `fraud-detect train` with checkpoints under Python's profiler, and print what share of its fit they take.

Both are times of one run, so that the share holds where others use the machine, too.
"""

from __future__ import annotations

import json
import platform
import pstats
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from fraud_detect.serving.cpus import available_cpus

TABLE = Path(__file__).parents[1] / "train" / "table.py"
KEEPING, FITTING = ("estimators/boosting.py", "_keep"), ("training/candidate.py", "_fit")
"""The functions that keep snapshots and that fit."""


@dataclass(frozen=True)
class Cost:
    """Seconds of the fit, those in it of making and writing checkpoints, how many there were; bytes of the largest."""

    fit_seconds: float
    kept_seconds: float
    kept: int
    most_bytes: int


def cost_of(root: Path) -> Cost:
    """Return what the job in `root` costs."""
    profile, own = root / "profile", Path(sys.executable).with_name("fraud-detect")
    command = [sys.executable, "-m", "cProfile", "-o", str(profile), str(own), "train", "--root", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{command} failed:\n{done.stderr}")
    kept, kept_seconds = profiled(profile, *KEEPING)
    sizes = [path.stat().st_size for path in (root / "checkpoints").glob("*.*")]
    return Cost(profiled(profile, *FITTING)[1], kept_seconds, kept, max(sizes))


def profiled(profile: Path, file: str, name: str) -> tuple[int, float]:
    """Return how often a function was called, and its seconds with all that it called."""
    stats = pstats.Stats(str(profile)).stats  # type: ignore[attr-defined]
    (found,) = [each for place, each in stats.items() if place[0].endswith(file) and place[2] == name]
    return found[1], found[3]


def root_for(folder: Path, algorithm: str, every: int, rounds: int) -> Path:
    """Return a folder in the layout of /opt/ml around the table in `folder`."""
    root = folder / f"{algorithm}-every-{every}"
    (root / "input/config").mkdir(parents=True)
    (root / "input/data/train").mkdir(parents=True)
    (root / "input/data/train/train.csv").hardlink_to(folder / "train.csv")
    job = {"algorithm": algorithm, "num_round": rounds, "early_stopping_rounds": 0, "resampler": "none"}
    job |= {"checkpoint_rounds": every, "bootstrap_samples": 0, "report": "false"}
    (root / "input/config/hyperparameters.json").write_text(json.dumps({name: str(job[name]) for name in job}))
    return root


@click.command()
@click.option("--rows", type=int, default=285_000, show_default=True)
@click.option("--rounds", type=int, default=200, show_default=True)
@click.option("--algorithm", type=click.Choice(["xgboost", "lightgbm"]), default="xgboost", show_default=True)
@click.option(
    "--every", type=int, multiple=True, default=(10, 1), show_default=True, help="Rounds between checkpoints."
)
def main(rows: int, rounds: int, algorithm: str, every: tuple[int, ...]) -> None:
    """Tell what checkpoints cost a job without resampling, intervals and report."""
    size = f"{rows:,} rows x 30 columns, {algorithm}, {rounds} rounds"
    click.echo(f"{available_cpus()} CPUs ({platform.machine()}), {size}\n")
    click.echo("| rounds between checkpoints | checkpoints | milliseconds each | share of the fit | KiB of the last |")
    click.echo("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="fraud-detect-benchmark-") as name:
        subprocess.run([sys.executable, str(TABLE), name, str(rows)], check=True)
        for number in every:
            cost = cost_of(root_for(Path(name), algorithm, number, rounds))
            each, share = 1000 * cost.kept_seconds / cost.kept, cost.kept_seconds / cost.fit_seconds
            click.echo(f"| {number} | {cost.kept} | {each:.0f} | {share:.2%} | {cost.most_bytes / 1024:,.0f} |")


if __name__ == "__main__":
    main()
