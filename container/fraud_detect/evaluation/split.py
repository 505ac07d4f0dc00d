"""Divide rows into a training part and a held-out part, or into folds.

Knows labels, hashes of rows, times. Never knows models, files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_detect.errors import TableError
from fraud_detect.schema import Float32Matrix

Labels = NDArray[np.uint8]
Hashes = NDArray[np.uint64]
Seed = int | Sequence[int]
FEWEST_DISTINCT = 2


@dataclass(frozen=True)
class Split:
    """Indices of the rows of each part, ascending, integers, shapes (m,) and (n - m,)."""

    training: NDArray[np.intp]
    held_out: NDArray[np.intp]


def row_hashes(features: Float32Matrix, seed: Seed) -> Hashes:
    """Return one hash per row, uint64, shape (n,): equal rows have equal hashes, whatever their place.

    A multilinear hash over the bits of the row with weights drawn from `seed`, finished by the mixer of
    SplitMix64 (Steele, Lea, Flood 2014). Different rows that collide only land in the same part of a split.
    """
    rng = np.random.default_rng(seed)
    weights = [2 * int(drawn) + 1 for drawn in rng.integers(2**63, size=(features.shape[1],))]  # odd, below 2**64
    total = np.full(len(features), rng.integers(2**63, dtype=np.uint64))
    for place, weight in enumerate(weights):
        column = features[:, place] + np.float32(0)  # -0.0 becomes 0.0; both mean the same to every model
        column[np.isnan(column)] = np.nan  # one NaN for all of them
        total += column.view(np.uint32).astype(np.uint64) * np.uint64(weight)
    return _mixed(total)


def entity_hashes(entities: NDArray[np.uint64], seed: Seed) -> Hashes:
    """Return one hash per row by its entity's number, uint64, shape (n,) -> (n,): as `row_hashes`, of one column."""
    weight, offset = np.random.default_rng(seed).integers(2**63, size=2, dtype=np.uint64)
    return _mixed(entities * (np.uint64(2) * weight + np.uint64(1)) + offset)


def _mixed(values: Hashes) -> Hashes:
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Hashes = values ^ (values >> np.uint64(31))
    return mixed


def stratified(hashes: Hashes, labels: Labels, fraction: float) -> Split:
    """Return a random split with `fraction` of each class held out; rows with equal hashes stay together.

    The hashes are the chance: the rows of a class with the smallest ones are held out, so that neither the
    order of the rows nor duplicates change which rows those are.

    Raises
    ------
    TableError
        If a class has fewer than two distinct rows: one part would go without.
    """
    return _by_class(hashes, labels, fraction, ("legitimate rows", "fraud rows"))


def grouped(hashes: Hashes, labels: Labels, fraction: float) -> Split:
    """Return a random split with about `fraction` of each class held out, by entities: none is on both sides.

    `hashes` are those of the rows' entities. An entity with a fraud is held out by a cut that is fitted to the
    frauds, any other one by a cut fitted to the legitimate rows: the shares are as near to `fraction` as whole
    entities allow.

    Raises
    ------
    TableError
        If fewer than two entities have frauds, or legitimate rows, or a part would go without.
    """
    split = _by_class(hashes, labels, fraction, ("entities with legitimate rows", "entities with frauds"))
    for name, indices in (("training", split.training), ("held-out", split.held_out)):
        frauds = int(labels[indices].sum())
        if not 0 < frauds < len(indices):
            raise TableError(
                f"Split by entity, the {name} part has {len(indices)} rows, {frauds} of them frauds",
                expected="frauds and legitimate rows in each part",
                remedy="Add rows of more entities, or change `split`.",
            )
    return split


def _by_class(hashes: Hashes, labels: Labels, fraction: float, names: tuple[str, str]) -> Split:
    frauds = hashes[labels == 1]
    held_out = hashes < _cut(hashes[labels == 0], fraction, names[0])
    same_as_fraud = np.isin(hashes, frauds)
    held_out[same_as_fraud] = hashes[same_as_fraud] < _cut(frauds, fraction, names[1])
    return Split(np.flatnonzero(~held_out), np.flatnonzero(held_out))


def _cut(hashes: Hashes, fraction: float, name: str) -> np.uint64:
    """Return the value below which about `fraction` of `hashes` lie, with at least one distinct value on each side."""
    distinct, counts = np.unique(hashes, return_counts=True)
    if len(distinct) < FEWEST_DISTINCT:
        raise TableError(
            f"The training data has {len(distinct)} distinct {name}",
            expected=f"at least {FEWEST_DISTINCT}, one to train and one to validate with",
            remedy="Add rows, or give a validation channel.",
        )
    below = np.cumsum(counts)
    place = int(np.argmin(np.abs(below - fraction * len(hashes)))) + 1
    cut: np.uint64 = distinct[min(max(place, 1), len(distinct) - 1)]
    return cut


def chronological(times: NDArray[np.float64], labels: Labels, fraction: float) -> Split:
    """Return a split that holds out the latest rows, about `fraction` of them; rows of one time stay together.

    Raises
    ------
    TableError
        If a part would have no frauds, or no legitimate rows.
    """
    cut = np.quantile(times, 1 - fraction, method="higher")
    held_out = times >= cut
    split = Split(np.flatnonzero(~held_out), np.flatnonzero(held_out))
    for name, indices in (("earlier", split.training), ("later", split.held_out)):
        if len(np.unique(labels[indices])) < 2:
            raise TableError(
                f"Split by time, the {name} part has {len(indices)} rows, {int(labels[indices].sum())} of them frauds",
                expected="frauds and legitimate rows before and after the cut",
                remedy="Change `validation_fraction`, give a validation channel, or leave `time_column` out.",
            )
    return split


def dealt(hashes: Hashes, labels: Labels, folds: int) -> NDArray[np.intp]:
    """Return the fold of each row, 0 to `folds` - 1, shape (n,): rows with equal hashes are in the same one.

    Groups of equal hashes are dealt out like cards, to and fro, those with frauds first: the largest ones first, by
    frauds and then by rows, groups of one size in the order of their hashes. So the folds differ as little as whole
    groups allow, and neither the order of the rows nor duplicates change them.
    """
    groups, places, sizes = np.unique(hashes, return_inverse=True, return_counts=True)
    frauds = np.bincount(places, labels, minlength=len(groups)).astype(np.intp)
    fold = np.empty(len(groups), dtype=np.intp)
    for members, weights in ((np.flatnonzero(frauds > 0), frauds), (np.flatnonzero(frauds == 0), sizes)):
        order = members[np.argsort(-weights[members], kind="stable")]
        rounds, seats = np.divmod(np.arange(len(order)), folds)
        fold[order] = np.where(rounds % 2 == 0, seats, folds - 1 - seats)
    return fold[places]


def fraud_groups(hashes: Hashes, labels: Labels) -> int:
    """Return how many distinct hashes have a fraud."""
    return len(np.unique(hashes[labels == 1]))
