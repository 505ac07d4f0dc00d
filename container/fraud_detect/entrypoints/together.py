"""What a process that trains knows of the other hosts.

Knows shards and shares. Never knows how hosts meet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fraud_detect.hosts import ALONE, Hosts
from fraud_detect.sagemaker.channels import channels
from fraud_detect.sagemaker.layout import Layout
from fraud_detect.sagemaker.shards import Part
from fraud_detect.tables.share import WHOLE, Share


@dataclass(frozen=True)
class Task:
    """What one of `hosts` is told to do: train on its share of each of `channels`, together if they are several.

    `address`, `port`: of XGBoost's tracker. `place`: of this host among them, from 0.
    """

    address: str
    port: int
    place: int
    hosts: tuple[str, ...]
    channels: Mapping[str, Part]


@dataclass(frozen=True)
class Together:
    """The hosts that train together, and this one's share of each channel; alone it has all of them.

    `leave` is called once nothing is left to do together.
    """

    hosts: Hosts = ALONE
    shares: Mapping[str, Share] | None = None
    leave: Callable[[], None] = lambda: None

    @classmethod
    def of(cls, task: Task, hosts: Hosts, leave: Callable[[], None] = lambda: None) -> Together:
        """Return what `task` comes to once the hosts have joined."""
        own = task.hosts[task.place]
        shares = {name: Share(hosts, part.copied, own in part.hosts) for name, part in task.channels.items()}
        return cls(hosts, shares, leave)

    @property
    def is_first(self) -> bool:
        """Whether this host tells and writes what all have come to."""
        return self.hosts.rank == 0

    def places(self, layout: Layout) -> Mapping[str, Path]:
        """Return the folder, or the named pipe, of each channel that any host has."""
        own = channels(layout)
        return own if self.shares is None else {name: own.get(name, layout.data / name) for name in self.shares}

    def share(self, channel: str) -> Share:
        """Return this host's share of a channel."""
        return WHOLE if self.shares is None else self.shares[channel]
