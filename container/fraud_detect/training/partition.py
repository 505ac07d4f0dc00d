"""Training, validation and test parts from the tables of the channels.

Knows tables and splits. Never knows models, channels' files.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fraud_detect.errors import TableError
from fraud_detect.evaluation.split import Split, chronological, row_hashes, stratified
from fraud_detect.tables.table import Rows, Table
from fraud_detect.training.parameters import Hyperparameters

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """Rows to fit on, rows to stop, calibrate and choose the threshold by, and rows that nothing was chosen by."""

    training: Rows
    validation: Rows
    test: Rows | None = None


def divide(train: Table, validation: Table | None, test: Table | None, parameters: Hyperparameters) -> Parts:
    """Return the parts: a channel's own rows where it is given, else rows held out of the train channel.

    Raises
    ------
    TableError
        If a part would lack frauds or legitimate rows.
    """
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
    return Parts(training, validated, held_out)


def _take_out(rows: Rows, fraction: float, parameters: Hyperparameters, *, salt: int) -> tuple[Rows, Rows]:
    split = _split(rows, fraction, parameters.seed + salt)
    return rows.take(split.training), rows.take(split.held_out)


def _split(rows: Rows, fraction: float, seed: int) -> Split:
    if rows.times is not None:
        return chronological(rows.times, rows.labels, fraction)
    return stratified(row_hashes(rows.features, seed), rows.labels, fraction)


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
