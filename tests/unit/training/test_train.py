"""From parts to a trained model: what is fitted on what, what is reported, when it stops."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from factories import a_graph
from fraud_detect.artifact.calibration import NoCalibration
from fraud_detect.artifact.manifest import MODEL, Labels, Manifest
from fraud_detect.artifact.scorer import Scorer
from fraud_detect.errors import Stopped
from fraud_detect.estimators.family import Round
from fraud_detect.resampling import SAMPLERS, Resampling
from fraud_detect.schema import Column, ColumnKind, Float32Matrix, Schema
from fraud_detect.tables.table import Rows
from fraud_detect.training.parameters import Hyperparameters
from fraud_detect.training.partition import Parts
from fraud_detect.training.train import Observer, Trained, check_parity, final_metrics, train
from training_factories import a_block, a_fitted_model

SCHEMA = Schema(
    columns=(
        Column(name="amount"),
        Column(name="hour", missing_allowed=True),
        Column(name="shop", kind=ColumnKind.CATEGORY, categories=tuple("abcde"), missing_allowed=True),
    ),
    label="Class",
)
FIGURES = {"rows", "frauds", "average_precision", "roc_auc", "brier", "precision", "recall", "f1", "confusion"}


def some_rows(count: int = 600, *, seed: int = 0) -> Rows:
    block = a_block(count, seed=seed)
    return Rows(block.features, block.labels)


def parts_of(*, test: Rows | None = None) -> Parts:
    return Parts(some_rows(), some_rows(300, seed=1), test)


def trained(observer: Observer | None = None, *, parts: Parts | None = None, **overrides: Any) -> Trained:
    given = {"num_round": 5, "bootstrap_samples": 20, "resampling_ratio": 0.8, **overrides}
    return train(parts or parts_of(), SCHEMA, Labels(), Hyperparameters(**given), threads=1, observer=observer)


def counted(stop_after: int | None = None, *, stage: str = "model") -> tuple[list[tuple[str, Round]], Observer]:
    """Return the rounds that an observer was told, and the observer, which asks to stop after some of a stage."""
    told: list[tuple[str, Round]] = []

    def should_stop() -> bool:
        return stop_after is not None and sum(told_stage == stage for told_stage, _ in told) >= stop_after

    return told, Observer(lambda name, done: told.append((name, done)), should_stop)


def test_the_model_is_in_files_that_its_manifest_can_describe() -> None:
    result = trained()

    manifest = Manifest.model_validate({**result.manifest, "files": {}})
    assert set(result.files) == {MODEL, "model.ubj"}
    assert manifest.table_schema == SCHEMA
    assert manifest.training_data.rows == 600


def test_the_files_score_as_the_metrics_say() -> None:
    parts = parts_of()
    result = trained(parts=parts)

    manifest = Manifest.model_validate({**result.manifest, "files": {}})
    scorer = Scorer(result.files[MODEL], manifest.calibration)
    flagged = scorer.probabilities(parts.validation.features) >= manifest.threshold.value

    confusion = result.metrics["validation"]["confusion"]
    assert confusion["true_positives"] == (flagged & (parts.validation.labels == 1)).sum()
    assert confusion["false_positives"] == (flagged & (parts.validation.labels == 0)).sum()


def test_every_part_has_its_figures_and_those_held_out_their_intervals() -> None:
    metrics = trained(parts=parts_of(test=some_rows(300, seed=2))).metrics

    assert set(metrics["train"]) == FIGURES
    assert set(metrics["validation"]) == set(metrics["test"]) == FIGURES | {"intervals"}


def test_without_test_rows_there_are_no_test_figures() -> None:
    assert trained().metrics["test"] is None


def test_figures_that_test_rows_of_one_class_do_not_define_are_null_in_json() -> None:
    rows = some_rows(300, seed=2)
    legitimate = rows.take(np.flatnonzero(rows.labels == 0))

    metrics = json.loads(json.dumps(trained(parts=parts_of(test=legitimate)).metrics, allow_nan=False))

    assert metrics["test"]["recall"] is None
    assert metrics["test"]["intervals"]["average_precision"] is None


def test_train_figures_are_of_real_rows_alone() -> None:
    metrics = trained().metrics

    assert metrics["resampling"]["synthetic_frauds"] > 0
    assert metrics["train"]["rows"] == 600


def test_the_resampler_sees_the_training_part_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Float32Matrix] = []

    def recorded(
        features: Float32Matrix, labels: np.ndarray, categorical: Sequence[bool], resampling: Resampling
    ) -> Float32Matrix:
        seen.append(features)
        assert list(categorical) == [False, False, True]
        assert resampling == Resampling(ratio=0.8, k_neighbors=3, seed=4)
        return features[labels == 1]

    monkeypatch.setitem(SAMPLERS, "smote", recorded)  # type: ignore[arg-type]
    parts = parts_of()

    trained(parts=parts, seed=4, k_neighbors=3)

    assert len(seen) == 1
    assert seen[0] is parts.training.features


def test_the_report_has_validation_figures_with_and_without_resampling() -> None:
    metrics = trained().metrics

    resampling = metrics["resampling"]
    assert resampling["resampler"] == "smote"
    assert resampling["with"] == metrics["validation"]
    assert set(resampling["without"]) == set(resampling["with"])
    assert resampling["without"] != resampling["with"]


def test_figures_without_resampling_are_those_of_a_job_without_it() -> None:
    """The comparison is calibrated and has its threshold chosen on its own."""
    assert trained().metrics["resampling"]["without"] == trained(resampler="none").metrics["validation"]


def test_without_resampling_there_is_nothing_to_compare() -> None:
    resampling = trained(resampler="none").metrics["resampling"]

    assert (resampling["synthetic_frauds"], resampling["with"]) == (0, None)


def test_rounds_are_told_by_stage() -> None:
    told, observer = counted()

    trained(observer)

    assert [(stage, done.number) for stage, done in told] == [
        *(("model", number) for number in range(1, 6)),
        *(("comparison", number) for number in range(1, 6)),
    ]


def test_a_stop_before_the_first_round_leaves_nothing_to_save() -> None:
    told, observer = counted(0)

    with pytest.raises(Stopped):
        trained(observer)
    assert told == []


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_stop_saves_the_model_so_far_without_a_comparison(rounds: int) -> None:
    told, observer = counted(rounds)

    result = trained(observer, early_stopping_rounds=0)

    assert [stage for stage, _ in told] == ["model"] * rounds
    assert result.metrics["rounds"] == rounds
    assert result.metrics["resampling"]["without"] is None


def test_a_comparison_that_was_cut_short_is_not_reported() -> None:
    _, observer = counted(2, stage="comparison")

    result = trained(observer)

    assert result.metrics["resampling"]["without"] is None
    assert result.metrics["rounds"] == 5


@pytest.mark.parametrize("calibration", ["sigmoid", "isotonic", "none"])
def test_the_calibration_that_was_asked_for_is_in_manifest_and_metrics(calibration: str) -> None:
    result = trained(calibration=calibration)

    assert result.metrics["calibration"]["method"] == calibration
    assert result.manifest["calibration"].method == calibration


def test_the_threshold_follows_its_policy() -> None:
    result = trained(threshold_policy="recall", threshold_target=0.9)

    assert result.metrics["threshold"] == {
        "policy": "recall",
        "target": 0.9,
        "value": result.manifest["threshold"].value,
    }
    assert result.metrics["validation"]["recall"] >= 0.9


def test_the_same_seed_gives_the_same_model() -> None:
    first, second = trained(seed=3, subsample=0.5), trained(seed=3, subsample=0.5)

    assert first.files == second.files
    assert first.metrics == second.metrics


def test_an_export_that_scores_otherwise_is_a_bug() -> None:
    rows = a_block().features

    with pytest.raises(RuntimeError, match=r"differs from the fitted one by .* in score"):
        check_parity(a_graph(3), a_fitted_model(), rows)


def test_an_export_that_gives_no_numbers_is_a_bug_too() -> None:
    class Nothing:
        rounds = 1

        def scores(self, features: Float32Matrix) -> np.ndarray:
            return np.full(len(features), np.nan)

    with pytest.raises(RuntimeError, match="differs"):
        check_parity(a_graph(3), Nothing(), a_block().features)  # type: ignore[arg-type]


def test_a_faithful_export_passes() -> None:
    model, rows = a_fitted_model(), a_block().features

    check_parity(model.to_onnx(), model, rows)

    assert Scorer(model.to_onnx(), NoCalibration()).scores(rows) == pytest.approx(model.scores(rows), abs=1e-6)


def test_final_metrics_are_flat_and_without_what_is_not_defined() -> None:
    metrics = {"train": {"f1": 0.5, "recall": None}, "validation": {"f1": 0.25, "recall": 1.0}, "test": None}

    assert final_metrics(metrics, ["f1", "recall"]) == {
        "train_f1": 0.5,
        "validation_f1": 0.25,
        "validation_recall": 1.0,
    }


def test_the_manifest_names_the_libraries_that_made_the_model() -> None:
    libraries = trained(resampler="none").manifest["libraries"]

    assert {"fraud-detect", "python", "xgboost", "numpy", "onnx"} <= set(libraries)
    assert all(libraries.values())
