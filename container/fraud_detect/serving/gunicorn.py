"""The configuration of gunicorn, which runs the workers, and the command that starts it.

Knows gunicorn's settings. Never knows gunicorn's code, processes, the environment, Flask, the model.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fraud_detect.serving.listener import address
from fraud_detect.serving.metrics import METRICS_FOLDER, METRICS_VARIABLE
from fraud_detect.serving.nginx import KEEPALIVE_SECONDS, PING_SOCKET, SOCKET
from fraud_detect.serving.settings import DRAIN_SECONDS, Settings

PROGRAM = "fraud_detect.serving.server"
SYNC_WORKER, THREAD_WORKER = "fraud_detect.serving.worker.SyncWorker", "fraud_detect.serving.worker.ThreadWorker"
THREADS_ALONE = 8
LONGEST_LINE = 8190  # gunicorn's own most; nginx's limit is as long
THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that keep numerical libraries to one thread a worker: more would fight for the same CPUs."""

PATH_PREFIX = "SCRIPT_NAME"
"""gunicorn would take this variable for a prefix of every path."""

Configuration = Mapping[str, object]


def behind_nginx(_: Settings, folder: Path) -> Configuration:
    """Return how to listen for nginx, which sends whole requests: one at a time, each on a connection of its own.

    A worker takes from its sockets in turn, so that a ping does not wait for all the requests that came before it.
    """
    return {"bind": [f"unix:{folder / SOCKET}", f"unix:{folder / PING_SOCKET}"], "worker_class": SYNC_WORKER}


def alone(settings: Settings, _: Path) -> Configuration:
    """Return how to listen for clients: some threads wait for the slow ones while another one scores."""
    return {
        "bind": f"{address(settings.host)}:{settings.port}",
        "worker_class": THREAD_WORKER,
        "threads": THREADS_ALONE,
        "keepalive": KEEPALIVE_SECONDS,
    }


BEHIND_NGINX, ALONE = "behind-nginx", "alone"
MODES: Mapping[str, Callable[[Settings, Path], Configuration]] = {BEHIND_NGINX: behind_nginx, ALONE: alone}


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
        "limit_request_line": LONGEST_LINE,
        "forwarder_headers": "",  # by default a client on this machine may send SCRIPT_NAME, and get a 500 for it
        "secure_scheme_headers": {},
        **MODES[mode](settings, folder),
    }


def command(settings: Settings, folder: Path, mode: str) -> Sequence[str]:
    """Return the command line that runs gunicorn in the foreground, without the current folder on Python's path."""
    return sys.executable, "-P", "-m", PROGRAM, settings.model_dump_json(), str(folder), mode


def environment(inherited: Mapping[str, str], folder: Path) -> Mapping[str, str]:
    """Return the environment of the workers: one thread each, and a place in `folder` for their metrics."""
    kept = {name: value for name, value in inherited.items() if name != PATH_PREFIX}
    return {**kept, **dict.fromkeys(THREAD_LIMITS, "1"), METRICS_VARIABLE: str(folder / METRICS_FOLDER)}
