"""Lines of a job's log, as they come.

Knows CloudWatch Logs. Never knows which job writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from faults import Fault, aws_faults


@dataclass
class Tail:
    """Says the new lines of all streams of `group` whose names begin with `prefix`, each line once.

    Lines of several streams begin with the stream's name after the prefix, such as `algo-1`. Whoever may not read the
    log is told so once.
    """

    client: Any
    group: str
    prefix: str
    say: Callable[[str], None]
    _tokens: dict[str, str] = field(default_factory=dict)
    _refused: bool = False

    def __call__(self) -> None:
        """Say the lines that came since the last call."""
        if self._refused:
            return
        try:
            with aws_faults():
                streams = list(self._streams())
                for stream in streams:
                    for line in self._new(stream):
                        self.say(self._marked(stream, line, alone=len(streams) == 1))
        except Fault as fault:
            if _code(fault) != "ResourceNotFoundException":  # the job has not begun to write
                self._refused = True
                self.say(f"(the log is not shown: {fault})")

    def _streams(self) -> Iterator[str]:
        pages = self.client.get_paginator("describe_log_streams")
        for page in pages.paginate(logGroupName=self.group, logStreamNamePrefix=self.prefix):
            yield from (stream["logStreamName"] for stream in page["logStreams"])

    def _new(self, stream: str) -> Iterator[str]:
        told = {"logGroupName": self.group, "logStreamName": stream, "startFromHead": True}
        while True:
            token = self._tokens.get(stream)
            found = self.client.get_log_events(**told, **({"nextToken": token} if token else {}))
            yield from (event["message"].rstrip() for event in found["events"])
            self._tokens[stream] = found["nextForwardToken"]
            if found["nextForwardToken"] == token:  # CloudWatch's way to say: no more for now
                return

    def _marked(self, stream: str, line: str, *, alone: bool) -> str:
        host = stream.removeprefix(self.prefix).strip("/").rpartition("-")[0]
        return line if alone or not host else f"{host}: {line}"


def _code(fault: Fault) -> str:
    response = getattr(fault.__cause__, "response", {})
    return str(response.get("Error", {}).get("Code", ""))
