"""How much memory is left to this process, how much it holds, and how to give back what it has freed.

Knows the files of Linux and of cgroup v1 and v2, and glibc's allocator. Never knows what the memory is for.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Mapping
from pathlib import Path

from fraud_detect.serving.control_groups import HIERARCHY, MEMBERSHIP, groups, text_of

V2_LIMIT, V2_USE, V2_CACHE = "memory.max", "memory.current", "inactive_file"
V1_LIMIT, V1_USE, V1_CACHE = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
STATISTICS = "memory.stat"
V1_CONTROLLER = "memory"
MACHINE = Path("/proc/meminfo")
PROCESS = Path("/proc/self/status")
BYTES_PER_KB = 1024


def available_bytes() -> int | None:
    """Return how much more this process and those beside it may take; None where the system does not say."""
    rooms = *group_rooms(text_of(MEMBERSHIP), HIERARCHY), *machine_room(text_of(MACHINE))
    return min(rooms, default=None)


def group_rooms(membership: str, hierarchy: Path) -> list[int]:
    """Return what each limited group has left in bytes, cached files counted as free: see `groups`."""
    found = groups(membership, hierarchy, V1_CONTROLLER)
    return [room for group in found if (room := _room(group)) is not None]


def _room(group: Path) -> int | None:
    for limit, use, cache in ((V2_LIMIT, V2_USE, V2_CACHE), (V1_LIMIT, V1_USE, V1_CACHE)):
        limit_bytes = text_of(group / limit).strip()
        if limit_bytes.isdigit():  # "max" means no limit
            used_bytes = text_of(group / use).strip()
            cached_bytes = _values(text_of(group / STATISTICS)).get(cache, 0)
            return int(limit_bytes) - (int(used_bytes) - cached_bytes if used_bytes.isdigit() else 0)
    return None


def machine_room(meminfo: str) -> list[int]:
    """Return what /proc/meminfo calls available, in bytes, or nothing."""
    values = _values(meminfo)
    return [values["MemAvailable:"] * BYTES_PER_KB] if "MemAvailable:" in values else []


def held_bytes() -> int | None:
    """Return the memory of this process that is no part of a file; None where the system does not say."""
    values = _values(text_of(PROCESS))
    return values["RssAnon:"] * BYTES_PER_KB if "RssAnon:" in values else None


def give_back() -> None:
    """Return freed memory to the system; the allocator would keep all of a closed model, in small pieces."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's own
    if trim is not None:
        trim(0)


def _values(text: str) -> Mapping[str, int]:
    """Return the numbers of lines such as `name 12` and `Name: 12 kB`."""
    lines = (line.split() for line in text.splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}
