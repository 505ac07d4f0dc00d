"""The hosts of a training job, and where the first of them is.

Knows resourceconfig.json and names of hosts. Never knows training, what hosts tell each other.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fraud_detect.errors import SettingError
from fraud_detect.sagemaker.configuration import read_object
from fraud_detect.sagemaker.layout import Layout

SECONDS_TO_MEET = 900.0
"""SageMaker starts hosts one after another, and their names may be unknown until then."""
SECONDS_BETWEEN_TRIES = 1.0
TRIES_BETWEEN_LINES = 30

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Cluster:
    """The names of a job's hosts, sorted, and which of them this is."""

    hosts: tuple[str, ...]
    current: str

    @property
    def first(self) -> str:
        """The host where the others meet."""
        return self.hosts[0]


def cluster(layout: Layout) -> Cluster | None:
    """Return the hosts of the job, None if there is only one.

    Raises
    ------
    SettingError
        If resourceconfig.json does not say which of the hosts this is.
    """
    document = read_object(layout.resource_config)
    hosts, current = document.get("hosts", []), document.get("current_host")
    names = sorted(set(hosts)) if isinstance(hosts, list) and all(isinstance(name, str) for name in hosts) else None
    if names is None or (len(names) > 1 and current not in names):
        raise SettingError(
            f"{layout.resource_config} has hosts={hosts!r} and current_host={current!r}",
            expected="a list of names, and one of them",
            remedy="Correct the file.",
        )
    return Cluster(tuple(names), str(current)) if len(names) > 1 else None


def address_of(name: str) -> str:
    """Return the IPv4 address of the host `name`. Raises `OSError` where it has none, yet."""
    found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
    return str(found[0][4][0])


def until_there(attempt: Callable[[], Result], what: str, *, seconds: float = SECONDS_TO_MEET) -> Result:
    """Return what `attempt` does once it raises no `OSError`, tried again and again for `seconds`.

    Raises
    ------
    SettingError
        If it still fails then.
    """
    end, tries = time.monotonic() + seconds, 0
    while True:
        try:
            return attempt()
        except OSError as error:
            cause = error
        if time.monotonic() > end:
            raise SettingError(
                f"There is no way to {what} after {seconds:g} s ({cause})",
                expected="the hosts of the job to find each other by name, and any port open between them",
                remedy="Check the network: in a VPC the security group must let its own members in.",
            )
        if tries % TRIES_BETWEEN_LINES == 0:
            logger.info("no way to %s yet (%s): trying again", what, cause)
        tries += 1
        time.sleep(SECONDS_BETWEEN_TRIES)
