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
from fraud_detect.hosts import ALONE, Hosts, own
from fraud_detect.tables.table import Rows
from fraud_detect.training.parameters import Hyperparameters


def hold_out(rows: Rows, fraction: float, parameters: Hyperparameters, seed: Seed, hosts: Hosts = ALONE) -> Split:
    """Return a split of `rows` with about `fraction` of them held out; `seed` is the chance, if there is any.

    Of several `hosts`, each gets the split of its own rows that one host would make of all.

    Raises
    ------
    TableError
        If the rows do not allow both classes on both sides.
    """
    labels = hosts.gather(rows.labels)
    if parameters.split == "grouped":
        split = grouped(hosts.gather(group_hashes(rows, parameters, seed)), labels, fraction)
    elif rows.times is not None and parameters.split != "random":
        split = chronological(hosts.gather(rows.times), labels, fraction)
    else:
        split = stratified(hosts.gather(group_hashes(rows, parameters, seed)), labels, fraction)
    return Split(own(hosts, split.training, len(rows)), own(hosts, split.held_out, len(rows)))


def group_hashes(rows: Rows, parameters: Hyperparameters, seed: Seed) -> Hashes:
    """Return one hash per row, uint64, shape (n,), the same for rows that stay together.

    Those are the rows of a card with split=grouped, else exact duplicates.
    """
    if parameters.split != "grouped":
        return row_hashes(rows.features, seed)
    if rows.cards is None:
        raise TypeError("split=grouped comes with a card column")
    return entity_hashes(rows.cards, seed)
