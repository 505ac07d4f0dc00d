"""Train a model of 200 trees of depth 6 over 30 features, serve it, and drive it with wrk."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from fraud_detect.serving import nginx
from fraud_detect.serving.cpus import available_cpus
from fraud_detect.serving.gunicorn import environment
from fraud_detect.serving.settings import Settings

HERE = Path(__file__).parent
TRAIN, TABLE = HERE.parents[1] / "container" / "train", HERE.parent / "train" / "table.py"
ROWS = 20_000
HYPERPARAMETERS = {"num_round": "200", "max_depth": "6", "early_stopping_rounds": "0", "resampler": "none"}
SIDES = ("scoring", "constant")
FIRST_PORT = 18_180
SCRIPT = 'wrk.method = "POST"\nwrk.headers["Content-Type"] = "text/csv"\nwrk.body = "{row}\\n"\n'
KEPT = (
    ("gunicorn.sock';", "gunicorn.sock';\n        keepalive 32;"),
    ("Connection close;", 'Connection "";'),
)
"""What turns our nginx configuration into one that keeps connections to gunicorn."""


@dataclass(frozen=True)
class Variant:
    """A way to run gunicorn: its mode and options, and changes to our nginx configuration."""

    name: str
    mode: str = "behind-nginx"
    options: Mapping[str, object] = field(default_factory=dict)
    changes: Sequence[tuple[str, str]] = ()


SHIPPED = [Variant("as shipped")]
CLASSES = [
    Variant("sync", options={"worker_class": "sync"}),
    Variant("gthread, 1 thread", options={"worker_class": "gthread", "threads": 1}),
    Variant(
        "gthread, 1 thread, kept", options={"worker_class": "gthread", "threads": 1, "keepalive": 75}, changes=KEPT
    ),
    Variant(
        "gthread, 4 threads, kept", options={"worker_class": "gthread", "threads": 4, "keepalive": 75}, changes=KEPT
    ),
]


ALONE = [Variant(f"{threads} threads", "alone", {"threads": threads}) for threads in (2, 4, 8, 16)]
VARIANTS = {"shipped": SHIPPED, "classes": CLASSES, "alone": ALONE}


@dataclass(frozen=True)
class Round:
    """What wrk saw, and the CPU time of nginx and gunicorn over it."""

    requests_per_second: float
    p50_milliseconds: float
    p99_milliseconds: float
    cpu_microseconds: float


def main() -> None:
    """Print the table."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        row = _train(folder)
        (folder / "post.lua").write_text(SCRIPT.format(row=row))
        print(_machine(), f"Command: {shlex.join(['benchmarks/serve/run', *sys.argv[1:]])}", "", sep="\n")
        print("| gunicorn | view | requests/s | p50, ms | p99, ms | CPU, µs a request | scoring / constant |")
        print("|---|---|---|---|---|---|---|", flush=True)
        for variant, rounds in _measure(VARIANTS[arguments.compare], folder, arguments).items():
            _report(variant, rounds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/serve/run", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each round and side")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--workers", type=int, default=available_cpus())
    parser.add_argument("--compare", choices=VARIANTS, default="shipped", help="ways to run gunicorn")
    return parser.parse_args()


def _train(folder: Path) -> str:
    """Train with our own command in `folder` and return one row of the table without its label."""
    train = folder / "input" / "data" / "train"
    train.mkdir(parents=True)
    subprocess.run([sys.executable, TABLE, folder, str(ROWS)], check=True)
    (folder / "train.csv").rename(train / "train.csv")
    (folder / "input" / "config").mkdir()
    (folder / "input" / "config" / "hyperparameters.json").write_text(json.dumps(HYPERPARAMETERS))
    subprocess.run([sys.executable, TRAIN, "--root", folder], check=True, capture_output=True)
    with (train / "train.csv").open() as table:
        return table.readlines(1 << 16)[1].strip().partition(",")[2]


def _machine() -> str:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    nginx_version = (
        subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr.split("/")[-1].strip()
    )
    packages = ", ".join(f"{name} {version(name)}" for name in ("gunicorn", "flask", "onnxruntime", "numpy"))
    return (
        f"{available_cpus()} CPUs ({model[1] if model else platform.machine()}), load {os.getloadavg()[0]:.1f} before; "
        f"Python {platform.python_version()}, nginx {nginx_version}, {packages}"
    )


