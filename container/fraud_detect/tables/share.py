"""Which rows of a channel are this host's, where several hosts read it, and what they tell each other of them.

Knows hosts, numbers of rows. Never knows how hosts talk, why a channel is on which of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.hosts import ALONE, Hosts, documents
from fraud_detect.schema import ColumnKind


@dataclass(frozen=True)
class Share:
    """The part of a channel that is this host's.

    `copied`: every host has all files, and each takes every so many-th row of them. Otherwise each takes the files
    that it has, which may be none (`has_files`) as long as another host has some.
    """

    hosts: Hosts = ALONE
    copied: bool = False
    has_files: bool = True

    def expected(self, rows: int) -> int:
        """Return how many of `rows` are this host's, or some more."""
        return -(-rows // self.hosts.count) if self.copied else rows

    def of_this_host(self, numbers: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Return which rows of a copied channel are this host's, by their `numbers`, bool, shape (n,)."""
        chosen: NDArray[np.bool_] = (numbers - 1) % self.hosts.count == self.hosts.rank
        return chosen

    def numbered(self, numbers: NDArray[np.uint32], read: Sequence[tuple[str, int]]) -> NDArray[np.uint32]:
        """Return the `numbers` that this host's rows would have if one host read all files, sorted by path.

        `read` are the names of this host's files in the order read and how many rows were in each, `numbers` count
        through them from 1, uint32, shape (n,). Files of one name on several hosts go by their hosts.
        """
        if self.copied or self.hosts.count == 1:
            return numbers
        lists = documents(self.hosts, read)
        files = [(name.split("/"), rank, rows) for rank, each in enumerate(lists) for name, rows in each]
        order = sorted(range(len(files)), key=lambda place: files[place][:2])
        starts = dict(zip(order, np.cumsum([0, *(files[place][2] for place in order)]).tolist(), strict=False))
        mine = [place for place, (_, rank, _rows) in enumerate(files) if rank == self.hosts.rank]
        before = np.cumsum([0, *(rows for _, rows in read)])
        moved = np.array([starts[place] for place in mine], dtype=np.int64) - before[:-1]
        file = np.searchsorted(before[1:], numbers, side="left")
        return (numbers + moved[file]).astype(np.uint32) if len(mine) else numbers


WHOLE = Share()
"""All rows of a channel, on one host."""


@dataclass(frozen=True)
class Head:
    """What the first file of a channel says of its columns, as a `Reader` has it; `source` is its name."""

    source: str
    names: tuple[str, ...]
    has_header: bool
    kinds: Mapping[str, ColumnKind | None]

    def as_json(self) -> Mapping[str, Any]:
        """Return what `of_json` takes."""
        return {"source": self.source, "names": self.names, "has_header": self.has_header, "kinds": dict(self.kinds)}

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> Head:
        """Return the head that `as_json` gave on another host."""
        kinds = {name: kind and ColumnKind(kind) for name, kind in document["kinds"].items()}
        return cls(document["source"], tuple(document["names"]), document["has_header"], kinds)


def first_head(hosts: Hosts, head: Head | None) -> Head:
    """Return the head of the first file of a channel over all hosts, sorted by path; None from hosts without files."""
    heads = [Head.of_json(each) for each in documents(hosts, head and head.as_json()) if each is not None]
    return min(heads, key=lambda each: each.source.split("/"))


def united(lists: Iterable[Sequence[Any]]) -> list[Any]:
    """Return what is in `lists`, each value once, in the order of its first appearance."""
    return list(dict.fromkeys(value for values in lists for value in values))
