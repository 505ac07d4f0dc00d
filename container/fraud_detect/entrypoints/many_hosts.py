"""`train` on one of several hosts: meet the others, start the process that trains, and end it when any host fails.

The training is a process of its own, since XGBoost ends it without a word when another host is gone.

Knows how hosts meet, processes. Never knows how a model is trained.
"""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from fraud_detect.entrypoints.together import Task
from fraud_detect.errors import FailedElsewhere, Stopped, UserError
from fraud_detect.sagemaker.cluster import Cluster, address_of, until_there
from fraud_detect.sagemaker.configuration import read_object
from fraud_detect.sagemaker.hyperparameters import parse
from fraud_detect.sagemaker.job import OK, OUR_FAULT, STOPPED, USER_FAULT, StopRequest, failure_of
from fraud_detect.sagemaker.layout import Layout
from fraud_detect.sagemaker.roll_call import PORT, Caller, RollCall
from fraud_detect.sagemaker.shards import listing, shards
from fraud_detect.training.together import check_together

TRACKER_PORT = 9099
SECONDS_TO_CONNECT = 10.0
SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_TO_LEARN_THE_CAUSE = 40.0
"""Above the silence after which a host counts as gone."""

logger = logging.getLogger(__name__)


def supervise(layout: Layout, cluster: Cluster, stop: StopRequest) -> None:
    """Train together with the other hosts of `cluster`.

    Raises
    ------
    UserError
        For what is wrong here.
    FailedElsewhere
        If another host failed, with its cause.
    Stopped
        If a stop left no model.
    """
    with _met(cluster, stop) as (caller, address):
        try:
            _take_part(layout, cluster, stop, caller, address)
        except UserError as error:
            caller.fail(str(error), USER_FAULT)
            raise
        except OSError as error:
            caller.fail(f"The machine refused: {error}", USER_FAULT)
            raise
        except Stopped as stopped:
            caller.fail(str(stopped), STOPPED)
            raise


@contextmanager
def _met(cluster: Cluster, stop: StopRequest) -> Iterator[tuple[Caller, str]]:
    """Give this host's line to the first one, and the first one's address; the first one attends to all lines."""

    def connected() -> tuple[str, socket.socket]:
        stop.check()
        address = address_of(cluster.first)
        return address, socket.create_connection((address, PORT), SECONDS_TO_CONNECT)

    with _attended(cluster, stop) if cluster.current == cluster.first else contextlib.nullcontext():
        address, connection = until_there(connected, f"reach {cluster.first}")
        caller = Caller(connection, cluster.current, cluster.first)
        try:
            yield caller, address
        finally:
            caller.close()


@contextmanager
def _attended(cluster: Cluster, stop: StopRequest) -> Iterator[None]:
    """Attend to the lines of all hosts, and start XGBoost's tracker for those that have rows."""

    def address() -> str:
        stop.check()
        return address_of(cluster.first)

    own = until_there(address, f"find the address of {cluster.first}")
    trackers: list[Any] = []

    def track(listings: Mapping[str, Any]) -> None:
        hosts = shards(listings).hosts
        if len(hosts) > 1:
            from xgboost.tracker import RabitTracker

            trackers.append(RabitTracker(n_workers=len(hosts), host_ip=own, port=TRACKER_PORT, sortby="task"))
            trackers[-1].start()

    roll_call = RollCall(own, cluster.hosts, track)
    try:
        yield
    finally:
        roll_call.close()
        for tracker in trackers:
            with contextlib.suppress(Exception):  # it complains of hosts that are gone, as it should
                tracker.free()


def _take_part(layout: Layout, cluster: Cluster, stop: StopRequest, caller: Caller, address: str) -> None:
    check_together(parse(read_object(layout.hyperparameters)), len(cluster.hosts))
    roll = caller.roll(listing(layout), stop.check)
    _raise_if_failed(caller)
    found = shards(roll or {})
    if cluster.current in found.hosts:
        place = found.hosts.index(cluster.current)
        if place == 0:
            logger.info("%d of %d hosts have rows and train together", len(found.hosts), len(cluster.hosts))
        _train(layout, Task(address, TRACKER_PORT, place, found.hosts, found.channels), stop, caller)
    else:
        logger.info("no rows here: waiting for the %d hosts that have some", len(found.hosts))
    caller.done()
    _raise_if_failed(caller)


def _raise_if_failed(caller: Caller) -> None:
    failure = caller.failure
    if failure is None:
        return
    if failure.code == STOPPED:
        raise Stopped(f"host {failure.host}: {failure.cause}")
    said = failure.cause if failure.host == caller.name else f"Host {failure.host} failed: {failure.cause}"
    raise FailedElsewhere(said, failure.code)


def _train(layout: Layout, task: Task, stop: StopRequest, caller: Caller) -> None:
    """Run the process that trains to its end. Raises as `supervise` if it fails, or another host does meanwhile."""
    command = [sys.executable, "-m", "fraud_detect.entrypoints.train_share", str(layout.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:  # noqa: S603 - our own program
        try:
            if process.stdin is not None:
                process.stdin.write(json.dumps(asdict(task)).encode())
                process.stdin.close()
            code = _watched(process, stop, caller)
        finally:
            process.kill()
    if code == OK:
        return
    _raise_if_failed(caller)
    _explain(layout, code, caller)


def _watched(process: subprocess.Popen[bytes], stop: StopRequest, caller: Caller) -> int:
    """Return the exit code of `process`, which is killed if another host fails, and told of a stop."""
    told = False
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(SECONDS_BETWEEN_LOOKS)
        if stop.requested and not told:
            process.send_signal(signal.SIGTERM)
            told = True
        if caller.failure is not None:
            process.kill()


def _explain(layout: Layout, code: int, caller: Caller) -> None:
    """Raise what the exit `code` of the training means, once it is clear whose failure it is."""
    if code in (STOPPED, -signal.SIGTERM):  # the latter before it could heed one
        raise Stopped("stopped before the first round: there is no model to save")
    cause = failure_of(layout)
    if cause is None and code < 0:
        name = signal.Signals(-code).name
        cause = f"The training was killed by {name}; expected it to end by itself. Is there enough memory?"
    if cause is None:
        caller.wait_for_failure(SECONDS_TO_LEARN_THE_CAUSE)
        _raise_if_failed(caller)
        cause = f"The hosts lost touch (exit code {code}); expected a steady network between them. Try again."
    code = OUR_FAULT if code == OUR_FAULT else USER_FAULT
    caller.fail(cause, code)
    raise FailedElsewhere(cause, code)
