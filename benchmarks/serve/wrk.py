"""Drive an endpoint with wrk, and read what it saw.

Knows wrk's command line and its scripts. Never knows servers.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bodies import Body

MOST_SECONDS = 60
"""How long wrk waits for an answer."""
SCRIPT = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = {content_type}
{accept}
local file = assert(io.open({path}, "rb"))
wrk.body = file:read("*a")
file:close()

function done(summary, latency, requests)
  local wrong = summary.errors
  io.write(string.format(
    '\\nseen {{"requests": %d, "microseconds": %d, "p50": %.1f, "p99": %.1f, "refused": %d, "broken": %d}}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    wrong.status, wrong.connect + wrong.read + wrong.write + wrong.timeout))
end
"""


class RequestsFailedError(Exception):
    """Some requests were not answered with success: the figures would mean nothing."""


@dataclass(frozen=True)
class Load:
    """A body that `connections` clients post all the time."""

    body: Body
    connections: int


@dataclass(frozen=True)
class Timing:
    """What wrk saw of one side in one round."""

    requests: int
    requests_per_second: float
    p50_milliseconds: float
    p99_milliseconds: float


def drive(url: str, load: Load, seconds: int, folder: Path) -> Timing:
    """Post `load` for `seconds`; scripts lie in `folder`.

    Raises
    ------
    RequestsFailedError
    """
    command = ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds}s", "--timeout", f"{MOST_SECONDS}s"]
    done = subprocess.run([*command, "-s", _script(load.body, folder), url], capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout.rpartition("\nseen ")[2])
    if seen["refused"] or seen["broken"] or not seen["requests"]:
        raise RequestsFailedError(
            f"{url}: {seen['requests']} answers, {seen['refused']} of them refusals, {seen['broken']} broken off"
        )
    return Timing(
        seen["requests"],
        seen["requests"] / seen["microseconds"] * 1e6,
        seen["p50"] / 1e3,
        seen["p99"] / 1e3,
    )


def _script(body: Body, folder: Path) -> Path:
    content, script = folder / "body", folder / "post.lua"
    content.write_bytes(body.content)
    accept = f'wrk.headers["Accept"] = {json.dumps(body.accept)}' if body.accept else ""
    script.write_text(
        SCRIPT.format(content_type=json.dumps(body.content_type), accept=accept, path=json.dumps(str(content)))
    )
    return script
