"""What hosts that train one model together say to each other; one host alone says nothing.

Everything here is done by all hosts in the same order, or each waits for the others.

Knows arrays and JSON. Never knows sockets, XGBoost, what is said.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Kind = TypeVar("Kind", bound=np.generic)


class Hosts(Protocol):
    """Hosts that each have some of the rows; `rank` is this one's place among the `count` of them, from 0."""

    @property
    def rank(self) -> int:
        """Place of this host, from 0."""
        ...

    @property
    def count(self) -> int:
        """Number of hosts."""
        ...

    def total(self, values: NDArray[Kind]) -> NDArray[Kind]:
        """Return the sums over hosts of `values`, numbers of one shape and type on all of them."""
        ...

    def gather(self, values: NDArray[Kind]) -> NDArray[Kind]:
        """Return the `values` of all hosts by rank, shape (n, ...) -> (n of all hosts, ...); one type on all hosts."""
        ...


@dataclass(frozen=True)
class Alone:
    """One host, which has all rows."""

    rank: int = 0
    count: int = 1

    def total(self, values: NDArray[Kind]) -> NDArray[Kind]:
        """As `Hosts.total`."""
        return values

    def gather(self, values: NDArray[Kind]) -> NDArray[Kind]:
        """As `Hosts.gather`."""
        return values


ALONE: Hosts = Alone()


def sums(hosts: Hosts, *counts: int) -> list[int]:
    """Return the sum over hosts of each of `counts`."""
    totals: list[int] = hosts.total(np.array(counts, dtype=np.int64)).tolist()
    return totals


def on_any(hosts: Hosts, *flags: bool) -> list[bool]:
    """Return for each of `flags` whether it is set on any host."""
    return [count > 0 for count in sums(hosts, *flags)]


def documents(hosts: Hosts, document: Any) -> list[Any]:
    """Return the `document` of each host by rank, as JSON has it."""
    if hosts.count == 1:
        return [document]
    text = np.frombuffer(json.dumps(document).encode(), dtype=np.uint8)
    sizes = hosts.gather(np.array([len(text)], dtype=np.int64))
    ends = np.cumsum(sizes)
    whole = hosts.gather(text).tobytes()
    return [json.loads(whole[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def own(hosts: Hosts, indices: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    """Return those of `indices`, into what was gathered by rank, that are of this host's `length` rows, from 0."""
    if hosts.count == 1:
        return indices
    start = int(hosts.gather(np.array([length]))[: hosts.rank].sum())
    return indices[(indices >= start) & (indices < start + length)] - start


def order(hosts: Hosts, numbers: NDArray[Any] | None) -> NDArray[np.intp]:
    """Return where in what is gathered by rank the rows are, in the order of their `numbers`, shape (n,).

    What is drawn in this order does not depend on which host has which row.
    """
    if numbers is None:
        raise TypeError("rows without numbers have no order over several hosts")
    return np.argsort(hosts.gather(numbers), kind="stable")


def in_order(hosts: Hosts, numbers: NDArray[Any] | None, *columns: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the rows of all hosts for each of `columns`, shape (n, ...), in the order of their `numbers`, shape (n,).

    The rows of one host are returned as they are.
    """
    if hosts.count == 1:
        return list(columns)
    places = order(hosts, numbers)
    return [hosts.gather(column)[places] for column in columns]
