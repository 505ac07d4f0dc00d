"""How many CPUs this process may use, by its control group's quota and its affinity.

Knows the files of cgroup v1 and v2. Never knows what the CPUs are for.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

from fraud_detect.serving.control_groups import HIERARCHY, MEMBERSHIP, groups, text_of

V2_QUOTA = "cpu.max"
V1_QUOTA, V1_PERIOD = "cpu.cfs_quota_us", "cpu.cfs_period_us"
V1_CONTROLLER = "cpu"


def available_cpus() -> int:
    """Return the number of CPUs, at least 1: the control group's quota rounded up, within the affinity."""
    quota = quota_cpus(text_of(MEMBERSHIP), HIERARCHY)
    return max(1, min(_usable_cpus(), math.ceil(quota)) if quota else _usable_cpus())


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quota_cpus(membership: str, hierarchy: Path) -> float | None:
    """Return the smallest CPU quota of a group and those above it, in CPUs, or None where there is no limit.

    `membership` and `hierarchy` are those of `groups`.
    """
    found = groups(membership, hierarchy, V1_CONTROLLER)
    return min((quota for group in found if (quota := _quota(group)) is not None), default=None)


def _quota(group: Path) -> float | None:
    quota, _, period = text_of(group / V2_QUOTA).strip().partition(" ")
    if not quota:
        quota, period = text_of(group / V1_QUOTA).strip(), text_of(group / V1_PERIOD).strip()
    if not (quota.isdigit() and period.isdigit() and int(period) > 0):  # "max" and "-1" mean no limit
        return None
    return int(quota) / int(period)
