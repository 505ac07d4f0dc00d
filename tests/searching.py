"""Small searches for the tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from fraud_detect.schema import Column, ColumnKind, Schema
from fraud_detect.tables.table import Rows
from fraud_detect.training.found import Found
from fraud_detect.training.parameters import Hyperparameters
from fraud_detect.training.search import SearchObserver, SearchRows, search
from fraud_detect.training.trials import Trial
from training_factories import a_block

SCHEMA = Schema(
    columns=(
        Column(name="amount"),
        Column(name="hour", missing_allowed=True),
        Column(name="shop", kind=ColumnKind.CATEGORY, categories=tuple("abcde"), missing_allowed=True),
    ),
    label="Class",
)
QUICK_XGBOOST = {"algorithm": "xgboost", "num_round": 6, "early_stopping_rounds": 0, "tune_trials": 6}


def some_rows(count: int = 400, *, seed: int = 0) -> Rows:
    """Return rows of `SCHEMA`."""
    block = a_block(count, seed=seed)
    return Rows(block.features, block.labels)


def search_rows() -> SearchRows:
    """Return rows to search on."""
    return SearchRows(some_rows(), some_rows(300, seed=1))


def searched(
    *,
    rows: SearchRows | None = None,
    given: Collection[str] | None = None,
    record: Path | None = None,
    observer: SearchObserver | None = None,
    clock: Callable[[], float] | None = None,
    **overrides: Any,
) -> Found:
    """Return what a quick search comes to; without `given`, all of the hyperparameters are."""
    values = {**QUICK_XGBOOST, **overrides}
    values = {name: value for name, value in values.items() if value is not None}
    timed = {} if clock is None else {"clock": clock}
    return search(
        rows or search_rows(),
        SCHEMA,
        Hyperparameters.model_validate(values),
        given=values if given is None else given,
        threads=1,
        record=record,
        observer=observer,
        **timed,
    )


def tried(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Return what can be made again of trials."""
    return [trial.as_json() for trial in trials]
