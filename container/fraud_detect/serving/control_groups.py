"""The control groups that this process is in.

Knows the layout of cgroup v1 and v2. Never knows what is limited.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

MEMBERSHIP = Path("/proc/self/cgroup")
HIERARCHY = Path("/sys/fs/cgroup")


def groups(membership: str, hierarchy: Path, controller: str) -> Iterator[Path]:
    """Yield the folder of the group that `controller` keeps this process in, and of each group above it.

    Parameters
    ----------
    membership : the text of /proc/self/cgroup.
    hierarchy : where the control groups are mounted. Inside a container the named groups may lie outside the
        mount; then only those that exist count, the root among them.
    controller : its name in version 1, such as "cpu"; version 2 has one group for all of them.
    """
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        group = Path(path.lstrip("/"))
        for above in (group, *group.parents):
            yield hierarchy / controllers / above
            if controllers:
                yield hierarchy / controller / above


def text_of(path: Path) -> str:
    """Return what the file says, or nothing where it is not there."""
    try:
        return path.read_text()
    except OSError:
        return ""
