"""Serve a trained model to a mixture of clients for some minutes, and see whether memory, files or answers change."""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from clients import Clients, Tally, mixture
from memory import BYTES_PER_MB
from processes import Program, free_port, running, workers
from tables import table
from watch import Course, Sample, courses, samples
from workload import train

SERVE = Path(__file__).parents[2] / "container" / "serve"
EVERY_SECONDS = 1.0
KILL_EVERY_SECONDS = 20.0
PERIODS = 10


class Killer:
    """Kills the youngest worker now and then: the others live through the whole run, so that their memory can grow."""

    def __init__(self, leader: int, every_seconds: float) -> None:
        self.kills = 0
        self._leader, self._every_seconds = leader, every_seconds

    def __call__(self, passed: float) -> None:
        """Kill one if it is time."""
        if passed > (self.kills + 1) * self._every_seconds:
            os.kill(max(workers(self._leader)), signal.SIGKILL)
            self.kills += 1


def main() -> int:
    """Run the soak, print its tables, and return 1 if anything grew or an answer was wrong."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        print("benchmarks/soak: training", file=sys.stderr)
        workload = train(Path(folder) / "root")
        port = free_port()
        command = [sys.executable, SERVE, "--root", workload.root, "--host", "127.0.0.1", "--port", str(port)]
        environment = {"SAGEMAKER_MODEL_SERVER_WORKERS": str(options.workers)}
        program = Program(command, environment, f"http://127.0.0.1:{port}/ping")
        with running(program, Path(folder) / "log") as leader:
            clients = Clients(port, mixture(workload.table), number=options.clients, seed=options.seed)
            killer = Killer(leader, KILL_EVERY_SECONDS)
            print(f"benchmarks/soak: {options.minutes:g} minutes", file=sys.stderr)
            with clients:
                seconds = options.minutes * 60
                found = [*samples(leader, seconds, every_seconds=EVERY_SECONDS, between=killer)]
    return _report(found, seconds, clients.tally, killer.kills, options.clients)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _report(found: Sequence[Sample], seconds: float, tally: Tally, kills: int, clients: int) -> int:
    compared = courses(found, seconds)
    print(_over_time(found, seconds))
    print(_compared(compared))
    print(table(["request", "sent"], [[name, f"{number:,}"] for name, number in sorted(tally.sent.items())]))
    times = sorted(tally.seconds)
    print(
        f"{sum(tally.sent.values()):,} requests, {kills} workers killed, {tally.cut_off} answers cut off by that, "
        f"{len(tally.wrong)} wrong answers; one row: p50 {statistics.median(times) * 1e3:.1f} ms, "
        f"p99 {times[int(0.99 * len(times))] * 1e3:.1f} ms"
    )
    faults = [f"{each.name} (pid {each.pid}) grows" for each in compared if each.grows] + tally.wrong[:5]
    if tally.cut_off > kills * clients:
        faults.append(f"{tally.cut_off} answers were cut off, more than killed workers explain")
    if not any(each.name == "gunicorn's worker" for each in compared):
        faults.append("no worker lived through the run")
    print("\n".join(f"FAULT: {fault}" for fault in faults) or "nothing grew, no answer was wrong")
    return 1 if faults else 0


def _over_time(found: Sequence[Sample], seconds: float) -> str:
    """Return the most memory and files of each kind of process in each tenth of the run."""
    names = sorted({sample.name for sample in found})
    rows = []
    for period in range(PERIODS):
        part = [sample for sample in found if int(sample.seconds / seconds * PERIODS) == period]
        cells = [[sample for sample in part if sample.name == name] for name in names]
        if all(cells):
            ends = f"{(period + 1) * seconds / PERIODS / 60:.1f}"
            rows.append([ends, *itertools.chain.from_iterable(map(_most, cells))])
    heads = ["minutes", *itertools.chain.from_iterable((f"{name}, MB", "files") for name in names)]
    return table(heads, rows)


def _most(part: Sequence[Sample]) -> Sequence[str]:
    most_mb = max(sample.resident_bytes for sample in part) / BYTES_PER_MB
    return f"{most_mb:.1f}", str(max(sample.files for sample in part))


def _compared(compared: Sequence[Course]) -> str:
    rows = [
        [
            f"{each.name} ({each.pid})",
            f"{each.early_mb:.1f}",
            f"{each.late_mb:.1f}",
            f"{each.early_files:g}",
            f"{each.late_files:g}",
            "yes" if each.grows else "no",
        ]
        for each in compared
    ]
    return table(
        ["process, median of a part of the run", "MB early", "MB late", "files early", "files late", "grows"], rows
    )


if __name__ == "__main__":
    sys.exit(main())
