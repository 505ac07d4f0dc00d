"""Which rows are held out, as `split` says.

Knows rows and hyperparameters. Never knows what the parts are for.
"""

from __future__ import annotations

from fraud_detect.evaluation.split import (
    Hashes,
    Seed,
    Split,
    chronological,
    entity_hashes,
    grouped,
    row_hashes,
    stratified,
)
from fraud_detect.tables.table import Rows
from fraud_detect.training.parameters import Hyperparameters


def hold_out(rows: Rows, fraction: float, parameters: Hyperparameters, seed: Seed) -> Split:
    """Return a split of `rows` with about `fraction` of them held out; `seed` is the chance, if there is any.

    Raises
    ------
    TableError
        If the rows do not allow both classes on both sides.
    """
    if parameters.split == "grouped":
        return grouped(group_hashes(rows, parameters, seed), rows.labels, fraction)
    if rows.times is not None and parameters.split != "random":
        return chronological(rows.times, rows.labels, fraction)
    return stratified(group_hashes(rows, parameters, seed), rows.labels, fraction)


def group_hashes(rows: Rows, parameters: Hyperparameters, seed: Seed) -> Hashes:
    """Return one hash per row, uint64, shape (n,), the same for rows that stay together.

    Those are the rows of a card with split=grouped, else exact duplicates.
    """
    if parameters.split != "grouped":
        return row_hashes(rows.features, seed)
    if rows.cards is None:
        raise TypeError("split=grouped comes with a card column")
    return entity_hashes(rows.cards, seed)
