"""One cell in a process of its own: rows from files, the model of one fold, and its figures.

Knows the work folder and cross-validation. Never knows other cells, what becomes of the figures.
"""

from __future__ import annotations

import logging
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from fraud_detect.schema import Schema
from fraud_detect.tables.table import Rows
from fraud_detect.training.candidate import Candidate, Procedure
from fraud_detect.training.comparison.plan import Cell, Configuration
from fraud_detect.training.cross_validation import CrossFold, FoldResult, run_fold
from fraud_detect.training.measures import Measures
from fraud_detect.training.predictions import HEADER

PARTS = tuple(field.name for field in fields(Rows))
MODULES = (__name__, "xgboost", "lightgbm", "sklearn.ensemble", "imblearn.over_sampling", "scipy.optimize")
"""What a process had better have imported before it is forked: libraries of families take seconds. None is needed."""

BYTES_OF_MAXRSS = 1 if sys.platform == "darwin" else 1024
NOTED = logging.WARNING


@dataclass(frozen=True)
class Order:
    """All that a process is told: a cell, its configuration, and where the rows are."""

    cell: Cell
    configuration: Configuration
    schema: Schema
    work: Path
    legitimate_weight: float = 1.0
    predictions: Path | None = None


def write_rows(folder: Path, rows: Rows, folds: Sequence[CrossFold]) -> None:
    """Write `rows` and, for each repeat, the fold that tests each row, as arrays that processes share."""
    for name in PARTS:
        values = getattr(rows, name)
        if values is not None:
            np.save(folder / f"{name}.npy", values)
    for repeat in {fold.repeat for fold in folds}:
        places = np.zeros(len(rows), dtype=np.uint8)
        for fold in folds:
            if fold.repeat == repeat:
                places[fold.test] = fold.number
        np.save(_places(folder, repeat), places)


def read_rows(folder: Path) -> Rows:
    """Return the rows that `write_rows` wrote; the system loads and shares their pages as they are read."""
    paths = {name: folder / f"{name}.npy" for name in PARTS}
    parts: dict[str, Any] = {
        name: np.asarray(np.load(path, mmap_mode="r")) for name, path in paths.items() if path.exists()
    }
    return Rows(**parts)


def read_fold(folder: Path, cell: Cell) -> CrossFold:
    """Return the fold of `cell`."""
    tested = np.load(_places(folder, cell.repeat)) == cell.fold
    return CrossFold(cell.repeat, cell.fold, str(cell), np.flatnonzero(~tested), np.flatnonzero(tested))


def _places(folder: Path, repeat: int) -> Path:
    return folder / f"folds-{repeat}.npy"


@dataclass(frozen=True)
class _Clocked(Procedure):
    """A procedure that notes the CPU time before and after a model is made: others may use the CPUs meanwhile."""

    times: list[float] = field(default_factory=list)

    def model(self, stage: str, training: Rows, validation: Rows) -> Candidate:
        self.times.append(time.process_time())
        made = super().model(stage, training, validation)
        self.times.append(time.process_time())
        return made


class _Notes(logging.Handler):
    """Keeps warnings for the parent: many processes that write to one terminal spoil it."""

    def __init__(self) -> None:
        super().__init__(NOTED)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def run_cell(order: Order) -> Mapping[str, Any]:
    """Return what the cell came to, as its line of the journal has it."""
    notes, began = _taken(), time.perf_counter()
    rows, fold = read_rows(order.work), read_fold(order.work, order.cell)
    procedure = _Clocked(order.schema, order.configuration.parameters, threads=1)
    result = run_fold(rows, fold, procedure)
    scored = time.process_time()
    if result is None:
        raise RuntimeError("a fold was stopped that nobody can stop")
    if order.predictions is not None:
        _keep(order.predictions, order.cell, result, rows)
    began_model, made = procedure.times
    return {
        "figures": _figures(order, rows.take(fold.test), result),
        "threshold": result.threshold,
        "rounds": result.rounds,
        "seconds_to_train": round(made - began_model, 4),
        "microseconds_a_row": round((scored - made) * 1e6 / len(result.labels), 3),
        "seconds": round(time.perf_counter() - began, 4),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_OF_MAXRSS,
        "notes": list(dict.fromkeys(notes.lines)),
    }


def _taken() -> _Notes:
    """Return the handler that gets this process's warnings from now on, Python's own among them."""
    notes = _Notes()
    logging.captureWarnings(capture=True)
    for name in ("fraud_detect", "py.warnings"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [notes], False
    return notes


def _figures(order: Order, test: Rows, result: FoldResult) -> Mapping[str, float | None]:
    measures = Measures.of(order.schema, order.configuration.parameters)
    weights = np.where(test.labels == 1, 1.0, order.legitimate_weight)
    return measures.evaluate(test, result.probabilities, result.threshold, weights=weights).metrics


def _keep(folder: Path, cell: Cell, result: FoldResult, rows: Rows) -> None:
    """Write the held-out predictions of a cell, as `train` writes those of a cross-validation."""
    name = f"{cell.algorithm}-{cell.resampler}-{cell.repeat}-{cell.fold}.csv"
    unfinished = folder / f".{name}"
    with unfinished.open("wb") as file:
        file.write(HEADER)
        file.writelines(result.predictions(rows).lines())
    unfinished.replace(folder / name)
