"""Every family explains its scores, or has nothing to do it with and is refused by the endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factories import a_category, a_number, a_schema, an_artifact
from fraud_detect.artifact import bundle
from fraud_detect.artifact.bundle import Artifact
from fraud_detect.artifact.calibration import NoCalibration
from fraud_detect.artifact.scorer import Scorer
from fraud_detect.estimators.family import Fitted
from fraud_detect.estimators.native import OPENERS, open_native
from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.explain.open import open_contributions
from fraud_detect.explain.reasons import Contribute
from training_factories import a_block, a_fitted_model, some_features

SCHEMA = a_schema(a_number("a"), a_number("b", missing_allowed=True), a_category("c", "abcde", missing_allowed=True))
ADDITIVE = 1e-5
EXPLAINED: Mapping[str, Mapping[str, Any]] = {
    **{family: {} for family in OPENERS},
    "logistic_regression": {},
    "svm": {"kernel": "linear"},
    "autoencoder": {},
}
"""The families that explain, each with the hyperparameters with which it does."""
explaining = pytest.mark.parametrize("family", EXPLAINED)
native = pytest.mark.parametrize("family", OPENERS)
learning = pytest.mark.parametrize("family", [family for family in EXPLAINED if FAMILIES[family].learns_labels])
parameters = pytest.mark.parametrize(
    ("rounds", "depth", "eta"), [(1, 1, 0.3), (10, 4, 0.3), (60, 6, 0.1), (20, 12, 0.5)]
)


def artifact_of(model: Fitted, family: str, folder: Path) -> Artifact:
    an_artifact(folder, schema=SCHEMA, algorithm=family, files=model.native_files())
    return bundle.read(folder)


def contributions_of(model: Fitted, family: str, folder: Path) -> Contribute:
    artifact = artifact_of(model, family, folder)
    contribute = open_contributions(artifact, open_native(artifact))
    assert contribute is not None
    return contribute


def a_model(family: str, rounds: int, depth: int, eta: float) -> Fitted:
    declared = FAMILIES[family].parameters.model_fields
    wanted: dict[str, Any] = {"max_bin": 256, "max_depth": depth, "eta": eta}
    chosen = {name: value for name, value in wanted.items() if name in declared}
    return a_fitted_model(family, block=a_block(2_000), rounds=rounds, parameters={**chosen, **EXPLAINED[family]})


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_explains_or_says_that_it_cannot(family: str, tmp_path: Path) -> None:
    artifact = artifact_of(a_fitted_model(family, parameters=EXPLAINED.get(family)), family, tmp_path)

    assert (open_contributions(artifact, open_native(artifact)) is not None) == (family in EXPLAINED)


@explaining
@parameters
def test_contributions_and_base_value_sum_to_the_log_odds(
    family: str, rounds: int, depth: int, eta: float, tmp_path: Path
) -> None:
    model, rows = a_model(family, rounds, depth, eta), a_block(500, seed=3).features

    sums = contributions_of(model, family, tmp_path)(rows).sum(axis=1)

    assert sums == pytest.approx(Scorer(model.to_onnx(), NoCalibration()).raw_scores(rows), abs=ADDITIVE)


@explaining
def test_contributions_are_finite_and_sum_up_for_any_row(family: str, tmp_path: Path) -> None:
    model = a_fitted_model(family, parameters=EXPLAINED[family])
    rows = some_features([[3e38, -3e38, 0], [np.nan, np.nan, np.nan], [0, 1e-45, 4], [-3e38, 3e38, 2]])

    contributions = contributions_of(model, family, tmp_path)(rows)

    expected = Scorer(model.to_onnx(), NoCalibration()).raw_scores(rows)
    assert contributions.shape == (4, 4)
    assert contributions.sum(axis=1) == pytest.approx(expected, rel=1e-6, abs=ADDITIVE)


@native
@parameters
def test_the_native_model_scores_as_the_export(
    family: str, rounds: int, depth: int, eta: float, tmp_path: Path
) -> None:
    model, rows = a_model(family, rounds, depth, eta), a_block(500, seed=3).features
    opened = open_native(artifact_of(model, family, tmp_path))
    assert opened is not None

    assert opened.scores(rows) == pytest.approx(Scorer(model.to_onnx(), NoCalibration()).scores(rows), abs=1e-6)


@learning
def test_a_feature_that_the_model_does_not_use_contributes_nothing(family: str, tmp_path: Path) -> None:
    block = a_block(2_000)
    block.features[:, 1] = 1
    contribute = contributions_of(a_fitted_model(family, block=block, parameters=EXPLAINED[family]), family, tmp_path)

    contributions = contribute(a_block(100, seed=3).features)

    assert (contributions[:, 1] == 0).all()
    assert (contributions[:, 0] != 0).any()


@explaining
def test_the_base_value_is_the_same_for_every_row(family: str, tmp_path: Path) -> None:
    contribute = contributions_of(a_fitted_model(family, parameters=EXPLAINED[family]), family, tmp_path)

    base_values = contribute(a_block(100, seed=3).features)[:, -1]

    assert len(np.unique(base_values)) == 1
