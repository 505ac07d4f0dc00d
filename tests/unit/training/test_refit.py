"""With `refit=yes` the saved model has learned from the validation rows too, by what they chose before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fraud_detect.artifact.manifest import Labels
from fraud_detect.resampling.registry import SAMPLERS
from fraud_detect.resampling.resampled import Resampled
from fraud_detect.schema import Float32Matrix
from fraud_detect.training.candidate import Observer
from fraud_detect.training.parameters import Hyperparameters
from fraud_detect.training.partition import Parts
from fraud_detect.training.train import Trained, train
from timed_rows import SCHEMA, some_days


def trained(observer: Observer | None = None, **overrides: Any) -> Trained:
    rows = some_days(10, 100)
    given = {"num_round": 8, "bootstrap_samples": 0, "resampler": "none", "refit": "yes", **overrides}
    parts = Parts(rows.between(0, 700), rows.between(700, 1_000))
    return train(parts, SCHEMA, Labels(), Hyperparameters(**given), threads=1, observer=observer)


def test_the_saved_model_is_another_one_of_as_many_rounds() -> None:
    plain, refitted = trained(refit="no"), trained()

    assert refitted.files != plain.files
    assert refitted.metrics["rounds"] == plain.metrics["rounds"]
    assert (plain.metrics["refitted"], refitted.metrics["refitted"]) == (False, True)


def test_calibration_threshold_and_validation_figures_are_carried_over() -> None:
    plain, refitted = trained(refit="no").metrics, trained().metrics

    for name in ("calibration", "threshold", "validation"):
        assert refitted[name] == plain[name]


def test_the_rows_it_was_fitted_on_are_those_of_both_parts() -> None:
    result = trained()

    assert result.metrics["train"]["rows"] == result.manifest["training_data"].rows == 1_000
    assert result.manifest["training_data"].sha256 == some_days(10, 100).sha256()


def test_both_parts_are_resampled_together(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def recorded(features: Float32Matrix, _labels: np.ndarray, *_: object) -> Resampled:
        seen.append(len(features))
        return Resampled(None, features[:5])

    monkeypatch.setitem(SAMPLERS, "smote", recorded)  # type: ignore[arg-type]

    trained(resampler="smote")

    assert seen == [700, 1_000]


def test_the_exact_correction_follows_what_is_left_out_of_both_parts() -> None:
    given = {"resampler": "random_under", "resampling_ratio": 0.5}
    rows = some_days(10, 100)

    intercept = trained(**given).metrics["calibration"]["intercept"]

    assert intercept == pytest.approx(np.log(rows.frauds / 0.5 / (len(rows) - rows.frauds)), abs=0.05)
    assert intercept != trained(**given, refit="no").metrics["calibration"]["intercept"]


def test_early_stopping_is_over() -> None:
    """The rounds were chosen before; the validation rows are learned from now and can choose nothing."""
    told: list[str] = []

    result = trained(Observer(lambda stage, _: told.append(stage)), num_round=200, early_stopping_rounds=3)

    assert told.count("model refit") == result.metrics["rounds"] < told.count("model")


def test_a_stop_in_the_refit_saves_the_model_before_it() -> None:
    told: list[str] = []
    observer = Observer(lambda stage, _: told.append(stage), lambda: told.count("model refit") >= 2)

    result = trained(observer)

    assert told.count("model refit") == 2
    assert result.files == trained(refit="no").files
    assert (result.metrics["stopped"], result.metrics["refitted"]) == (True, False)
