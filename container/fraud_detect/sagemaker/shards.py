"""Which hosts have rows, and whether a channel is divided among them or the same on all.

Knows inputdataconfig.json and marks of files. Never knows what files hold.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fraud_detect.errors import TableError
from fraud_detect.sagemaker.channels import KNOWN, TRAIN, channels
from fraud_detect.sagemaker.configuration import read_object
from fraud_detect.sagemaker.layout import Layout
from fraud_detect.tables.files import marks

COPIED, DIVIDED = "FullyReplicated", "ShardedByS3Key"
TYPE, FILES, IS_PIPE = "type", "files", "is_pipe"
MOST_NAMES = 3

Listing = Mapping[str, Mapping[str, Any]]
"""Of one host, by channel: how S3 objects are given to hosts if that is declared, and the marks of the files."""

logger = logging.getLogger(__name__)


def listing(layout: Layout) -> Listing:
    """Return what this host has. Raises `TableError` if there is no train channel."""
    declared = read_object(layout.input_data_config)
    found = {}
    for name, place in channels(layout).items():
        settings = declared.get(name)
        kind = settings.get("S3DistributionType") if isinstance(settings, Mapping) else None
        found[name] = {TYPE: kind, FILES: marks(place), IS_PIPE: place.is_fifo()}
    return found


@dataclass(frozen=True)
class Part:
    """Whether all hosts that train have the same files of a channel, and which of them have any, by name."""

    copied: bool
    hosts: Sequence[str]


@dataclass(frozen=True)
class Shards:
    """The hosts that train, in order, and the channels that any host has."""

    hosts: tuple[str, ...]
    channels: Mapping[str, Part]


def shards(listings: Mapping[str, Listing]) -> Shards:
    """Return who trains, by what each host has: those without a file in any channel of rows do not.

    Raises
    ------
    TableError
        If no host has files to train on, or it is not clear whether rows would count twice.
    """
    names = [name for name in KNOWN if any(name in each for each in listings.values())]
    there = {host: [name for name in names if each.get(name, {}).get(FILES)] for host, each in listings.items()}
    hosts = tuple(sorted(host for host, found in there.items() if found))
    parts = {}
    for name in names:
        own = {host: listings[host][name] for host in hosts if name in there[host]}
        parts[name] = Part(_is_copied(name, own, len(hosts)), tuple(own))
    if not parts[TRAIN].hosts:
        raise TableError(
            "No host has a file in the train channel",
            expected="at least one CSV or Parquet file with rows",
            remedy="Put the data there, or correct the path.",
        )
    return Shards(hosts, parts)


def _is_copied(name: str, own: Mapping[str, Mapping[str, Any]], hosts: int) -> bool:
    """Return whether each of the `hosts` that train has the same files, by what those that have any say."""
    kinds = {each[TYPE] for each in own.values()}
    if len(own) < 2:
        return False
    if any(each[IS_PIPE] for each in own.values()):
        return kinds != {DIVIDED}  # FullyReplicated is what SageMaker does if nothing is said
    files = [{tuple(mark) for mark in each[FILES]} for each in own.values()]
    same = len(own) == hosts and all(each == files[0] for each in files)
    if kinds == {COPIED} and not same:
        raise _unclear(f"Channel '{name}' is {COPIED}, but the hosts have different files in it", name)
    if kinds == {DIVIDED} and same:
        logger.warning("channel %s is %s, but all hosts have the same files: each row counts once", name, DIVIDED)
    twice = sorted({mark[0] for each in files for mark in each if sum(mark in other for other in files) > 1})
    if twice and not same and kinds != {DIVIDED}:
        shown = ", ".join(twice[:MOST_NAMES]) + (", ..." if len(twice) > MOST_NAMES else "")
        raise _unclear(f"Channel '{name}' has some files on several hosts, but not on all ({shown})", name)
    return same


def _unclear(got: str, name: str) -> TableError:
    return TableError(
        got,
        expected="each file on one host, or all files on all hosts",
        remedy=f"Give channel '{name}' to the hosts one way or the other: S3DistributionType is {COPIED} or {DIVIDED}.",
    )
