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


def divide(train: Table, validation: Table | None, test: Table | None, parameters: Hyperparameters) -> Parts:
    """Return the parts: a channel's own rows where it is given, else rows held out of the train channel.

    Raises
    ------
    TableError
        If a part would lack frauds or legitimate rows, or there are too few days for the folds that were asked for.
    """
    divided = _in_folds if parameters.split == "prequential" else _in_parts
    channels = {"train": train, "validation": validation, "test": test}
    left_out = {name: table.left_out_rows for name, table in channels.items() if table is not None}
    return replace(divided(train, validation, test, parameters), left_out_rows=left_out)


def _in_parts(train: Table, validation: Table | None, test: Table | None, parameters: Hyperparameters) -> Parts:
    training, held_out = train.rows, None if test is None else test.rows
    if held_out is None and parameters.test_fraction > 0:
        training, held_out = _take_out(training, parameters.test_fraction, parameters, salt=1)
    if validation is None:
        share = parameters.validation_fraction / (1 - (parameters.test_fraction if test is None else 0))
        training, validated = _take_out(training, share, parameters, salt=0)
    else:
        validated = validation.rows
        _check_both_classes("validation", validated)
    _warn_of_shared_rows(training, {"validation": validation, "test": test})
    _check_both_classes("training", training)
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
    _warn_of_shared_rows(training, {"test": test})
    return Parts(training, validated, None if test is None else test.rows, folds)


def _take_out(rows: Rows, fraction: float, parameters: Hyperparameters, *, salt: int) -> tuple[Rows, Rows]:
    split = hold_out(rows, fraction, parameters, parameters.seed + salt)
    return rows.take(split.training), rows.take(split.held_out)


def _check_both_classes(name: str, rows: Rows) -> None:
    if 0 < rows.frauds < len(rows):
        return
    raise TableError(
        f"The {name} part has {rows.frauds} frauds among {len(rows)} rows",
        expected="frauds and legitimate rows",
        remedy="Add rows of the missing class to its channel.",
    )


def _warn_of_shared_rows(training: Rows, channels: Mapping[str, Table | None]) -> None:
    given = {name: table.rows for name, table in channels.items() if table is not None}
    if not given:
        return
    known = row_hashes(training.features, 0)
    for name, rows in given.items():
        shared = int(np.isin(row_hashes(rows.features, 0), known).sum())
        if shared:
            logger.warning("%d of %d rows of the %s channel are also in the train channel", shared, len(rows), name)
