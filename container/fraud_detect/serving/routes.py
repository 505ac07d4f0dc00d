"""The paths of the endpoint and the methods that each takes.

Knows names. Never knows Flask, nginx, what a path does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

PING, INVOCATIONS = "/ping", "/invocations"
EXECUTION_PARAMETERS, METRICS = "/execution-parameters", "/metrics"
MODELS = "/models"
MODEL, INVOKE = f"{MODELS}/<name>", f"{MODELS}/<name>/invoke"

_READ = ("GET", "HEAD")
COMMON: Mapping[str, Sequence[str]] = {PING: _READ, EXECUTION_PARAMETERS: _READ, METRICS: _READ}
"""What every server has."""
ONE_MODEL: Mapping[str, Sequence[str]] = {**COMMON, INVOCATIONS: ("POST",)}
"""What a server of one model has."""
MANY_MODELS: Mapping[str, Sequence[str]] = {
    **COMMON,
    MODELS: (*_READ, "POST"),
    INVOKE: ("POST",),
    MODEL: (*_READ, "DELETE"),
}
"""What a server of many models has. A name may hold slashes, so that whatever is an `INVOKE` is a `MODEL`, too."""
