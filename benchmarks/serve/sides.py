"""Who is measured: our server, the same server around a constant view, and two peers around the same booster.

Knows how each is started, and where it takes rows. Never knows how it is driven.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import peers
from bodies import Body, Table, json_lists
from processes import Program, free_port, running
from setting import Setting

HERE = Path(__file__).parent
SERVE, STACK = HERE.parents[1] / "container" / "serve", HERE / "stack.py"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
LOG_NUMBERS = itertools.count()
SETTLE_SECONDS = 1
"""From the first worker that answers to the last one."""


@dataclass(frozen=True)
class Endpoint:
    """A server that is ready: the process id of its leader, and the URL before any path."""

    leader: int
    url: str


@dataclass(frozen=True)
class Server:
    """A name, and the program that serves on a port."""

    name: str
    program: Callable[[Setting, int], Program]

    @contextmanager
    def running(self, setting: Setting) -> Iterator[Endpoint]:
        """Give the server, ready. Raises `StartError` and, for a peer, `InstallError`."""
        port = free_port()
        with running(self.program(setting, port), self.log(setting)) as leader:
            time.sleep(SETTLE_SECONDS)
            yield Endpoint(leader, f"http://127.0.0.1:{port}")

    def log(self, setting: Setting) -> Path:
        """Return a new file for what the server writes."""
        return setting.folder / f"{next(LOG_NUMBERS)}.log"


@dataclass(frozen=True)
class Side:
    """One line of a table: a way into a server. `form` is set where it takes other bodies than the scenario's."""

    name: str
    server: Server
    path: str = "/invocations"
    form: Callable[[Table, int], Body] | None = None


def serve_arguments(setting: Setting, port: int) -> Sequence[str | Path]:
    """Return the arguments of `serve`."""
    return ["--root", setting.workload.root, "--host", "127.0.0.1", "--port", str(port)]


def serve_environment(setting: Setting) -> Mapping[str, str]:
    """Return what is set for `serve`; all else is as it comes, log lines included."""
    return {"SAGEMAKER_MODEL_SERVER_WORKERS": str(setting.workers)}


def _ours(setting: Setting, port: int) -> Program:
    command = [sys.executable, SERVE, *serve_arguments(setting, port)]
    return Program(command, serve_environment(setting), f"http://127.0.0.1:{port}/ping")


@dataclass(frozen=True)
class Stack:
    """`serve` with its view, gunicorn's options or nginx's configuration changed; see stack.py."""

    view: str
    options: Mapping[str, object] = field(default_factory=dict)
    changes: Sequence[tuple[str, str]] = ()
    with_nginx: bool = True

    def program(self, setting: Setting, port: int) -> Program:
        """Return the program that serves it on `port`."""
        changed = [self.view, json.dumps(dict(self.options)), json.dumps(self.changes)]
        command = [sys.executable, STACK, "serve", *changed, *serve_arguments(setting, port)]
        path = {} if self.with_nginx else {"PATH": ""}  # `serve` takes nginx where it finds it
        return Program(command, {**serve_environment(setting), **path}, f"http://127.0.0.1:{port}/ping")


def _litserve(setting: Setting, port: int) -> Program:
    arguments = [str(setting.workload.booster), str(setting.workers), str(port)]
    command = [peers.install("litserve") / "python", peers.SERVERS / "litserve_server.py", *arguments]
    return Program(command, ONE_THREAD, f"http://127.0.0.1:{port}/health")


def _bentoml(setting: Setting, port: int) -> Program:
    environment = {
        **ONE_THREAD,
        "FRAUD_MODEL": str(setting.workload.booster),
        "FRAUD_WORKERS": str(setting.workers),
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": str(setting.folder / "bentoml"),
    }
    where = ["--working-dir", peers.SERVERS, "--host", "127.0.0.1", "--port", str(port)]
    command = [peers.install("bentoml") / "bentoml", "serve", "bentoml_server:Fraud", *where]
    return Program(command, environment, f"http://127.0.0.1:{port}/readyz")


OUR_SERVER, BENTOML_SERVER = Server("fraud-detect", _ours), Server("BentoML", _bentoml)
OURS = Side("ours", OUR_SERVER)
CONSTANT = Side("ours, constant view", Server("constant", Stack("constant").program))
LITSERVE = Side(f"LitServe {peers.version('litserve')}", Server("LitServe", _litserve))
BENTOML = Side(f"BentoML {peers.version('bentoml')}", BENTOML_SERVER)
BENTOML_ARRAY = Side("BentoML, JSON array", BENTOML_SERVER, "/predict", json_lists)
BENTOML_MOUNTED = Side("BentoML, mounted Starlette", BENTOML_SERVER, "/mounted/invocations")
