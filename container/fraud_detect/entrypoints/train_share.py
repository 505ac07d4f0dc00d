"""The process that trains on one of several hosts; `many_hosts` starts it, with its task on standard input.

Knows the flow. Never knows how hosts meet.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter

from fraud_detect import log
from fraud_detect.entrypoints.report import warnings_kept
from fraud_detect.entrypoints.together import Task, Together
from fraud_detect.entrypoints.train import train_here
from fraud_detect.errors import LostTouch
from fraud_detect.estimators.xgboost_collective import join
from fraud_detect.hosts import ALONE
from fraud_detect.sagemaker.job import StopRequest, run
from fraud_detect.sagemaker.layout import Layout

logger = logging.getLogger(__name__)


def main() -> None:
    """Train in the folder that the first argument names, as standard input says."""
    log.configure()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as `train` does
    layout, task = Layout(Path(sys.argv[1])), TypeAdapter(Task).validate_json(sys.stdin.buffer.read())
    with warnings_kept() as warnings:
        code = run(lambda stop: _train(layout, stop, warnings, task), layout)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)  # XGBoost would wait for hosts that are gone


def _train(layout: Layout, stop: StopRequest, warnings: Sequence[str], task: Task) -> None:
    if len(task.hosts) == 1:
        train_here(layout, stop, warnings, Together.of(task, ALONE))
        return
    from xgboost.core import XGBoostError

    try:
        hosts = join(task.address, task.port, task.place)
        train_here(layout, stop, warnings, Together.of(task, hosts, hosts.leave))
    except XGBoostError as error:
        if "collective" not in str(error):
            raise
        logger.debug("%s", error)
        raise LostTouch("lost touch with another host") from error


if __name__ == "__main__":
    main()
