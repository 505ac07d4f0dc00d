"""Samplers over several hosts: each host gets its part of what one host would have made of all rows.

Frauds are gathered, which are few; of legitimate rows only that they are there.

Knows samplers by name, hosts. Never knows models, what the rows are for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from fraud_detect.errors import HyperparameterError
from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.hosts import Hosts, in_order, order, own, sums
from fraud_detect.resampling.registry import NONE, SAMPLERS, SMOTE
from fraud_detect.resampling.resampled import Resampled, Resampling
from fraud_detect.tables.table import Rows
from fraud_detect.training.parameters import ALGORITHM, AUTO, Hyperparameters

Together = Callable[[str, Rows, Sequence[bool], Resampling, Hosts], Resampled]


def _by_frauds(
    sampler: str, rows: Rows, categorical: Sequence[bool], resampling: Resampling, hosts: Hosts
) -> Resampled:
    """Make the same frauds on each host, of which each keeps every so many-th."""
    own_frauds = rows.take(np.flatnonzero(rows.labels))
    frauds, labels = in_order(hosts, own_frauds.numbers, own_frauds.features, own_frauds.labels)
    (legitimate,) = sums(hosts, len(rows) - len(own_frauds))
    made = SAMPLERS[sampler](frauds, labels, categorical, replace(resampling, elsewhere=legitimate))
    return replace(made, synthetic=made.synthetic[hosts.rank :: hosts.count])


def _by_labels(
    sampler: str, rows: Rows, categorical: Sequence[bool], resampling: Resampling, hosts: Hosts
) -> Resampled:
    """Draw from the labels of all rows; each host keeps those of its own that are drawn."""
    (labels,) = in_order(hosts, rows.numbers, rows.labels)
    made = SAMPLERS[sampler](rows.features[:0], labels, categorical, resampling)
    if made.kept is None:
        return made
    return replace(made, kept=np.sort(own(hosts, order(hosts, rows.numbers)[made.kept], len(rows))))


def _as_they_are(
    sampler: str, rows: Rows, categorical: Sequence[bool], resampling: Resampling, _hosts: Hosts
) -> Resampled:
    return SAMPLERS[sampler](rows.features, rows.labels, categorical, resampling)


TOGETHER: Mapping[str, Together] = {
    SMOTE: _by_frauds,
    NONE: _as_they_are,
    "random_over": _by_frauds,
    "random_under": _by_labels,
}
"""The samplers that several hosts can do together: the others look at the neighbours of frauds among all rows."""


def resample(sampler: str, rows: Rows, categorical: Sequence[bool], resampling: Resampling, hosts: Hosts) -> Resampled:
    """Return what becomes of this host's `rows`. Raises `TableError` if the rows of all hosts do not allow it."""
    how = _as_they_are if hosts.count == 1 else TOGETHER[sampler]
    return how(sampler, rows, categorical, resampling, hosts)


def check_together(parameters: Hyperparameters, hosts: int) -> None:
    """Raise `HyperparameterError`, naming every one, if several hosts cannot do what `parameters` ask for."""
    algorithm, resampler = parameters.algorithm, parameters.resampler
    faults = {
        f"{ALGORITHM}={algorithm}": not FAMILIES[algorithm].on_many_hosts,
        f"resampler={resampler}": resampler not in (*TOGETHER, AUTO),
        f"split={parameters.split}": parameters.split == "prequential",
        "cv_folds": parameters.cv_folds > 0,
        "external_memory": parameters.is_from_disk,
        "a search (tune_minutes, tune_trials)": parameters.is_searched,
    }
    found = ", ".join(what for what, is_so in faults.items() if is_so)
    if not found:
        return
    able = ", ".join(name for name, family in FAMILIES.items() if family.on_many_hosts)
    raise HyperparameterError(
        f"The job has {hosts} hosts, and only one host alone can do {found}",
        expected=f"{ALGORITHM}={able}, resampler={', '.join((*TOGETHER, AUTO))}, and no folds or search",
        remedy="Set instance_count to 1 and take a larger instance, or change the hyperparameters.",
    )
