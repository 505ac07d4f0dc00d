"""Several hosts on one machine: threads that talk by XGBoost's collective, and processes on loopback addresses."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from fraud_detect.estimators.xgboost_collective import join
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

    found: dict[int, Result] = {}
    faults: list[BaseException] = []

    def one(task: int) -> None:
        try:
            hosts = join("127.0.0.1", port, task)
            found[task] = work(hosts)
            hosts.leave()
        except BaseException as error:  # noqa: BLE001 - a thread that ends lets go of its connections
            faults.append(error)

    threads = [threading.Thread(target=one, args=[task]) for task in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    tracker.wait_for(timeout=10)
    return [found[task] for task in range(count)]


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


def kill_training(process: subprocess.Popen[bytes]) -> None:
    """Kill the process that trains under `process`, as the kernel does where memory runs out."""
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)


def kill_host(process: subprocess.Popen[bytes]) -> None:
    """Kill `process` and the one that trains under it, before either can say anything."""
    process.send_signal(signal.SIGSTOP)
    kill_training(process)
    process.kill()


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
