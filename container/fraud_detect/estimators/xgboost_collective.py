"""Hosts that talk by XGBoost's own collective (https://xgboost.readthedocs.io/en/stable/python/collective.html).

A thread has a communicator of its own: what is to be done on one host alone is done in another thread.

Knows XGBoost's communicator. Never knows what is said, who the hosts are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fraud_detect.hosts import Kind

SECONDS_FOR_A_STEP = 1_800
"""How long hosts wait for one that is slower, as with a larger file to read. One that is gone is noticed at once."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Collective:
    """As `Hosts`, in the thread that joined."""

    rank: int
    count: int
    _thread: int = field(default_factory=threading.get_ident)

    def total(self, values: NDArray[Kind]) -> NDArray[Kind]:
        """As `Hosts.total`."""
        from xgboost import collective

        if threading.get_ident() != self._thread:
            raise RuntimeError("a thread that did not join the other hosts")
        if values.size == 0:
            return values
        sums: NDArray[Kind] = collective.allreduce(np.ascontiguousarray(values), collective.Op.SUM)
        return sums.reshape(values.shape)

    def gather(self, values: NDArray[Kind]) -> NDArray[Kind]:
        """As `Hosts.gather`: a sum of arrays that are 0 but for each host's own part, which is exact for bytes."""
        sizes = np.zeros(self.count, dtype=np.int64)
        sizes[self.rank] = len(values)
        sizes = self.total(sizes)
        whole = np.zeros((int(sizes.sum()), *values.shape[1:]), dtype=values.dtype)
        start = int(sizes[: self.rank].sum())
        whole[start : start + len(values)] = values
        return self.total(whole.view(np.uint8)).view(values.dtype) if whole.size else whole

    def leave(self) -> None:
        """Part with the other hosts, once all of them do.

        Who fails does not: the others could not answer.
        """
        from xgboost import collective

        collective.finalize()


def join(tracker: str, port: int, task: int) -> Collective:
    """Join the hosts that the tracker at `tracker`, an address, and `port` waits for; they are ranked by `task`.

    From then on XGBoost asks the other hosts in much of what it does in this thread, even where it explains a score.
    """
    import xgboost
    from xgboost import collective

    xgboost.set_config(verbosity=0)
    collective.init(
        dmlc_tracker_uri=tracker,
        dmlc_tracker_port=port,
        dmlc_task_id=f"{task:06d}",  # sorted as text
        dmlc_timeout=SECONDS_FOR_A_STEP,
    )
    return Collective(collective.get_rank(), collective.get_world_size())


def on_one_host(work: Callable[[], Result]) -> Result:
    """Return what `work` does where XGBoost knows of no other hosts."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()