def _measure(
    variants: Sequence[Variant], folder: Path, arguments: argparse.Namespace
) -> Mapping[str, Mapping[str, Sequence[Round]]]:
    """Return the rounds of each variant's sides: everything runs all the time, and is driven in turn."""
    rounds: dict[str, dict[str, list[Round]]] = {each.name: {side: [] for side in SIDES} for each in variants}
    ports = itertools.count(FIRST_PORT)
    with contextlib.ExitStack() as stack:
        stacks = [
            (rounds[variant.name][side], port, stack.enter_context(_running(side, port, variant, folder, arguments)))
            for variant in variants
            for side, port in zip(SIDES, ports, strict=False)
        ]
        for _ in range(arguments.rounds):
            for found, port, leaders in stacks:
                found.append(_drive(port, leaders, folder / "post.lua", arguments))
    return rounds


@contextlib.contextmanager
def _running(
    side: str, port: int, variant: Variant, folder: Path, arguments: argparse.Namespace
) -> Iterator[Sequence[int]]:
    """Run nginx and gunicorn for one side and give their process ids."""
    settings = Settings(
        model_folder=folder / "model", host="127.0.0.1", port=port, workers=arguments.workers, log_level="ERROR"
    )
    own = folder / f"{side} {variant.name}"
    own.mkdir()
    given = [side, settings.model_dump_json(), own, variant.mode, json.dumps(variant.options)]
    commands = [[sys.executable, "-P", HERE / "stack.py", *given]]
    if variant.mode != "alone":
        (own / nginx.CONFIGURATION).write_text(_nginx_configuration(variant, settings, own))
        commands.append([*nginx.command("nginx", own)])
    processes = [subprocess.Popen(command, env=environment(os.environ)) for command in commands]
    try:
        _wait_until_ready(port)
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def _nginx_configuration(variant: Variant, settings: Settings, folder: Path) -> str:
    text = nginx.render(settings, folder, "root root" if os.geteuid() == 0 else None)
    for before, after in variant.changes:
        assert before in text
        text = text.replace(before, after)
    # Until gunicorn is there, each look at /ping would be an error.
    return text.replace("error_log stderr error", "error_log stderr emerg")


def _wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ping").close()
            time.sleep(1)  # until the other workers are there too
            return
        time.sleep(0.1)
    sys.exit(f"nothing answers on port {port}")


def _drive(port: int, leaders: Sequence[int], script: Path, arguments: argparse.Namespace) -> Round:
    options = ["-t1", f"-c{arguments.connections}", f"-d{arguments.seconds}s", "--latency", "-s", script]
    before = _cpu_seconds(leaders)
    done = subprocess.run(
        ["wrk", *options, f"http://127.0.0.1:{port}/invocations"], capture_output=True, text=True, check=True
    )
    cpu_seconds = _cpu_seconds(leaders) - before
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        sys.exit(f"requests failed:\n{done.stdout}")
    requests = int(_found(r"(\d+) requests in", done.stdout)[0])
    return Round(
        float(_found(r"Requests/sec:\s+([\d.]+)", done.stdout)[0]),
        *(_milliseconds(_found(rf"{percent}%\s+([\d.]+)(us|ms|s)", done.stdout)) for percent in (50, 99)),
        cpu_seconds / requests * 1e6,
    )


def _found(pattern: str, text: str) -> tuple[str, ...]:
    found = re.search(pattern, text)
    assert found, text
    return found.groups()


def _milliseconds(amount: tuple[str, ...]) -> float:
    number, unit = amount
    return float(number) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]


def _cpu_seconds(leaders: Sequence[int]) -> float:
    """Return the CPU time of some processes and their children so far."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state = path.read_text().rpartition(")")[2].split()
            if int(path.parent.name) in leaders or int(state[1]) in leaders:
                ticks += int(state[11]) + int(state[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _report(variant: str, rounds: Mapping[str, Sequence[Round]]) -> None:
    speeds = {side: [each.requests_per_second for each in rounds[side]] for side in SIDES}
    ratios = [ours / theirs for ours, theirs in zip(*speeds.values(), strict=True)]
    for side in SIDES:
        middle = {
            name: statistics.median(getattr(each, name) for each in rounds[side]) for name in Round.__dataclass_fields__
        }
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if side == SIDES[0] else ""
        print(
            f"| {variant} | {side} | {middle['requests_per_second']:,.0f} | {middle['p50_milliseconds']:.2f} "
            f"| {middle['p99_milliseconds']:.2f} | {middle['cpu_microseconds']:.0f} | {ratio} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
