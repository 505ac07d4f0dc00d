"""Send transactions to a real console over a real server while browsers listen, and say when they heard."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import urllib3
from console_browser import Browser
from memory import BYTES_PER_MB, peak_bytes, resident_bytes
from processes import Program, cpu_seconds, descendants, free_port, running
from tables import at_most, summary, table
from workload import Workload, train

from console_process import PASSWORD, ConsoleProcess
from desk_factories import a_token_in
from desk_load import Load, Outcome, a_cookie, outcome
from fraud_detect.console.storage.tables import Role

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
            lines = _lines(workload, port, options.alert_share)
            return _measured(console, workload, lines, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=200, help="transactions a second")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--browsers", type=int, default=50)
    parser.add_argument("--alert-share", type=float, help="of the transactions, rather than as many as there are")
    parser.add_argument("--file-rows", type=int, default=0, help="rows of a file that is scored meanwhile")
    return parser.parse_args()


def _lines(workload: Workload, port: int, alert_share: float | None) -> list[str]:
    """Return the rows to send again and again, of which `alert_share` are alerts."""
    lines = list(workload.table.lines)
    if alert_share is None:
        return lines
    headers = {"Content-Type": "text/csv", "Accept": "text/csv"}
    answer = urllib3.request("POST", f"http://127.0.0.1:{port}/invocations", body="\n".join(lines), headers=headers)
    labels = [row.split(",")[0] for row in answer.data.decode().split()]
    alerts = itertools.cycle(line for line, label in zip(lines, labels, strict=True) if label == "1")
    others = itertools.cycle(line for line, label in zip(lines, labels, strict=True) if label == "0")
    due = [int((place + 1) * alert_share) > int(place * alert_share) for place in range(len(lines))]
    return [next(alerts) if is_due else next(others) for is_due in due]


def _score_a_file(console: ConsoleProcess, workload: Workload, rows: int) -> str:
    """Upload a file of so many rows; return where it is shown."""
    account = console.account("uploader", Role.ANALYST)
    browser = Browser(console.url)
    browser.post("/log-in", "/log-in", name=account, password=PASSWORD)
    lines = itertools.islice(itertools.cycle(workload.table.lines), rows)
    content = "\n".join((",".join(workload.table.names), *lines)).encode()
    return browser.post("/files", "/files", file=("rows.csv", content)).headers["Location"]


def _measured(console: ConsoleProcess, workload: Workload, lines: list[str], options: argparse.Namespace) -> int:
    token = a_token_in(console.database, "benchmark")
    load = Load(console.port, token, a_cookie(console))
    bodies = [
        *itertools.islice(_bodies(workload.table.names, lines), int(options.rate * (options.seconds + WARM_UP_SECONDS)))
    ]
    warm = int(options.rate * WARM_UP_SECONDS)
    asyncio.run(load.run(bodies[:warm], a_second=options.rate, browsers=options.browsers))
    pid = descendants(console.pid)[-1]
    if options.file_rows:
        print(f"benchmarks/console_desk: {_score_a_file(console, workload, options.file_rows)}", file=sys.stderr)
    before, began = cpu_seconds(console.pid), time.perf_counter()
    print(f"benchmarks/console_desk: {options.seconds:g} s", file=sys.stderr)
    sent = asyncio.run(load.run(bodies[warm:], a_second=options.rate, browsers=options.browsers))
    share = (cpu_seconds(console.pid) - before) / (time.perf_counter() - began)
    return _report(outcome(sent, load.heard), load.waits, share, pid)


def _bodies(names: Sequence[str], lines: Sequence[str]) -> itertools.chain[bytes]:
    return itertools.chain.from_iterable(_round(names, lines, number) for number in itertools.count())


def _round(names: Sequence[str], lines: Sequence[str], number: int) -> list[bytes]:
    return [
        json.dumps(
            {
                **dict(zip(names, map(float, line.split(",")), strict=True)),
                "id": f"{number}-{place}",
                "customer": str(place % 997),
                "amount": round(5 + place % 500 * 1.37, 2),
            }
        ).encode()
        for place, line in enumerate(lines)
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
