"""Train on several hosts, which are processes on loopback addresses; print the time and the bytes of a round."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import click

TABLE = Path(__file__).parents[1] / "train" / "table.py"
TRAIN = "from fraud_detect.entrypoints.train import main; main()"
SHARDS = 4
ROUND = re.compile(rb"^round=(\d+);")
MEGABYTE = 1e6


@dataclass(frozen=True)
class Measured:
    """Seconds of the whole job and of a round, by the clock and of a host's CPU, and bytes that it sends in a round.

    CPU seconds say what a round would take on machines of their own, whatever else this one does meanwhile.
    """

    job_seconds: float
    round_seconds: float
    round_cpu_seconds: float
    round_bytes: float
    training_rows: int
    average_precision: float


def roots_of(folder: Path, source: Path, hosts: int, hyperparameters: dict[str, str]) -> list[Path]:
    """Return a folder like /opt/ml for each host; each has every so many-th of the files."""
    names = [f"127.0.{hosts}.{place + 1}" for place in range(hosts)]
    roots = []
    for place, name in enumerate(names):
        root = folder / f"{hosts}-{place}"
        channel, config = root / "input/data/train", root / "input/config"
        channel.mkdir(parents=True)
        config.mkdir(parents=True)
        for file in sorted(source.glob("part-*.csv"))[place::hosts]:
            os.link(file, channel / file.name)
        (config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
        (config / "resourceconfig.json").write_text(json.dumps({"current_host": name, "hosts": names}))
        roots.append(root)
    return roots


def sent() -> int:
    """Return the bytes that went through the loopback interface of this network."""
    lines = Path("/proc/net/dev").read_text().splitlines()
    (fields,) = (line.split(":")[1].split() for line in lines if line.strip().startswith("lo:"))
    return int(fields[8])


def cpu_seconds(process: int) -> float:
    """Return what `process` and those that it started have used so far."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_seconds(int(child)) for child in children)


def measure(roots: list[Path]) -> Measured:
    """Train, and look at the clock and the bytes at the second round and the last one that rank 0 tells of."""
    start, told = time.perf_counter(), []
    processes = []
    for place, root in enumerate(roots):
        command = [sys.executable, "-u", "-c", TRAIN, "--root", str(root)]
        out = subprocess.PIPE if place == 0 else subprocess.DEVNULL
        with (root / "log").open("wb") as log:
            processes.append(subprocess.Popen(command, stdout=out, stderr=log))
    assert processes[0].stdout is not None

    def used() -> float:
        return sum(cpu_seconds(process.pid) for process in processes) / len(processes)

    told.extend((time.perf_counter(), sent(), used()) for line in processes[0].stdout if ROUND.match(line))
    assert [process.wait() for process in processes] == [0] * len(roots), (roots[0] / "log").read_text()
    rounds = len(told) - 2
    metrics = json.loads((roots[0] / "output/data/metrics.json").read_text())
    return Measured(
        job_seconds=time.perf_counter() - start,
        round_seconds=(told[-1][0] - told[1][0]) / rounds,
        round_cpu_seconds=(told[-1][2] - told[1][2]) / rounds,
        round_bytes=(told[-1][1] - told[1][1]) / rounds / len(roots),
        training_rows=metrics["train"]["rows"],
        average_precision=metrics["validation"]["average_precision"],
    )


def divide(folder: Path) -> None:
    """Cut train.csv into files."""
    with (folder / "train.csv").open() as whole:
        head, *rows = whole
    for place in range(SHARDS):
        part = rows[place * len(rows) // SHARDS : (place + 1) * len(rows) // SHARDS]
        (folder / f"part-{place}.csv").write_text(head + "".join(part))


@click.command()
@click.option("--rows", default=285_000, show_default=True)
@click.option("--hosts", default="1,2,4", show_default=True, help="Numbers of hosts, separated by commas, up to 4.")
@click.option("--rounds", default=50, show_default=True)
@click.option("--threads", default=1, show_default=True, help="Of each host.")
@click.option("--max-bin", default=1024, show_default=True)
def main(rows: int, hosts: str, rounds: int, threads: int, max_bin: int) -> None:
    """Print a row of the table for each number of hosts."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    click.echo(f"{rows:,} rows of 30 columns, {rounds} rounds of depth 6, max_bin={max_bin}, {threads} threads a host,")
    click.echo(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, XGBoost {version('xgboost-cpu')}\n")
    heads = "whole job, s | round, s | rows/s | CPU of a host and round, s | rows/s by CPU | MB sent a host and round"
    click.echo(f"| hosts | {heads} | average precision |\n|---|---|---|---|---|---|---|---|")
    asked = {"num_round": rounds, "early_stopping_rounds": 0, "nthread": threads, "max_bin": max_bin}
    hyperparameters = {"resampler": "none", "report": "false", "bootstrap_samples": "0"}
    hyperparameters |= {name: str(value) for name, value in asked.items()}
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        folder = Path(name)
        subprocess.run([sys.executable, TABLE, folder, str(rows)], check=True)
        divide(folder)
        for count in (int(each) for each in hosts.split(",")):
            done = measure(roots_of(folder, folder, count, hyperparameters))
            by_clock, by_cpu = (done.training_rows / each for each in (done.round_seconds, done.round_cpu_seconds))
            cells = f"{done.job_seconds:.1f} | {done.round_seconds:.3f} | {by_clock:,.0f}"
            cells += f" | {done.round_cpu_seconds:.3f} | {by_cpu:,.0f} | {done.round_bytes / MEGABYTE:.2f}"
            click.echo(f"| {count} | {cells} | {done.average_precision:.4f} |")


if __name__ == "__main__":
    main()
