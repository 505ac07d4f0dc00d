"""Run each sampler in a process of its own, and print its time and its peak memory over that of the rows."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
from threadpoolctl import threadpool_limits

from fraud_detect.resampling.registry import SAMPLERS
from fraud_detect.resampling.resampled import Resampling

COLUMNS = 30
FRAUD_SHARE = 0.005
SAMPLING = Resampling(ratio=0.1, k_neighbors=5, seed=0)
WARM_UP_ROWS = 2_000
HIGHEST, NOW = "VmHWM", "VmRSS"


@dataclass(frozen=True)
class Cost:
    """Wall and processor time of one sampler, its peak resident memory over that of the process before, and rows."""

    seconds: float
    processor_seconds: float
    peak_bytes: int
    matrix_bytes: int
    synthetic: int
    left_out: int


def some_rows(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return features, float32, and labels; frauds are a noisy, non-linear function of some columns."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((count, COLUMNS), dtype=np.float32)
    odds = 1.5 * features[:, 0] + features[:, 1] * features[:, 2] + np.abs(features[:, 3]) - np.sin(3 * features[:, 4])
    odds += 1.5 * rng.standard_normal(count, dtype=np.float32)
    return features, (odds > np.quantile(odds, 1 - FRAUD_SHARE)).astype(np.uint8)


def resident_bytes(which: str) -> int:
    """Return the memory of this process: now, or at its highest since `forget_the_highest`."""
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith(which)).split()[1]) * 1024


def forget_the_highest() -> None:
    """Let the kernel start anew to watch for the highest memory of this process."""
    Path("/proc/self/clear_refs").write_text("5")


def cost_of(name: str, rows: int) -> Cost:
    """Return what a sampler costs in this process, on one thread."""
    sample, categorical = SAMPLERS[name], [False] * COLUMNS
    sample(*some_rows(WARM_UP_ROWS), categorical, SAMPLING)  # libraries are imported before
    features, labels = some_rows(rows)
    before = resident_bytes(NOW)
    forget_the_highest()
    start, processor = time.perf_counter(), time.process_time()
    with threadpool_limits(1):
        found = sample(features, labels, categorical, SAMPLING)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    peak = resident_bytes(HIGHEST) - before
    left_out = 0 if found.kept is None else rows - len(found.kept)
    return Cost(seconds, processor, peak, features.nbytes, len(found.synthetic), left_out)


def in_a_process(name: str, rows: int) -> Cost:
    """Return what a sampler costs in a process of its own."""
    command = [sys.executable, __file__, "--rows", str(rows), "--samplers", name, "--alone"]
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Cost(**json.loads(finished.stdout))


@click.command()
@click.option("--rows", default=100_000, show_default=True)
@click.option("--samplers", default=",".join(name for name in SAMPLERS if name != "none"), show_default=True)
@click.option("--alone", is_flag=True, hidden=True)
def main(rows: int, samplers: str, alone: bool) -> None:
    """Measure the samplers named, to ten frauds per hundred legitimate rows."""
    if alone:
        click.echo(json.dumps(asdict(cost_of(samplers, rows))))
        return
    click.echo(
        f"{rows:,} rows of {COLUMNS} float32 columns, {rows * COLUMNS * 4 / 1e6:,.0f} MB, 0.5 % frauds, one thread\n"
    )
    click.echo(
        "| resampler | seconds | processor seconds | synthetic | left out | peak over the rows, MB | of the rows |"
    )
    click.echo("|---|---|---|---|---|---|---|")
    for name in samplers.split(","):
        cost = in_a_process(name, rows)
        times = f"{cost.seconds:.1f} | {cost.processor_seconds:.1f}"
        memory = f"{cost.peak_bytes / 1e6:,.0f} | {cost.peak_bytes / cost.matrix_bytes:.2f}"
        click.echo(f"| {name} | {times} | {cost.synthetic:,} | {cost.left_out:,} | {memory} |")


if __name__ == "__main__":
    main()
