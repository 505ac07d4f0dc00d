"""The memory of a process, as Linux counts it.

Knows /proc. Never knows what the process does.
"""

from __future__ import annotations

import re
from pathlib import Path

BYTES_PER_MB = 1 << 20


def resident_bytes(pid: int) -> int:
    """Return what is in memory of `pid`, pages shared with others included (VmRSS)."""
    return _field(pid, "status", "VmRSS")


def peak_bytes(pid: int) -> int:
    """Return the most that was ever in memory of `pid` (VmHWM)."""
    return _field(pid, "status", "VmHWM")


def proportional_bytes(pid: int) -> int:
    """Return what is in memory of `pid`, each shared page divided by the number of its users (Pss)."""
    return _field(pid, "smaps_rollup", "Pss")


def _field(pid: int, file: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/{file}").read_text(), re.MULTILINE)
    assert found, f"{file} of {pid} has no {name}"
    return int(found[1]) * 1024
