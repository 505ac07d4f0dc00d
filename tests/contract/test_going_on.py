"""Families whose fits go on from a snapshot come to the very model of a fit that was not interrupted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from fraud_detect.estimators.family import Block, Fitted, Hooks, Round, Snapshot, Snapshots
from fraud_detect.estimators.registry import FAMILIES
from training_factories import a_block, fit_settings

ALL_DRAWN = {"subsample": 0.6, "colsample_bytree": 0.7, "colsample_bylevel": 0.7, "colsample_bynode": 0.7}
CASES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "xgboost": ("xgboost", {"early_stopping_rounds": 0}),
    "xgboost, early stopping": ("xgboost", {"early_stopping_rounds": 4, "num_round": 40, "eta": 0.5}),
    "xgboost, rows drawn": ("xgboost", {"subsample": 0.5}),
    "xgboost, all drawn": ("xgboost", ALL_DRAWN),
    "xgboost, drawn by leaf": ("xgboost", {**ALL_DRAWN, "grow_policy": "lossguide", "max_leaves": 6}),
    "lightgbm": ("lightgbm", {"early_stopping_rounds": 0}),
    "lightgbm, early stopping": ("lightgbm", {"early_stopping_rounds": 4, "num_round": 40, "eta": 0.5}),
    "lightgbm, columns drawn": ("lightgbm", {"colsample_bytree": 0.5}),
}
cases = pytest.mark.parametrize("case", CASES)
GOING_ON = ("xgboost", "lightgbm")


def synthetic() -> Block:
    """Return rows as a resampler makes them: frauds alone."""
    block = a_block(60, seed=3)
    return Block(block.features, np.ones(60, dtype=np.uint8))


def fitted(case: str, snapshots: Snapshots, hooks: Hooks | None = None, **overrides: Any) -> Fitted:
    family, parameters = CASES[case]
    settings = fit_settings(family, parameters=parameters, snapshots=snapshots, hooks=hooks or Hooks(), **overrides)
    return FAMILIES[family].fit([a_block(), synthetic()], a_block(seed=1), settings)


def uninterrupted(case: str, **overrides: Any) -> tuple[Fitted, Sequence[Snapshot]]:
    """Return the model of a fit, and a snapshot after each of its rounds."""
    kept: list[Snapshot] = []
    return fitted(case, Snapshots(every=1, keep=kept.append), **overrides), kept


def files(model: Fitted) -> Sequence[object]:
    return model.rounds, model.to_onnx(), model.native_files()


@cases
def test_it_goes_on_from_any_round_to_the_same_bytes(case: str) -> None:
    model, kept = uninterrupted(case)

    for snapshot in kept:
        assert files(fitted(case, Snapshots(begin=snapshot))) == files(model)


@cases
def test_keeping_snapshots_changes_nothing(case: str) -> None:
    model, _ = uninterrupted(case)

    assert files(fitted(case, Snapshots())) == files(model)


@cases
def test_rounds_are_numbered_on_and_come_to_the_same_figures(case: str) -> None:
    _, kept = uninterrupted(case)
    told: list[Round] = []

    fitted(case, Snapshots(begin=kept[2]), Hooks(on_round=told.append))

    assert (*kept[2].rounds, *told) == kept[-1].rounds


@cases
def test_a_fit_at_its_end_is_not_fitted_again(case: str) -> None:
    model, kept = uninterrupted(case)
    told: list[Round] = []

    again = fitted(case, Snapshots(begin=kept[-1], every=1, keep=kept.append), Hooks(on_round=told.append))

    rows = a_block(seed=2).features
    assert told == []
    assert again.scores(rows).tolist() == model.scores(rows).tolist()
    assert [snapshot.is_last for snapshot in kept] == [False] * (len(kept) - 1) + [True]


@cases
def test_a_stop_leaves_what_the_next_fit_goes_on_from(case: str) -> None:
    model, _ = uninterrupted(case)
    left: list[Snapshot] = []
    told: list[Round] = []

    hooks = Hooks(on_round=told.append, should_stop=lambda: len(told) >= 3)
    fitted(case, Snapshots(every=1000, keep=left.append), hooks)

    (snapshot,) = left
    assert (len(snapshot.rounds), snapshot.is_last) == (3, False)
    assert files(fitted(case, Snapshots(begin=snapshot))) == files(model)


@cases
def test_a_fit_of_given_rounds_goes_on_to_as_many(case: str) -> None:
    model, kept = uninterrupted(case, rounds=6)

    again = fitted(case, Snapshots(begin=kept[3]), rounds=6)

    assert files(again) == files(model)
    assert again.rounds == 6


@pytest.mark.parametrize("every", [1, 3, 4])
def test_snapshots_are_kept_every_so_many_rounds_and_at_the_end(every: int) -> None:
    kept: list[Snapshot] = []

    fitted("xgboost", Snapshots(every=every, keep=kept.append))

    assert [len(snapshot.rounds) for snapshot in kept] == [*range(every, 10, every), 10]


@pytest.mark.parametrize("family", FAMILIES)
def test_only_boosting_goes_on(family: str) -> None:
    parameters = FAMILIES[family].parameters.model_validate({"algorithm": family})

    assert parameters.can_go_on == (family in GOING_ON)


@pytest.mark.parametrize(("family", "values"), [("xgboost", {"device": "cuda"}), ("lightgbm", {"subsample": 0.9})])
def test_what_cannot_go_on_says_so(family: str, values: Mapping[str, Any]) -> None:
    assert not FAMILIES[family].parameters.model_validate({"algorithm": family, **values}).can_go_on
