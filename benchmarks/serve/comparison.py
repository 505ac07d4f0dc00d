"""Several sides under the same load in the same minutes: all run all the time, and are driven in turn.

Knows servers and wrk. Never knows what is asked of the figures.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from client import RefusedError, post
from peers import InstallError
from processes import StartError, cpu_seconds
from setting import Setting
from sides import Endpoint, Server, Side
from tables import spread, table
from wrk import Load, drive

WARM_UP_SECONDS = 1
HEADS = ["", "requests/s", "p50, ms", "p99, ms", "p99 / p50", "CPU, µs a request", "ours / this"]


@dataclass(frozen=True)
class Round:
    """What wrk saw of one side in one round, and the CPU time that its processes took."""

    requests_per_second: float
    p50_milliseconds: float
    p99_milliseconds: float
    cpu_microseconds: float


@dataclass
class Comparison:
    """The rounds of each side by its name, its answer to one request, and why a side is absent."""

    rounds: dict[str, list[Round]] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)
    absences: dict[str, str] = field(default_factory=dict)
    others: dict[str, list[float]] = field(default_factory=dict)

    def ratios(self, ours: str, theirs: str) -> Sequence[float]:
        """Return our requests a second by theirs, round by round."""
        pairs = zip(self.rounds[ours], self.rounds[theirs], strict=True)
        return [mine.requests_per_second / other.requests_per_second for mine, other in pairs]

    def lines(self, names: Collection[str], ours: str) -> Sequence[Sequence[str]]:
        """Return the lines of a table under `HEADS` for the sides `names`, their ratios against `ours`."""
        measured = [self._line(name, ours) for name in self.rounds if name in names]
        absent = [[name, why, *[""] * (len(HEADS) - 2)] for name, why in self.absences.items() if name in names]
        return [*measured, *absent]

    def markdown(self, ours: str) -> str:
        """Return the table of all sides."""
        return table(HEADS, self.lines({*self.rounds, *self.absences}, ours))

    def _line(self, name: str, ours: str) -> Sequence[str]:
        rounds = self.rounds[name]
        return [
            name,
            spread([each.requests_per_second for each in rounds], 0),
            f"{statistics.median(each.p50_milliseconds for each in rounds):.2f}",
            f"{statistics.median(each.p99_milliseconds for each in rounds):.2f}",
            f"{statistics.median(each.p99_milliseconds / each.p50_milliseconds for each in rounds):.1f}",
            f"{statistics.median(each.cpu_microseconds for each in rounds):.0f}",
            "" if name == ours or ours not in self.rounds else spread(self.ratios(ours, name), 2),
        ]


def compare(
    setting: Setting, sides: Sequence[Side], load: Load, others: Mapping[str, Callable[[], float]] | None = None
) -> Comparison:
    """Return the rounds of `sides` under `load`; each of `others` is called once a round too.

    A side that cannot be installed, does not start, or refuses the request is absent, with the reason.
    """
    comparison = Comparison()
    with contextlib.ExitStack() as stack:
        servers = _started(dict.fromkeys(side.server for side in sides), setting, stack)
        ready: list[tuple[Side, Endpoint, Load]] = []
        for side in sides:
            body = side.form(setting.workload.table, load.body.rows) if side.form else load.body
            try:
                endpoint = _endpoint(servers[side.server])
                comparison.answers[side.name] = post(endpoint.url + side.path, body)
            except (InstallError, StartError, RefusedError) as error:
                comparison.absences[side.name] = str(error).replace("\n", " ").replace("|", "/")
                continue
            comparison.rounds[side.name] = []
            ready.append((side, endpoint, Load(body, load.connections)))
        for side, endpoint, own in ready:
            drive(endpoint.url + side.path, own, WARM_UP_SECONDS, setting.folder)
        for _ in range(setting.rounds):
            for side, endpoint, own in ready:
                comparison.rounds[side.name].append(_round(endpoint, side.path, own, setting))
            for name, measure in (others or {}).items():
                comparison.others.setdefault(name, []).append(measure())
    return comparison


def _started(
    servers: Mapping[Server, None], setting: Setting, stack: contextlib.ExitStack
) -> Mapping[Server, Endpoint | Exception]:
    """Return each server, ready, or why it is not."""
    found: dict[Server, Endpoint | Exception] = {}
    for server in servers:
        try:
            found[server] = stack.enter_context(server.running(setting))
        except (InstallError, StartError) as error:
            found[server] = error
    return found


def _endpoint(found: Endpoint | Exception) -> Endpoint:
    if isinstance(found, Exception):
        raise found
    return found


def _round(endpoint: Endpoint, path: str, load: Load, setting: Setting) -> Round:
    before = cpu_seconds(endpoint.leader)
    seen = drive(endpoint.url + path, load, setting.seconds, setting.folder)
    used = cpu_seconds(endpoint.leader) - before
    return Round(seen.requests_per_second, seen.p50_milliseconds, seen.p99_milliseconds, used / seen.requests * 1e6)
