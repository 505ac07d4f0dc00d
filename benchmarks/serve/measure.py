"""Train a model of 200 trees of depth 6 over 30 features, serve it, and measure what serving costs."""

from __future__ import annotations

import argparse
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import bare
import peers
import variants
from large_bodies import large_bodies
from setting import Setting
from speed import explanation, one_connection, one_record, one_row, thousand_rows
from start_and_memory import memory, start
from tables import Figure, missing, summary
from workload import DEPTH, Workload, train
from wrk import RequestsFailedError

PACKAGES = ("gunicorn", "flask", "onnxruntime", "numpy", "xgboost-cpu")
SCENARIOS: Mapping[str, Callable[[Setting], Sequence[Figure]]] = {
    "one-row": one_row,
    "one-record": one_record,
    "one-connection": one_connection,
    "thousand-rows": thousand_rows,
    "explanation": explanation,
    "large-bodies": large_bodies,
    "start": start,
    "memory": memory,
}


def main() -> None:
    """Print the tables."""
    given = _arguments()
    sys.stdout.reconfigure(line_buffering=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        setting = Setting(train(folder / "ml"), folder, given.workers, given.rounds, given.seconds)
        print(_conditions(setting))
        if given.compare:
            variants.report(setting, given.compare, given.connections)
        else:
            print(summary(_figures(setting, given.only or list(SCENARIOS))))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/serve/run", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each round and side")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", choices=SCENARIOS, action="append", metavar="NAME", help=", ".join(SCENARIOS))
    parser.add_argument("--compare", choices=variants.VARIANTS, help="ways to run gunicorn, instead of all that")
    parser.add_argument("--connections", type=int, default=8, help="for --compare")
    return parser.parse_args()


def _figures(setting: Setting, names: Sequence[str]) -> Sequence[Figure]:
    figures: list[Figure] = []
    for name in names:
        scenario = SCENARIOS[name]
        print(f"benchmarks/serve: {name}", file=sys.stderr)
        print(f"### {scenario.__doc__}\n")
        try:
            figures += scenario(setting)
        except RequestsFailedError as error:
            print(f"{error}\n")
            figures.append(missing(name, str(error), ""))
    print("### Asked and measured\n")
    return figures


def _conditions(setting: Setting) -> str:
    """Return what the figures depend on."""
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr.strip().split("/")[-1]
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    others = f"LitServe {peers.version('litserve')}, BentoML {peers.version('bentoml')}"
    cpus = len(os.sched_getaffinity(0))
    return (
        f"{cpus} CPUs ({found[1] if found else platform.machine()}), {setting.workers} workers, "
        f"load {os.getloadavg()[0]:.1f} before, {time.strftime('%Y-%m-%d')}; Python {platform.python_version()}, "
        f"nginx {nginx}, {packages}; {others}. {_model(setting.workload)}\n"
        f"Command: `{shlex.join(['benchmarks/serve/run', *sys.argv[1:]])}`\n"
    )


def _model(workload: Workload) -> str:
    trees, leaves = bare.load(workload.booster, workload.table, 1).trees()
    return f"Model: {trees} trees of depth {DEPTH} with {leaves:.0f} leaves each, {len(workload.table.names)} features."


if __name__ == "__main__":
    main()
