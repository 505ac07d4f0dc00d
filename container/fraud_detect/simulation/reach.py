"""Which terminals are near a customer, and drawing one of them.

The pairs of customers and terminals are never listed: there can be billions. The square is cut into horizontal
strips, in which terminals are sorted from left to right; what a circle covers of a strip is then one run of
neighbours, and a customer's candidates are a few runs. A candidate outside the circle is drawn again, so that every
terminal within it is equally likely.

Knows places in the plane; numpy, and SciPy to find the nearest terminal. Never knows days, amounts, frauds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STRIPS_PER_RADIUS = 5
MOST_STRIPS = 4_096
MARGIN = 1e-6  # of a strip's height: rounding at the circle's edge must not hide a terminal


@dataclass(frozen=True)
class Reach:
    """The terminals within `radius` of each customer.

    Attributes
    ----------
    customers, terminals : places, float64, shapes (c, 2) and (t, 2).
    reachable : whether a customer has a terminal within the radius, shape (c,).
    order : int32, shape (t,), the terminals by strip and from left to right.
    offsets : int32, shape (c, k), what to add to a candidate's number to get its position in `order`, by strip.
    running : int32, shape (c, k), candidates in this strip and those before it.
    """

    customers: NDArray[np.float64]
    terminals: NDArray[np.float64]
    radius: float
    reachable: NDArray[np.bool_]
    order: NDArray[np.int32]
    offsets: NDArray[np.int32]
    running: NDArray[np.int32]

    def draw(self, customers: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.int32]:
        """Return a terminal within reach for each of `customers`, who must be reachable; both of shape (n,)."""
        drawn = np.empty(len(customers), dtype=np.int32)
        pending = np.arange(len(customers))
        while len(pending):
            who = customers[pending]
            found = self._candidates(who, rng)
            near = _within(self.customers[who], self.terminals[found], self.radius)
            drawn[pending[near]] = found[near]
            pending = pending[~near]
        return drawn

    def _candidates(self, who: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.int32]:
        running = self.running[who]
        numbers = rng.integers(running[:, -1])
        strips = (running <= numbers[:, np.newaxis]).sum(axis=1)
        found: NDArray[np.int32] = self.order[self.offsets[who, strips] + numbers]
        return found


def within(customers: NDArray[np.float64], terminals: NDArray[np.float64], radius: float) -> Reach:
    """Return the reach of customers among terminals, places of shapes (c, 2) and (t, 2) with no negative coordinate."""
    side = max(customers.max(), terminals.max(), radius)
    height = max(radius / STRIPS_PER_RADIUS, side / MOST_STRIPS)
    strips = np.floor(terminals[:, 1] / height)
    order = np.lexsort((terminals[:, 0], strips))
    # One ascending number for strip and x: strips lie further apart than any search may miss the square.
    apart = 4 * side
    positions = strips[order] * apart + terminals[order, 0]
    offsets, running = _runs(customers, positions, radius=radius, height=height, apart=apart)
    return Reach(
        customers=customers,
        terminals=terminals,
        radius=radius,
        reachable=_reachable(customers, terminals, radius),
        order=order.astype(np.int32),
        offsets=offsets,
        running=running,
    )


def _runs(
    customers: NDArray[np.float64], positions: NDArray[np.float64], *, radius: float, height: float, apart: float
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return `offsets` and `running` of the runs that cover the circle around each customer."""
    count = int(np.ceil(2 * radius / height)) + 1
    offsets = np.empty((len(customers), count), dtype=np.int32)
    running = np.empty((len(customers), count), dtype=np.int32)
    total = np.zeros(len(customers), dtype=np.int64)
    x, y = customers[:, 0], customers[:, 1]
    lowest = np.floor((y - radius) / height)
    for number in range(count):
        strips = lowest + number
        below, above = strips * height - y, y - (strips + 1) * height
        distances = np.maximum(np.maximum(below, above), 0) - MARGIN * height
        half_widths = np.sqrt(np.maximum(radius**2 - np.maximum(distances, 0) ** 2, 0)) + MARGIN * height
        firsts = np.searchsorted(positions, strips * apart + np.maximum(x - half_widths, -apart / 4))
        ends = np.searchsorted(positions, strips * apart + np.minimum(x + half_widths, apart / 2))
        offsets[:, number] = firsts - total
        total = total + np.where(distances <= radius, ends - firsts, 0)
        running[:, number] = total
    return offsets, running


def _reachable(customers: NDArray[np.float64], terminals: NDArray[np.float64], radius: float) -> NDArray[np.bool_]:
    from scipy.spatial import KDTree

    _, nearest = KDTree(terminals).query(customers)
    return _within(customers, terminals[nearest], radius)


def _within(places: NDArray[np.float64], others: NDArray[np.float64], radius: float) -> NDArray[np.bool_]:
    """Return whether two places of each row, shapes (n, 2), are no further apart than `radius`."""
    near: NDArray[np.bool_] = ((places - others) ** 2).sum(axis=1) <= radius**2
    return near
