"""Training, validation and test parts, and folds, from the tables of the channels.

Knows tables and splits. Never knows models, channels' files.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from fraud_detect.errors import TableError
from fraud_detect.evaluation.split import row_hashes
from fraud_detect.hosts import ALONE, Hosts, sums
from fraud_detect.tables.table import Rows, Table
from fraud_detect.training.held_out import hold_out
from fraud_detect.training.parameters import Hyperparameters
from fraud_detect.training.prequential import Fold, folds_of, in_order

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """Rows to fit on, rows to stop, calibrate and choose the threshold by, and rows that nothing was chosen by.

    `folds` are empty unless split=prequential. `left_out_rows` counts, by channel, those that had no label.
    `validation_channel`: whether the validation rows came in a channel of their own.
    """

    training: Rows
    validation: Rows
    test: Rows | None = None
    folds: Sequence[Fold] = ()
    left_out_rows: Mapping[str, int] = field(default_factory=dict)
    validation_channel: bool = False

    def sha256(self) -> str:
        """Return the checksum of all rows of all parts and folds, with their times and cards."""
        parts = (self.training, self.validation, self.test, *(fold.window for fold in self.folds))
        digest = hashlib.sha256()
        for rows in parts:
            digest.update(b"none" if rows is None else rows.sha256().encode())
            for values in () if rows is None else (rows.times, rows.cards):
                digest.update(b"none" if values is None else np.ascontiguousarray(values).data)
        return digest.hexdigest()

    def cross_validated(self) -> Rows:
        """Return the rows of the train channel without those held out for testing; a copy of two parts."""
        return self.training if self.validation_channel else self.training.joined(self.validation)


def divide(
    train: Table,
    validation: Table | None,
    test: Table | None,
    parameters: Hyperparameters,
    hosts: Hosts = ALONE,
) -> Parts:
    """Return the parts: a channel's own rows where it is given, else rows held out of the train channel.

    Of several `hosts`, each gets its own rows of the parts; folds in time are of one host.

    Raises
    ------
    TableError
        If a part would lack frauds or legitimate rows, or there are too few days for the folds that were asked for.
    """
    channels = {"train": train, "validation": validation, "test": test}
    left_out = {name: sums(hosts, table.left_out_rows)[0] for name, table in channels.items() if table is not None}
    if parameters.split == "prequential":
        parts = _in_folds(train, validation, test, parameters)
    else:
        parts = _in_parts(train, validation, test, parameters, hosts)
    return replace(parts, left_out_rows=left_out)


def _in_parts(
    train: Table, validation: Table | None, test: Table | None, parameters: Hyperparameters, hosts: Hosts
) -> Parts:
    training, held_out = train.rows, None if test is None else test.rows
    if held_out is None and parameters.test_fraction > 0:
        training, held_out = _take_out(training, parameters.test_fraction, parameters, hosts, salt=1)
    if validation is None:
        share = parameters.validation_fraction / (1 - (parameters.test_fraction if test is None else 0))
        training, validated = _take_out(training, share, parameters, hosts, salt=0)
    else:
        validated = validation.rows
        _check_both_classes("validation", validated, hosts)
    _warn_of_shared_rows(training, {"validation": validation, "test": test}, hosts)
    _check_both_classes("training", training, hosts)
    return Parts(training, validated, held_out, validation_channel=validation is not None)


def _in_folds(train: Table, validation: Table | None, test: Table | None, parameters: Hyperparameters) -> Parts:
    if validation is not None:
        raise TableError(
            "There is a validation channel beside split=prequential",
            expected="none: each fold validates on the last of its own training days",
            remedy="Leave the channel out, or change `split`.",
        )
    if train.rows.times is None:
        raise TypeError("split=prequential comes with a time column")
    rows = in_order(train.rows, train.rows.times)
    training, validated, folds = folds_of(rows, np.sort(train.rows.times), parameters)
    _warn_of_shared_rows(training, {"test": test}, ALONE)
    return Parts(training, validated, None if test is None else test.rows, folds)


def _take_out(
    rows: Rows, fraction: float, parameters: Hyperparameters, hosts: Hosts, *, salt: int
) -> tuple[Rows, Rows]:
    split = hold_out(rows, fraction, parameters, parameters.seed + salt, hosts)
    return rows.take(split.training), rows.take(split.held_out)


def _check_both_classes(name: str, part: Rows, hosts: Hosts) -> None:
    frauds, rows = sums(hosts, part.frauds, len(part))
    if 0 < frauds < rows:
        return
    raise TableError(
        f"The {name} part has {frauds} frauds among {rows} rows",
        expected="frauds and legitimate rows",
        remedy="Add rows of the missing class to its channel.",
    )


def _warn_of_shared_rows(training: Rows, channels: Mapping[str, Table | None], hosts: Hosts) -> None:
    given = {name: table.rows for name, table in channels.items() if table is not None}
    if not given:
        return
    known = hosts.gather(row_hashes(training.features, 0))
    for name, rows in given.items():
        shared, count = sums(hosts, int(np.isin(row_hashes(rows.features, 0), known).sum()), len(rows))
        if shared:
            logger.warning("%d of %d rows of the %s channel are also in the train channel", shared, count, name)
