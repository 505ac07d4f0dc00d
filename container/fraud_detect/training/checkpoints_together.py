"""Checkpoints of a job on several hosts: the first one keeps them, and all go on from its own.

Knows snapshots and hosts. Never knows folders.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from fraud_detect.estimators.family import Round, Snapshot, Snapshots
from fraud_detect.hosts import Hosts, documents
from fraud_detect.training.checkpoints import Checkpoints


def snapshots(checkpoints: Checkpoints | None, hosts: Hosts, stage: str) -> Snapshots:
    """Return what the fit of a stage goes on from on each host; the first one, which has `checkpoints`, keeps its own.

    All hosts have the same booster after each round: what one keeps is enough for all.
    """
    own = Snapshots() if checkpoints is None else checkpoints.snapshots(stage)
    if hosts.count == 1:
        return own
    begin = own.begin if hosts.rank == 0 else None
    told = documents(hosts, None if begin is None else {**asdict(begin), "booster": None})[0]
    booster = hosts.gather(np.frombuffer(b"" if begin is None else begin.booster, dtype=np.uint8)).tobytes()
    if told is None:
        return own
    rounds = [Round(**each) for each in told["rounds"]]
    return Snapshots(Snapshot(rounds, booster, told["is_last"]), own.every, own.keep)
