"""Send transactions to a real console over a real server while browsers listen, and say when they heard."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path

from memory import BYTES_PER_MB, peak_bytes, resident_bytes
from processes import Program, cpu_seconds, descendants, free_port, running
from tables import at_most, summary, table
from workload import Workload, train

from console_process import ConsoleProcess
from desk_factories import a_token_in
from desk_load import Load, Outcome, a_cookie, outcome

SERVE = Path(__file__).parents[2] / "container" / "serve"
WORKERS = 2
ASKED_SECONDS = 0.5
WARM_UP_SECONDS = 3


def main() -> int:
    """Run the load, print the figures, and return 1 if an alert was lost or it took too long."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        print("benchmarks/console_desk: training", file=sys.stderr)
        workload = train(Path(folder) / "root")
        port = free_port()
        command = [sys.executable, SERVE, "--root", workload.root, "--host", "127.0.0.1", "--port", str(port)]
        program = Program(command, {"MODEL_SERVER_WORKERS": str(WORKERS)}, f"http://127.0.0.1:{port}/ping")
        with (
            running(program, Path(folder) / "log"),
            ConsoleProcess(workload.root, f"http://localhost:{port}") as console,
        ):
            return _measured(console, workload, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=200, help="transactions a second")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--browsers", type=int, default=50)
    return parser.parse_args()


def _measured(console: ConsoleProcess, workload: Workload, options: argparse.Namespace) -> int:
    token = a_token_in(console.database, "benchmark")
    load = Load(console.port, token, a_cookie(console))
    bodies = [*itertools.islice(_bodies(workload), int(options.rate * (options.seconds + WARM_UP_SECONDS)))]
    warm = int(options.rate * WARM_UP_SECONDS)
    asyncio.run(load.run(bodies[:warm], a_second=options.rate, browsers=options.browsers))
    pid = descendants(console.pid)[-1]
    before, began = cpu_seconds(console.pid), time.perf_counter()
    print(f"benchmarks/console_desk: {options.seconds:g} s", file=sys.stderr)
    sent = asyncio.run(load.run(bodies[warm:], a_second=options.rate, browsers=options.browsers))
    share = (cpu_seconds(console.pid) - before) / (time.perf_counter() - began)
    return _report(outcome(sent, load.heard), load.waits, share, pid)


def _bodies(workload: Workload) -> itertools.chain[bytes]:
    return itertools.chain.from_iterable(_round(workload, number) for number in itertools.count())


def _round(workload: Workload, number: int) -> list[bytes]:
    names = workload.table.names
    return [
        json.dumps(
            {
                **dict(zip(names, map(float, line.split(",")), strict=True)),
                "id": f"{number}-{place}",
                "customer": str(place % 997),
                "amount": round(5 + place % 500 * 1.37, 2),
            }
        ).encode()
        for place, line in enumerate(workload.table.lines)
    ]


def _report(found: Outcome, waits: int, cpu_share: float, pid: int) -> int:
    milliseconds = {share: found.percentile(share) * 1e3 for share in (0.5, 0.95, 0.99, 1.0)}
    answers = sorted(found.answers)
    rows = [
        ["transactions sent", f"{found.sent:,}"],
        ["refused", f"{found.refused:,}"],
        ["answers that asked to come again", f"{waits:,}"],
        ["alerts among them", f"{found.alerts:,}"],
        ["alerts that a browser did not hear of", f"{found.lost:,}"],
        ["transactions that a browser did not hear of", f"{found.unheard:,}"],
        ["POST to browser, p50, p95, p99, longest", ", ".join(f"{value:.0f} ms" for value in milliseconds.values())],
        [
            "POST to its answer, p50, p95",
            f"{answers[len(answers) // 2] * 1e3:.0f} ms, {answers[int(0.95 * len(answers))] * 1e3:.0f} ms",
        ],
        ["CPU of the console", f"{cpu_share:.2f} of a core"],
        [
            "memory of the console",
            f"{resident_bytes(pid) / BYTES_PER_MB:.0f} MB, at most {peak_bytes(pid) / BYTES_PER_MB:.0f} MB",
        ],
    ]
    print(table(["figure", "measured"], rows))
    limits = [
        at_most("alerts lost", [found.lost], 0),
        at_most("refused", [found.refused], 0),
        at_most("POST to browser, p95", [found.percentile(0.95)], ASKED_SECONDS, " s"),
    ]
    print(summary(limits))
    return 0 if all(limit.met for limit in limits) else 1


if __name__ == "__main__":
    sys.exit(main())
