"""Time and peak memory of simulating: the published size beside a loop with pandas, then streams of many millions."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import click
import duckdb

from fraud_detect.serving.cpus import available_cpus

HERE = Path(__file__).parent
OWN = str(Path(sys.executable).with_name("fraud-detect"))
PUBLISHED = {"customers": 5_000, "terminals": 10_000, "days": 183}
ROWS_PER_CUSTOMER_AND_DAY = 1.93  # only to choose sizes; the rows that are reported are counted
DRIFT = HERE / "drift.json"


@dataclass(frozen=True)
class Cost:
    """Wall time and peak resident memory of one finished process, and what it wrote."""

    seconds: float
    peak_bytes: int
    rows: int
    written_bytes: int


def cost_of(command: Sequence[str], folder: Path, pattern: str) -> Cost:
    """Return what running `command` costs, which writes files of `pattern` into `folder`; they are removed again.

    A child's peak memory counts from its parent's at the fork: this process imports nothing large before it.
    """
    folder.mkdir()
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen([*command], stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        output.seek(0)
        text = output.read().decode()
    if status != 0:
        sys.exit(f"{command} failed:\n{text}")
    size = sum(path.stat().st_size for path in folder.iterdir())
    rows = int(text.split()[0]) if pattern.endswith("pkl") else _rows(folder / pattern)
    shutil.rmtree(folder)
    return Cost(seconds, usage.ru_maxrss * 1024, rows, size)


def _rows(pattern: Path) -> int:
    ((rows,),) = duckdb.sql(f"SELECT COUNT(*) FROM '{pattern}'").fetchall()
    return int(rows)


def ours(folder: Path, *options: str, file_format: str = "parquet", **size: int) -> Cost:
    """Return the cost of `fraud-detect simulate` at a size, a process of its own."""
    sizes = [part for name, value in size.items() for part in (f"--{name}", str(value))]
    command = [OWN, "simulate", *sizes, "--format", file_format, "--output", str(folder / "out"), *options]
    return cost_of(command, folder / "out", f"*.{file_format}")


def loop(folder: Path) -> Cost:
    """Return the cost of the loop with pandas at the published size."""
    numbers = [str(PUBLISHED[name]) for name in ("customers", "terminals", "days")]
    command = [sys.executable, str(HERE / "loop.py"), *numbers, str(folder / "out")]
    return cost_of(command, folder / "out", "*.pkl")


def report(what: str, costs: Sequence[Cost]) -> None:
    """Print one row of the table: medians over the runs."""
    seconds = statistics.median(cost.seconds for cost in costs)
    peak = statistics.median(cost.peak_bytes for cost in costs)
    written = costs[0].written_bytes / 2**20
    click.echo(f"| {what} | {costs[0].rows:,} | {seconds:.1f} | {peak / 2**20:,.0f} | {written:,.0f} |")


def published_size(folder: Path, runs: int) -> None:
    """Print the published size: the loop and ours, in turn so that all meet the same noise."""
    costs: dict[str, list[Cost]] = {}
    for _ in range(runs):
        costs.setdefault("loop over customers with pandas", []).append(loop(folder))
        for name in ("parquet", "csv"):
            label = f"fraud-detect simulate, {name}"
            costs.setdefault(label, []).append(ours(folder, file_format=name, **PUBLISHED))
        drifting = ours(folder, "--drift", str(DRIFT), **PUBLISHED)
        costs.setdefault("fraud-detect simulate, parquet, eight kinds of drift", []).append(drifting)
    for what, found in costs.items():
        report(what, found)


def streams(folder: Path, millions: Sequence[int]) -> None:
    """Print streams of many millions: more days of the same world, and more customers for the same days."""
    for million in millions:
        rows = million * 1_000_000
        days = round(rows / PUBLISHED["customers"] / ROWS_PER_CUSTOMER_AND_DAY)
        report(f"5,000 customers, {days:,} days", [ours(folder, **{**PUBLISHED, "days": days})])
        customers = round(rows / PUBLISHED["days"] / ROWS_PER_CUSTOMER_AND_DAY)
        size = {**PUBLISHED, "customers": customers, "terminals": 2 * customers}
        report(f"{customers:,} customers, 183 days", [ours(folder, **size)])


@click.command()
@click.option("--runs", type=int, default=3, show_default=True, help="Runs of the published size.")
@click.option("--millions", type=int, multiple=True, default=(10, 100), show_default=True, help="Sizes of streams.")
def main(runs: int, millions: tuple[int, ...]) -> None:
    """Compare whole processes, start included."""
    versions = f"Python {platform.python_version()}, NumPy {version('numpy')}, DuckDB {version('duckdb')}"
    click.echo(f"{available_cpus()} CPUs ({platform.machine()}), {versions}; median of {runs} runs, streams once\n")
    click.echo("| what | transactions | seconds | peak MiB | written MiB |")
    click.echo("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="fraud-detect-benchmark-") as name:
        if runs:
            published_size(Path(name), runs)
        streams(Path(name), millions)


if __name__ == "__main__":
    main()
