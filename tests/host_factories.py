"""Several hosts on one machine: threads that talk by XGBoost's collective, and processes on loopback addresses."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from fraud_detect.estimators.xgboost_collective import joined
from fraud_detect.hosts import ALONE, Hosts
from training_factories import COMMAND, configure

Result = TypeVar("Result")
_networks = itertools.count()


def loopback_names(count: int) -> list[str]:
    """Return `count` names of hosts that no other test uses: addresses of this machine."""
    process, network = os.getpid(), next(_networks)
    return [
        f"127.{64 + process % 128}.{(process // 128 + network * 31) % 256}.{place}" for place in range(1, count + 1)
    ]


def on_hosts(count: int, work: Callable[[Hosts], Result]) -> list[Result]:
    """Return what `work` comes to on each of `count` hosts, which are threads that talk by XGBoost's collective."""
    from xgboost.tracker import RabitTracker

    if count == 1:
        return [work(ALONE)]
    tracker = RabitTracker(n_workers=count, host_ip="127.0.0.1", sortby="task")
    tracker.start()
    port = int(tracker.worker_args()["dmlc_tracker_port"])

    def one(task: int) -> Result:
        with joined("127.0.0.1", port, task) as hosts:
            return work(hosts)

    with ThreadPoolExecutor(count) as pool:
        found = list(pool.map(one, range(count)))
    tracker.wait_for(timeout=10)
    return found


def roots_of(
    folder: Path, names: Sequence[str], shards: Sequence[dict[str, str]], hyperparameters: dict[str, str]
) -> list[Path]:
    """Return a folder like /opt/ml for each of the hosts called `names`, with the files of its shard by their names."""
    roots = []
    for name, files in zip(names, shards, strict=True):
        root = folder / name
        channel = root / "input" / "data" / "train"
        channel.mkdir(parents=True)
        for file, text in files.items():
            (channel / file).write_text(text)
        configure(root, "hyperparameters", hyperparameters)
        configure(root, "resourceconfig", {"current_host": name, "hosts": list(names)})
        roots.append(root)
    return roots


def start(roots: Sequence[Path]) -> list[subprocess.Popen[bytes]]:
    """Start `fraud-detect train` for each of `roots`, with its log in `log` beside input/."""
    started = []
    for root in roots:
        with (root / "log").open("wb") as log:
            command = [str(COMMAND), "train", "--root", str(root)]
            started.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))
    return started


def ended(started: Sequence[subprocess.Popen[bytes]], seconds: float) -> list[int]:
    """Return the exit codes of `started` within so many seconds; kill what still runs then."""
    try:
        return [process.wait(seconds) for process in started]
    finally:
        for process in started:
            process.kill()


def cause_of(root: Path) -> str:
    """Return output/failure."""
    return (root / "output" / "failure").read_text()


def average_precision_of_job(root: Path) -> float:
    """Return that of the validation rows."""
    document = json.loads((root / "output" / "data" / "metrics.json").read_text())
    return float(document["validation"]["average_precision"])
