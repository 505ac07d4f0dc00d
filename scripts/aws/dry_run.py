"""A boto3 session that sends nothing: it writes down what would be sent, and answers itself.

Knows boto3's events. Never knows which job is submitted.
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

_READS = ("Head", "List", "Get", "Describe")
_ANSWERS: dict[str, dict[str, Any]] = {
    "CreateApplication": {"applicationId": "dryrun", "arn": "dryrun", "name": "dryrun"},
    "ListJobRuns": {"jobRuns": []},
    "ListObjectsV2": {"KeyCount": 1},
    "StartJobRun": {"applicationId": "dryrun", "jobRunId": "dryrun", "arn": "dryrun"},
}


class DryRun:
    """Records the requests of every client that `session` makes from now on; needs no credentials."""

    def __init__(self, session: Any) -> None:
        self.requests: list[dict[str, Any]] = []
        session.events.register("before-parameter-build", self._record)
        session.events.register("before-call", self._answer)

    def text(self) -> str:
        """Return the requests that would change something, in order, as JSON."""
        return json.dumps(self.requests, indent=2)

    def _record(self, *, params: dict[str, Any], model: Any, **_: Any) -> None:
        if not model.name.startswith(_READS):
            request = {name: _in_words(value) for name, value in params.items()}
            self.requests.append(
                {"service": model.service_model.service_name, "operation": model.name, "request": request}
            )

    def _answer(self, *, model: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
        answer = self._application() if model.name == "GetApplication" else _ANSWERS.get(model.name, {})
        return SimpleNamespace(status_code=200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}

    def _application(self) -> dict[str, Any]:
        started = any(request["operation"] == "StartApplication" for request in self.requests)
        return {"application": {"state": "STARTED" if started else "CREATED"}}


def _in_words(value: Any) -> Any:
    body = value.getvalue() if hasattr(value, "getvalue") else value
    return f"{len(body):,} bytes" if isinstance(body, bytes) or hasattr(body, "read") else value
