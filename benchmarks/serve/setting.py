"""What every scenario is given.

Knows the workload. Never knows how anything is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workload import Workload


@dataclass(frozen=True)
class Setting:
    """The model, a folder to write to, and how long and how often to measure."""

    workload: Workload
    folder: Path
    workers: int
    rounds: int
    seconds: int
