"""How long the server takes to start, and the memory that it then stays in.

Knows what is asked of them. Never knows how requests are made.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from bodies import csv
from memory import BYTES_PER_MB, proportional_bytes, resident_bytes
from processes import descendants, free_port, started, wait_until_ready, workers
from setting import Setting
from sides import OUR_SERVER
from tables import Figure, at_most, spread, table
from wrk import Load, drive

POLL_SECONDS = 0.005
CONNECTIONS = 8
MEMORY_SECONDS = 3
HEADS = ["", "resident (VmRSS), MB", "shared pages divided (Pss), MB"]


def start(setting: Setting) -> Sequence[Figure]:
    """From the start of `serve` to the first 200 of /ping."""
    seconds = [_start_seconds(setting) for _ in range(setting.rounds)]
    print(table(["starts", "seconds to the first 200 of /ping"], [[str(len(seconds)), spread(seconds, 2)]]))
    return [at_most("from the start of serve to the first 200 of /ping", seconds, 2, " s")]


def _start_seconds(setting: Setting) -> float:
    port, log = free_port(), OUR_SERVER.log(setting)
    program = OUR_SERVER.program(setting, port)
    begin = time.perf_counter()
    with started(program, log) as process:
        wait_until_ready(program.health_url, process, log, POLL_SECONDS)
        return time.perf_counter() - begin


def memory(setting: Setting) -> Sequence[Figure]:
    """Memory of each worker after some thousand one-row requests."""
    with OUR_SERVER.running(setting) as endpoint:
        load = Load(csv(setting.workload.table, 1), CONNECTIONS)
        requests = drive(f"{endpoint.url}/invocations", load, MEMORY_SECONDS, setting.folder).requests
        resident = [resident_bytes(pid) / BYTES_PER_MB for pid in workers(endpoint.leader)]
        shares = [proportional_bytes(pid) / BYTES_PER_MB for pid in workers(endpoint.leader)]
        family = descendants(endpoint.leader)
        everything = sum(proportional_bytes(pid) for pid in family) / BYTES_PER_MB
    rows = [["a worker", f"{most:.0f}", f"{share:.0f}"] for most, share in zip(resident, shares, strict=True)]
    rows.append([f"all {len(family)} processes", "", f"{everything:.0f}"])
    print(f"After {requests:,} requests of one row:\n")
    print(table(HEADS, rows))
    return [at_most("resident memory of the largest worker", [max(resident)], 120, " MB")]
