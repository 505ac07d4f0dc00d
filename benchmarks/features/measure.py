"""Time and peak memory of computing features, by engine and by number of rows, beside pandas in the same run."""

from __future__ import annotations

import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import click

from fraud_detect.serving.cpus import available_cpus

HERE = Path(__file__).parent
OWN = str(Path(sys.executable).with_name("fraud-detect"))
DAYS = 183
ROWS_PER_CUSTOMER = 354.0  # in 183 days; only to choose sizes: the rows that are reported are counted
TERMINALS_PER_CUSTOMER, RADIUS, PUBLISHED_CUSTOMERS = 2, 5.0, 5_000
SECONDS_BETWEEN_LOOKS = 0.1
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Cost:
    """Wall time, and the largest resident memory of a process together with all that it started."""

    seconds: float
    peak_bytes: int


def cost_of(command: Sequence[str]) -> Cost:
    """Return what running `command` costs."""
    peak = 0
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen([*command], stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        ended = threading.Event()

        def look() -> None:
            nonlocal peak
            while not ended.wait(SECONDS_BETWEEN_LOOKS):
                peak = max(peak, resident(process.pid))

        looker = threading.Thread(target=look)
        looker.start()
        status = process.wait()
        seconds = time.perf_counter() - began
        ended.set()
        looker.join()
        output.seek(0)
        text = output.read().decode()
    if status != 0:
        sys.exit(f"{command} failed:\n{text}")
    return Cost(seconds, peak)


def resident(session: int) -> int:
    """Return the resident bytes of all processes of a session."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[3]) == session:
                total += int((folder / "statm").read_text().split()[1]) * PAGE_BYTES
        except (OSError, ValueError, IndexError):
            continue  # it has ended
    return total


def simulate(millions: float, folder: Path) -> int:
    """Write a table of about that many rows, as dense as the published one, and return how many it has."""
    customers = round(millions * 1e6 / ROWS_PER_CUSTOMER)
    radius = RADIUS * math.sqrt(PUBLISHED_CUSTOMERS / customers)
    size = ["--customers", customers, "--terminals", TERMINALS_PER_CUSTOMER * customers, "--radius", f"{radius:.4f}"]
    cost_of([OWN, "simulate", *map(str, size), "--days", str(DAYS), "--output", str(folder)])
    return rows_in(folder)


def rows_in(folder: Path) -> int:
    """Return the rows of the Parquet files in a folder; the engine is loaded in a process of its own."""
    count = f"import duckdb; print(duckdb.sql(\"SELECT COUNT(*) FROM '{folder}/*.parquet'\").fetchall()[0][0])"
    return int(subprocess.run([sys.executable, "-c", count], capture_output=True, check=True, text=True).stdout)


def compute(engine: str, features: str, given: Path, out: Path) -> Cost:
    """Return what the features of the table in `given` cost."""
    cost = cost_of(
        [OWN, "features", "--input", str(given), "--output", str(out), "--engine", engine, "--set", features]
    )
    if rows_in(out) != rows_in(given):
        sys.exit(f"{engine} lost rows")
    shutil.rmtree(out)
    return cost


def exponent(rows: Sequence[int], seconds: Sequence[float]) -> float:
    """Return b of the least squares fit seconds = a rows^b."""
    x, y = [math.log(each) for each in rows], [math.log(each) for each in seconds]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((each - mean_x) ** 2 for each in x)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread


@click.command()
@click.option("--millions", type=float, multiple=True, default=(1.75, 5, 20, 50), show_default=True)
@click.option("--engine", "engines", type=click.Choice(["duckdb", "spark"]), multiple=True, default=("duckdb", "spark"))
@click.option("--set", "sets", type=click.Choice(["handbook", "extended"]), multiple=True, default=("handbook",))
@click.option("--peer/--no-peer", default=True, help="Whether to run pandas on the first size.")
def main(millions: Sequence[float], engines: Sequence[str], sets: Sequence[str], peer: bool) -> None:
    """Print a table of costs, and how they grow."""
    versions = f"DuckDB {version('duckdb')}, PySpark {version('pyspark')}, pandas {version('pandas')}"
    print(f"{available_cpus()} CPUs, {platform.machine()}, Python {platform.python_version()}, {versions}\n")
    print(
        "| rows | features | engine | seconds | million rows/s | peak memory, GB |\n|---|---|---|---|---|---|",
        flush=True,
    )
    timed: dict[tuple[str, str], list[tuple[int, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="fraud-detect-benchmark-") as scratch:
        for number, size in enumerate(millions):
            given = Path(scratch) / f"given-{number}"
            rows = simulate(size, given)
            for features in sets:
                for engine in engines:
                    cost = compute(engine, features, given, Path(scratch) / "features")
                    timed.setdefault((engine, features), []).append((rows, cost.seconds))
                    show(rows, features, engine, cost)
            if peer and number == 0:
                target = str(Path(scratch) / "peer.parquet")
                show(
                    rows,
                    "handbook",
                    "pandas",
                    cost_of([sys.executable, str(HERE / "pandas_rolling.py"), str(given), target]),
                )
            shutil.rmtree(given)
    for (engine, features), points in timed.items():
        if len(points) > 1:
            power = exponent(*zip(*points, strict=True))
            print(f"\n{engine}, {features}: time grows with rows to the power of {power:.2f}")


def show(rows: int, features: str, engine: str, cost: Cost) -> None:
    """Print one line of the table."""
    speed, memory = rows / cost.seconds / 1e6, cost.peak_bytes / 1e9
    print(f"| {rows:,} | {features} | {engine} | {cost.seconds:.1f} | {speed:.2f} | {memory:.2f} |", flush=True)


if __name__ == "__main__":
    main()
