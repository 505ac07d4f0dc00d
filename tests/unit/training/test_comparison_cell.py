"""One cell of a comparison: its rows come back from files, and its figures heed the weight of legitimate rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fraud_detect.evaluation.metrics import evaluate
from fraud_detect.training.candidate import Procedure
from fraud_detect.training.comparison import cell as cells
from fraud_detect.training.comparison.cell import Order, read_fold, read_rows, write_rows
from fraud_detect.training.comparison.plan import Cell, Configuration
from fraud_detect.training.cross_validation import folds, run_fold
from fraud_detect.training.parameters import Hyperparameters
from timed_rows import SCHEMA, some_days

PARAMETERS = Hyperparameters(num_round=3, resampler="none", cv_folds=3, cv_repeats=2)
PLACE = Cell("xgboost", "none", 2, 3)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    rows = some_days()
    write_rows(tmp_path, rows, folds(rows, PARAMETERS))
    return tmp_path


def an_order(work: Path, **more: Any) -> Order:
    return Order(PLACE, Configuration(PARAMETERS, {}), SCHEMA, work, **more)


def test_rows_come_back_as_they_were(work: Path) -> None:
    rows, found = some_days(), read_rows(work)

    for name in cells.PARTS:
        np.testing.assert_array_equal(getattr(found, name), getattr(rows, name))


def test_folds_come_back_as_they_were(work: Path) -> None:
    divided = next(fold for fold in folds(some_days(), PARAMETERS) if (fold.repeat, fold.number) == (2, 3))

    found = read_fold(work, PLACE)

    assert (found.training.tolist(), found.test.tolist()) == (divided.training.tolist(), divided.test.tolist())


def test_its_figures_are_those_of_the_fold_with_each_legitimate_row_counted_so_often(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "_taken", cells._Notes)  # a test's logging is left as it is
    result = run_fold(read_rows(work), read_fold(work, PLACE), Procedure(SCHEMA, PARAMETERS, 1))
    assert result is not None
    times = np.where(result.labels == 1, 1, 4)

    found = cells.run_cell(an_order(work, legitimate_weight=4.0))

    repeated = evaluate(np.repeat(result.labels, times), np.repeat(result.probabilities, times), result.threshold)
    assert found["figures"] == pytest.approx(dict(repeated.metrics))
    assert found["threshold"] == result.threshold
    assert found["peak_bytes"] > 10e6
