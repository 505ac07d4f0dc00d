"""The configuration of gunicorn, which runs the workers, and the command that starts it.

Knows gunicorn's settings. Never knows gunicorn's code, processes, the environment, Flask, the model.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fraud_detect.serving.nginx import KEEPALIVE_SECONDS, SOCKET, address
from fraud_detect.serving.settings import DRAIN_SECONDS, Settings

PROGRAM = "fraud_detect.serving.server"
THREADS_ALONE = 8
THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that keep numerical libraries to one thread a worker: more would fight for the same CPUs."""

Configuration = Mapping[str, object]


def behind_nginx(_: Settings, folder: Path) -> Configuration:
    """Return how to listen for nginx, which sends whole requests: one at a time, each on a connection of its own."""
    return {"bind": f"unix:{folder / SOCKET}", "worker_class": "sync"}


def alone(settings: Settings, _: Path) -> Configuration:
    """Return how to listen for clients: some threads wait for the slow ones while another one scores."""
    return {
        "bind": f"{address(settings.host)}:{settings.port}",
        "worker_class": "gthread",
        "threads": THREADS_ALONE,
        "keepalive": KEEPALIVE_SECONDS,
    }


MODES: Mapping[str, Callable[[Settings, Path], Configuration]] = {"behind-nginx": behind_nginx, "alone": alone}


def configuration(settings: Settings, folder: Path, mode: str) -> Configuration:
    """Return gunicorn's settings in one of `MODES`; what it writes lies in `folder`."""
    return {
        "workers": settings.workers,
        "timeout": settings.timeout_seconds,
        "graceful_timeout": DRAIN_SECONDS,
        "loglevel": settings.log_level.lower(),
        "worker_tmp_dir": str(folder),
        "control_socket_disable": True,  # it would lie under HOME, which need not exist or be writable
        "proc_name": "fraud-detect",
        **MODES[mode](settings, folder),
    }


def command(settings: Settings, folder: Path, mode: str) -> Sequence[str]:
    """Return the command line that runs gunicorn in the foreground, without the current folder on Python's path."""
    return sys.executable, "-P", "-m", PROGRAM, settings.model_dump_json(), str(folder), mode


def environment(inherited: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment of the workers: one thread each."""
    return {**inherited, **dict.fromkeys(THREAD_LIMITS, "1")}
