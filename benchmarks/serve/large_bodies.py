"""Bodies of 25 MB, one after the other: the memory that a worker takes for one, and how long /ping takes meanwhile.

Knows what is asked of them. Never knows how servers are started.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bodies import CSV, FORMS, JSON_LINES, Body, csv, filled, json_lists, one_digit
from client import RefusedError, get, post
from memory import BYTES_PER_MB, peak_bytes
from processes import StartError, workers
from setting import Setting
from sides import OUR_SERVER
from tables import Figure, at_most, missing, table

BODY_BYTES = 25 * BYTES_PER_MB
POSTS = 3
PAUSE_SECONDS = 0.005
HEADS = ["", "MB", "rows", "seconds a body", "peak of a worker, MB", "peak / body", "longest /ping, ms"]


@dataclass(frozen=True)
class Cost:
    """What some posts of one body cost."""

    body: Body
    seconds: float
    peak_bytes: int
    longest_ping_seconds: float

    @property
    def peak_ratio(self) -> float:
        """The peak of a worker by the size of the body."""
        return self.peak_bytes / len(self.body.content)


def large_bodies(setting: Setting) -> Sequence[Figure]:
    """Bodies of 25 MB, one client; a new server for each form."""
    rows, figures = [], []
    for name, body in _bodies(setting).items():
        print(f"benchmarks/serve: 25 MB of {name}", file=sys.stderr)
        try:
            cost = _cost(setting, body)
        except (StartError, RefusedError) as error:
            figures.append(missing(f"25 MB of {name}", str(error), "≤ 8 and ≤ 100 ms"))
            continue
        rows.append(_line(name, cost))
        figures.append(at_most(f"25 MB of {name}: peak of a worker / body", [cost.peak_ratio], 8))
        figures.append(at_most(f"25 MB of {name}: longest /ping", [cost.longest_ping_seconds * 1e3], 100, " ms"))
    print(table(HEADS, rows))
    return figures


def _bodies(setting: Setting) -> dict[str, Body]:
    found = {name: filled(form, setting.workload.table, BODY_BYTES) for name, form in FORMS.items()}
    short = one_digit(setting.workload.table)
    found["CSV rows of one-digit cells"] = filled(csv, short, BODY_BYTES)
    found["JSON lists of one-digit cells"] = filled(json_lists, short, BODY_BYTES)
    return found


def _cost(setting: Setting, body: Body) -> Cost:
    """Post `body` some times to a new server, and look at /ping all the while. Raises as `post` does."""
    with OUR_SERVER.running(setting) as endpoint, ThreadPoolExecutor(1) as client:
        _ping_seconds(endpoint.url)
        posts = client.submit(_posts, f"{endpoint.url}/invocations", body)
        longest = 0.0
        while not posts.done():
            longest = max(longest, _ping_seconds(endpoint.url))
            time.sleep(PAUSE_SECONDS)
        peak = max(peak_bytes(pid) for pid in workers(endpoint.leader))
        return Cost(body, statistics.median(posts.result()), peak, longest)


def _posts(url: str, body: Body) -> Sequence[float]:
    """Return how long each post took."""
    seconds = []
    for _ in range(POSTS):
        start = time.perf_counter()
        answer = post(url, body)
        seconds.append(time.perf_counter() - start)
        found = answer.count(b"\n" if body.content_type in (CSV, JSON_LINES) else b'"probability"')
        assert found == body.rows, f"{found} answers for {body.rows} rows"
    return seconds


def _ping_seconds(url: str) -> float:
    """Return how long /ping takes; a refusal takes for ever."""
    start = time.perf_counter()
    status = get(f"{url}/ping")
    return time.perf_counter() - start if status == 200 else float("inf")


def _line(name: str, cost: Cost) -> Sequence[str]:
    return [
        name,
        f"{len(cost.body.content) / BYTES_PER_MB:.1f}",
        f"{cost.body.rows:,}",
        f"{cost.seconds:.2f}",
        f"{cost.peak_bytes / BYTES_PER_MB:,.0f}",
        f"{cost.peak_ratio:.1f}",
        f"{cost.longest_ping_seconds * 1e3:.0f}",
    ]
