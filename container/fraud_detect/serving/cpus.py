"""How many CPUs this process may use, by its control group's quota and its affinity.

Knows the files of cgroup v1 and v2. Never knows what the CPUs are for.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

MEMBERSHIP = Path("/proc/self/cgroup")
HIERARCHY = Path("/sys/fs/cgroup")
V2_QUOTA = "cpu.max"
V1_QUOTA, V1_PERIOD = "cpu.cfs_quota_us", "cpu.cfs_period_us"
V1_CONTROLLER = "cpu"


def available_cpus() -> int:
    """Return the number of CPUs, at least 1: the control group's quota rounded up, within the affinity."""
    quota = quota_cpus(_text(MEMBERSHIP), HIERARCHY)
    return max(1, min(_usable_cpus(), math.ceil(quota)) if quota else _usable_cpus())


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quota_cpus(membership: str, hierarchy: Path) -> float | None:
    """Return the smallest CPU quota of a group and those above it, in CPUs, or None where there is no limit.

    Parameters
    ----------
    membership : the text of /proc/self/cgroup.
    hierarchy : where the control groups are mounted. Inside a container the named groups may lie outside the
        mount; then only those that exist count, the root among them.
    """
    quotas = [quota for group in _groups(membership, hierarchy) if (quota := _quota(group)) is not None]
    return min(quotas, default=None)


def _groups(membership: str, hierarchy: Path) -> Iterator[Path]:
    """Yield the folder of the CPU controller's group and of each group above it."""
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        names = controllers.split(",")
        if controllers and V1_CONTROLLER not in names:
            continue
        group = Path(path.lstrip("/"))
        for above in (group, *group.parents):
            yield hierarchy / controllers / above
            if controllers:
                yield hierarchy / V1_CONTROLLER / above


def _quota(group: Path) -> float | None:
    quota, _, period = _text(group / V2_QUOTA).strip().partition(" ")
    if not quota:
        quota, period = _text(group / V1_QUOTA).strip(), _text(group / V1_PERIOD).strip()
    if not (quota.isdigit() and period.isdigit() and int(period) > 0):  # "max" and "-1" mean no limit
        return None
    return int(quota) / int(period)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
