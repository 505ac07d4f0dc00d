"""From parts to a trained model: what is fitted on what, what is reported, when it stops."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from factories import a_graph
from fraud_detect.artifact.calibration import NoCalibration
from fraud_detect.artifact.manifest import MODEL, Labels, Manifest
from fraud_detect.artifact.scorer import Scorer
from fraud_detect.errors import Stopped, TableError
from fraud_detect.estimators.family import Round
from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.evaluation.metrics import METRICS
from fraud_detect.resampling.registry import SAMPLERS
from fraud_detect.resampling.resampled import Resampled, Resampling
from fraud_detect.schema import Column, ColumnKind, Float32Matrix, Schema
from fraud_detect.tables.table import Rows
from fraud_detect.training.candidate import Observer
from fraud_detect.training.parameters import Hyperparameters
from fraud_detect.training.partition import Parts
from fraud_detect.training.predictions import Predictions
from fraud_detect.training.train import Trained, check_parity, final_metrics, train
from training_factories import a_block, a_fitted_model

SCHEMA = Schema(
    columns=(
        Column(name="amount"),
        Column(name="hour", missing_allowed=True),
        Column(name="shop", kind=ColumnKind.CATEGORY, categories=tuple("abcde"), missing_allowed=True),
    ),
    label="Class",
)
FIGURES = {"rows", "frauds", *METRICS, "confusion"}


def some_rows(count: int = 600, *, seed: int = 0) -> Rows:
    block = a_block(count, seed=seed)
    return Rows(block.features, block.labels)


def parts_of(*, test: Rows | None = None) -> Parts:
    return Parts(some_rows(), some_rows(300, seed=1), test)


def trained(observer: Observer | None = None, *, parts: Parts | None = None, **overrides: Any) -> Trained:
    given = {"resampler": "smote", "num_round": 5, "bootstrap_samples": 20, "resampling_ratio": 0.8, **overrides}
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
    ) -> Resampled:
        seen.append(features)
        assert list(categorical) == [False, False, True]
        assert resampling == Resampling(ratio=0.8, k_neighbors=3, seed=4)
        return Resampled(None, features[labels == 1])

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

    assert [resampling[name] for name in ("synthetic_frauds", "left_out_rows", "with")] == [0, 0, None]


def test_rows_that_a_resampler_leaves_out_are_not_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    def every_other(features: Float32Matrix, *_: object) -> Resampled:
        return Resampled(np.arange(0, len(features), 2), features[:0])

    monkeypatch.setitem(SAMPLERS, "smote", every_other)  # type: ignore[arg-type]
    parts = parts_of()
    half = replace(parts, training=parts.training.take(np.arange(0, 600, 2)))

    result = trained(parts=parts)

    assert result.files == trained(parts=half, resampler="none").files
    left_out = 600 - 300, parts.training.frauds - half.training.frauds
    assert tuple(result.metrics["resampling"][name] for name in ("left_out_rows", "left_out_frauds")) == left_out


def test_train_figures_are_of_all_real_rows_of_the_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(  # type: ignore[misc]
        SAMPLERS, "smote", lambda features, *_: Resampled(np.arange(300), features[:0])
    )

    assert trained().metrics["train"]["rows"] == 600


@pytest.mark.parametrize("resampler", ["smote", "auto", "random_under"])
def test_families_that_learn_nothing_from_frauds_get_the_rows_as_they_are(
    monkeypatch: pytest.MonkeyPatch, resampler: str
) -> None:
    monkeypatch.setitem(FAMILIES, "xgboost", replace(FAMILIES["xgboost"], learns_labels=False))  # type: ignore[misc]

    result = trained(resampler=resampler)

    resampling = result.metrics["resampling"]
    assert [resampling[name] for name in ("resampler", "chosen", "left_out_rows")] == [resampler, "none", 0]
    assert result.files == trained(resampler="none").files


@pytest.mark.parametrize("resampler", SAMPLERS)
def test_every_resampler_makes_a_model_that_is_compared_with_none(resampler: str) -> None:
    """On rows with gaps and categories."""
    given = {"resampling_ratio": 0.1} if resampler == "tomek_links" else {}

    resampling = trained(resampler=resampler, **given).metrics["resampling"]

    changed = resampling["synthetic_frauds"] + resampling["left_out_rows"]
    assert (changed > 0) == (resampler != "none") == (resampling["with"] is not None)
    assert resampling["without"]["average_precision"] > 0


def test_where_there_are_frauds_enough_there_is_nothing_to_choose() -> None:
    resampling = trained(resampler="auto", resampling_ratio=0.01).metrics["resampling"]

    assert [resampling[name] for name in ("synthetic_frauds", "with", "chosen")] == [0, None, "none"]


def test_balanced_weighs_frauds_by_the_rows_that_are_fitted_on() -> None:
    plain = trained(resampler="none", scale_pos_weight="balanced").metrics["resampling"]["fraud_weight"]
    resampled = trained(scale_pos_weight="balanced").metrics["resampling"]["fraud_weight"]

    rows = some_rows()
    assert plain == pytest.approx((len(rows) - rows.frauds) / rows.frauds)
    assert resampled == pytest.approx(1 / 0.8, rel=0.01)


def test_balanced_is_the_weight_that_it_says() -> None:
    balanced = trained(resampler="none", scale_pos_weight="balanced")
    weight = balanced.metrics["resampling"]["fraud_weight"]

    assert balanced.files == trained(resampler="none", scale_pos_weight=weight).files


def test_rows_left_out_at_random_are_made_up_for_in_the_probabilities() -> None:
    """The validation rows have the real share of frauds; nothing was fitted on them."""
    parts = Parts(some_rows(20_000), some_rows(20_000, seed=1))
    given: dict[str, Any] = {"resampler": "random_under", "resampling_ratio": 1, "num_round": 60, "max_depth": 3}
    share = parts.validation.frauds / len(parts.validation)

    result = trained(parts=parts, **given)
    graph, calibration = result.files[MODEL], result.manifest["calibration"]
    raw, corrected = (
        Scorer(graph, each).probabilities(parts.validation.features).mean() for each in (NoCalibration(), calibration)
    )

    assert raw > 1.5 * share
    assert corrected == pytest.approx(share, rel=0.05)
    assert calibration.slope == 1


def test_a_weight_distorts_scores_as_well_and_leaves_the_calibration_to_validation_rows() -> None:
    given = {"resampler": "random_under", "scale_pos_weight": 2}

    automatic, sigmoid = (trained(**given, calibration=name).metrics["calibration"] for name in ("auto", "sigmoid"))

    assert automatic == sigmoid


def test_by_default_only_rows_left_out_at_random_are_corrected_exactly() -> None:
    exact = trained(resampler="random_under").metrics["calibration"]

    assert exact == trained(resampler="random_under", calibration="exact").metrics["calibration"]
    assert exact != trained(resampler="random_under", calibration="sigmoid").metrics["calibration"]
    assert trained().metrics["calibration"] == trained(calibration="sigmoid").metrics["calibration"]


def test_scores_that_are_no_probabilities_are_calibrated_on_validation_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(  # type: ignore[misc]
        FAMILIES, "xgboost", replace(FAMILIES["xgboost"], gives_probabilities=False)
    )

    automatic, sigmoid = (trained(resampler="random_under", calibration=name) for name in ("auto", "sigmoid"))

    assert automatic.metrics["calibration"] == sigmoid.metrics["calibration"]


@pytest.mark.parametrize(("helps", "name"), [(True, "smote"), (False, "none")])
def test_auto_takes_the_better_of_smote_and_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, helps: bool, name: str
) -> None:
    """A sampler that turns the world round does not help, one that knows the validation rows does."""
    rows = parts_of().validation
    made = rows.features[rows.labels == helps]
    monkeypatch.setitem(  # type: ignore[misc]
        SAMPLERS, "smote", lambda *_: Resampled(None, np.repeat(made, 5, axis=0))
    )
    caplog.set_level("INFO")

    resampling = trained(resampler="auto").metrics["resampling"]

    assert [resampling[key] for key in ("resampler", "compared", "chosen")] == ["auto", "smote", name]
    reached = {"smote": resampling["with"]["average_precision"], "none": resampling["without"]["average_precision"]}
    assert max(reached, key=lambda each: reached[each]) == name
    assert f"taking {name}: " in caplog.text


def test_what_auto_takes_is_the_model_of_the_job_and_is_fitted_once() -> None:
    told, observer = counted()

    result = trained(observer, resampler="auto")

    chosen = result.metrics["resampling"]["chosen"]
    assert result.files == trained(resampler=chosen).files
    which = "with" if chosen == "smote" else "without"
    assert result.metrics["validation"] == result.metrics["resampling"][which]
    assert [stage for stage, _ in told] == ["model"] * 5 + ["comparison"] * 5


def test_a_stop_before_auto_could_compare_saves_what_there_is() -> None:
    _, observer = counted(3)

    resampling = trained(observer, resampler="auto").metrics["resampling"]

    assert (resampling["chosen"], resampling["without"]) == ("smote", None)


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


PARTS = {"train": {"f1": 0.5, "recall": None}, "validation": {"f1": 0.25, "recall": 1.0}, "test": None}


def test_final_metrics_are_flat_and_without_what_is_not_defined() -> None:
    metrics = {**PARTS, "test_by_day": None, "prequential": None, "cross_validation": None}

    assert final_metrics(metrics, dict.fromkeys(metrics, ("f1", "recall"))) == {
        "train_f1": 0.5,
        "validation_f1": 0.25,
        "validation_recall": 1.0,
    }


def test_final_metrics_have_the_means_over_folds_and_the_test_rows_card_precision() -> None:
    metrics = {
        **PARTS,
        "test": {"f1": 0.125},
        "test_by_day": {"card_precision": 0.3},
        "prequential": {"mean": {"f1": 0.75, "card_precision": 0.2}},
        "cross_validation": {"mean": {"f1": 0.875}},
    }

    found = final_metrics(metrics, dict.fromkeys(metrics, ("f1", "card_precision")))

    assert (found["test_card_precision"], found["prequential_card_precision"]) == (0.3, 0.2)
    assert found["cross_validation_f1"] == 0.875


def test_final_metrics_are_those_that_are_named_for_their_part() -> None:
    metrics = {**PARTS, "test_by_day": None, "prequential": None, "cross_validation": None}

    assert final_metrics(metrics, {"train": ["recall"], "validation": ["recall"]}) == {"validation_recall": 1.0}


def test_the_manifest_names_the_libraries_that_made_the_model() -> None:
    libraries = trained(resampler="none").manifest["libraries"]

    assert {"fraud-detect", "python", "xgboost", "numpy", "onnx"} <= set(libraries)
    assert all(libraries.values())


def test_money_is_measured_by_the_column_of_amounts() -> None:
    parts = parts_of()
    metrics = trained(parts=parts, amount_column="amount", review_cost=0, bootstrap_samples=20).metrics["validation"]

    at_stake = parts.validation.features[parts.validation.labels == 1, 0].clip(min=0).sum()
    assert metrics["expected_cost"] + metrics["money_saved"] == pytest.approx(at_stake)
    low, high = metrics["intervals"]["money_saved"]
    assert low < metrics["money_saved"] < high


@pytest.mark.parametrize("name", ["shop", "price"])
def test_a_column_of_amounts_that_holds_no_numbers_is_refused_before_the_training(name: str) -> None:
    told, observer = counted()

    with pytest.raises(TableError, match=f"`amount_column` is '{name}'.*expected one of 'amount', 'hour'"):
        trained(observer, amount_column=name)

    assert told == []


def test_folds_that_cannot_be_made_are_refused_before_the_training() -> None:
    rows = some_rows()
    few = np.append(np.flatnonzero(rows.labels == 0), np.flatnonzero(rows.labels)[:9])
    told, observer = counted()

    with pytest.raises(TableError, match="There are 9 distinct fraud rows for cv_folds=10"):
        trained(observer, parts=Parts(rows.take(few), rows, validation_channel=True), cv_folds=10)

    assert told == []


def cross_validated(observer: Observer | None = None, **overrides: Any) -> dict[str, Any]:
    given = {"cv_folds": 3, "cv_repeats": 2, "resampler": "none", **overrides}
    document: dict[str, Any] = trained(observer, **given).metrics["cross_validation"]
    return document


def test_a_cross_validation_has_its_folds_and_their_means_and_deviations() -> None:
    document = json.loads(json.dumps(cross_validated(), allow_nan=False))

    reached = [fold["average_precision"] for fold in document["folds"]]
    assert [(fold["repeat"], fold["fold"]) for fold in document["folds"]] == [(r, n) for r in (1, 2) for n in (1, 2, 3)]
    assert sum(fold["rows"] for fold in document["folds"]) == 2 * 900
    assert document["mean"]["average_precision"] == pytest.approx(np.mean(reached))
    assert document["standard_deviation"]["average_precision"] == pytest.approx(np.std(reached, ddof=1))
    assert not document["stopped"]


def test_without_folds_there_is_no_cross_validation() -> None:
    assert trained().metrics["cross_validation"] is None


def test_a_stop_leaves_out_the_fold_that_it_cuts_short() -> None:
    _, observer = counted(2, stage="cv fold 3 of 6")

    document = cross_validated(observer)

    assert (len(document["folds"]), document["stopped"]) == (2, True)


def test_a_stop_before_the_first_fold_leaves_figures_empty() -> None:
    _, observer = counted(5, stage="model")

    document = cross_validated(observer)

    assert (document["folds"], document["mean"]["f1"], document["stopped"]) == ([], None, True)


def test_a_validation_channel_is_no_part_of_the_cross_validation() -> None:
    parts = replace(parts_of(), validation_channel=True)

    document = trained(parts=parts, cv_folds=3, resampler="none").metrics["cross_validation"]

    assert sum(fold["rows"] for fold in document["folds"]) == 600


def test_a_cross_validation_changes_nothing_about_the_model() -> None:
    plain, more = (trained(**given, resampler="none").files for given in ({}, {"cv_folds": 3}))

    assert plain == more


def test_predictions_are_told_of_held_out_parts_and_folds() -> None:
    made: list[Predictions] = []
    parts = parts_of(test=some_rows(100, seed=2))

    trained(Observer(on_predictions=made.append), parts=parts, cv_folds=3)

    assert [(each.part, each.repeat, each.fold, len(each.labels)) for each in made[:2]] == [
        ("validation", None, None, 300),
        ("test", None, None, 100),
    ]
    assert [(each.part, each.repeat, each.fold) for each in made[2:]] == [
        ("cross_validation", 1, number) for number in (1, 2, 3)
    ]
    assert sum(len(each.labels) for each in made[2:]) == 900


def test_predictions_with_a_threshold_give_the_confusion_of_the_metrics() -> None:
    made: list[Predictions] = []

    metrics = trained(Observer(on_predictions=made.append)).metrics

    flagged = made[0].probabilities >= metrics["threshold"]["value"]
    assert (flagged & (made[0].labels == 1)).sum() == metrics["validation"]["confusion"]["true_positives"]
