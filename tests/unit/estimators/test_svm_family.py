"""What is a support vector machine's own: two kernels, and how many rows they take."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from fraud_detect.artifact.calibration import NoCalibration
from fraud_detect.artifact.scorer import Scorer
from fraud_detect.errors import TableError
from fraud_detect.estimators import svm
from fraud_detect.estimators.family import Block
from fraud_detect.estimators.preparation import Preparation
from training_factories import a_block, a_fitted_model, fit_settings

CATEGORIES = (0, 0, 5)


@pytest.mark.parametrize("gamma", [0, 0.3])
def test_rbf_decides_as_scikit_learns_svc(gamma: float) -> None:
    from sklearn.svm import SVC

    block, rows = a_block(), a_block(seed=5).features
    preparation = Preparation.of([block], CATEGORIES, "standard")
    theirs = SVC(C=2, gamma=gamma or "scale").fit(preparation.apply(block.features), block.labels)

    model = a_fitted_model("svm", parameters={"kernel": "rbf", "C": 2, "gamma": gamma})

    expected = theirs.decision_function(preparation.apply(rows))
    raw_scores = Scorer(model.to_onnx(), NoCalibration()).raw_scores(rows)
    assert raw_scores == pytest.approx(expected, abs=1e-6)
    assert model.scores(rows) == pytest.approx(1 / (1 + np.exp(-expected)))


def test_the_linear_kernel_scores_as_its_export() -> None:
    model, rows = a_fitted_model("svm", parameters={"kernel": "linear"}), a_block(2_000, seed=5).features

    exported = Scorer(model.to_onnx(), NoCalibration()).scores(rows)

    assert exported == pytest.approx(model.scores(rows), abs=1e-7)


def test_only_the_linear_kernel_explains() -> None:
    files = [a_fitted_model("svm", parameters={"kernel": kernel}).native_files() for kernel in ("linear", "rbf")]

    assert [list(each) for each in files] == [["explanation.onnx"], []]


def test_rbf_warns_of_many_rows(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svm, "MANY_ROWS", 299)

    with caplog.at_level(logging.WARNING):
        a_fitted_model("svm")

    assert "300 training rows are many for kernel=rbf" in caplog.text


def test_rbf_refuses_too_many_rows_before_it_prepares_them() -> None:
    block = a_block()
    many = Block(np.broadcast_to(np.float32(0), (100_001, 3)), np.zeros(100_001, dtype=np.uint8))

    with pytest.raises(TableError, match=r"100,001 rows with algorithm=svm.*Set kernel=linear"):
        svm.FAMILY.fit([many], block, fit_settings("svm"))


def test_scores_do_not_depend_on_how_many_rows_are_held_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows = a_fitted_model("svm"), a_block(seed=5).features
    expected = model.scores(rows)

    monkeypatch.setattr(svm, "MOST_PAIRS", 1)

    assert model.scores(rows) == pytest.approx(expected, abs=1e-12)
