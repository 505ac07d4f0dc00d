"""An evaluation has scikit-learn's figures at its threshold, and intervals that hold what they promise."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score

from fraud_detect.evaluation.metrics import METRICS, MONEY_METRICS, Evaluation, evaluate
from fraud_detect.evaluation.ranking import Labels, Scores, average_precision_of
from fraud_detect.evaluation.stakes import Stakes

K = 2
sets_of_rows = st.integers(2, 40).flatmap(
    lambda count: st.tuples(
        arrays.arrays(np.uint8, count, elements=st.integers(0, 1)),
        arrays.arrays(np.float64, count, elements=st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5]))),
    )
)


def some_rows(count: int = 400, share: float = 0.2, *, seed: int = 0) -> tuple[Labels, Scores]:
    """Return rows whose scores are higher for frauds, and overlap."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < share).astype(np.uint8)
    return labels, 1 / (1 + np.exp(-(rng.normal(size=count) + 2 * labels - 1)))


def with_intervals(samples: int = 200, *, seed: int = 0, rows: tuple[Labels, Scores] | None = None) -> Evaluation:
    labels, probabilities = rows or some_rows()
    return evaluate(
        labels,
        probabilities,
        0.5,
        k=K,
        stakes=some_stakes(labels),
        samples=samples,
        rng=np.random.default_rng(seed),
    )


def some_stakes(labels: Labels) -> Stakes:
    return Stakes.of(np.random.default_rng(7).gamma(2, 50, len(labels)), review_cost=5)


@given(sets_of_rows, st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0])))
def test_figures_at_the_threshold_are_scikit_learns(rows: tuple[Labels, Scores], threshold: float) -> None:
    labels, probabilities = rows
    flagged = probabilities >= threshold

    evaluation = evaluate(labels, probabilities, threshold)

    confusion = evaluation.confusion
    (true_negatives, false_positives), (false_negatives, true_positives) = confusion_matrix(
        labels, flagged, labels=[0, 1]
    )
    assert confusion["true_positives"] == true_positives
    assert confusion["false_positives"] == false_positives
    assert confusion["false_negatives"] == false_negatives
    assert confusion["true_negatives"] == true_negatives
    for name, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        got = np.nan if evaluation.metrics[name] is None else evaluation.metrics[name]
        assert got == pytest.approx(score(labels, flagged, zero_division=np.nan), nan_ok=True)


@pytest.mark.parametrize(
    ("labels", "threshold", "undefined"),
    [
        ([0, 0], 0.5, {"average_precision", "roc_auc", "recall", "recall_at_1_percent_fpr"}),
        ([1, 1], 0.5, {"roc_auc", "recall_at_1_percent_fpr"}),
        ([0, 1], 0.99, {"precision"}),
        ([0, 0], 0.99, {"average_precision", "roc_auc", "recall_at_1_percent_fpr", "precision", "recall", "f1"}),
        ([0, 1], 0.5, set()),
    ],
)
def test_a_figure_that_is_not_defined_is_none(labels: list[int], threshold: float, undefined: set[str]) -> None:
    truth = np.array(labels, dtype=np.uint8)
    evaluation = evaluate(truth, np.array([0.25, 0.75]), threshold, k=K, stakes=some_stakes(truth))

    assert {name for name, value in evaluation.metrics.items() if value is None} == undefined


def test_without_amounts_and_with_fewer_rows_than_k_money_and_precision_at_k_are_not_defined() -> None:
    evaluation = evaluate(
        np.array([0, 1], dtype=np.uint8), np.array([0.25, 0.75]), 0.5, k=3, samples=5, rng=np.random.default_rng(0)
    )

    undefined = {"precision_at_k", *MONEY_METRICS}
    assert {name for name, value in evaluation.metrics.items() if value is None} == undefined
    assert all(evaluation.intervals[name] is None for name in undefined)


def test_an_evaluation_counts_its_rows() -> None:
    labels, probabilities = some_rows()

    evaluation = evaluate(labels, probabilities, 0.5)

    assert (evaluation.rows, evaluation.frauds) == (len(labels), labels.sum())


def test_without_replicates_there_are_no_intervals() -> None:
    assert "intervals" not in with_intervals(0).as_json()


def test_the_report_is_json_with_every_figure_and_its_interval() -> None:
    document = json.loads(json.dumps(with_intervals().as_json(), allow_nan=False))

    assert list(document) == ["rows", "frauds", *METRICS, "confusion", "intervals"]
    assert list(document["intervals"]) == list(METRICS)


def test_intervals_are_the_same_for_the_same_seed() -> None:
    assert with_intervals(seed=1).intervals == with_intervals(seed=1).intervals


def test_intervals_differ_for_another_seed() -> None:
    assert with_intervals(seed=1).intervals != with_intervals(seed=2).intervals


@pytest.mark.parametrize("name", [name for name in METRICS if name not in MONEY_METRICS])
def test_a_figure_lies_within_its_interval(name: str) -> None:
    labels, probabilities = some_rows()
    evaluation = evaluate(labels, probabilities, 0.5, k=50, samples=200, rng=np.random.default_rng(0))
    interval, value = evaluation.intervals[name], evaluation.metrics[name]

    assert interval is not None
    assert value is not None
    assert 0 <= interval[0] < value < interval[1] <= 1


@pytest.mark.parametrize("name", MONEY_METRICS)
def test_totals_of_money_lie_within_their_intervals(name: str) -> None:
    evaluation = with_intervals()
    interval, value = evaluation.intervals[name], evaluation.metrics[name]

    assert interval is not None
    assert value is not None
    assert 0 < interval[0] < value < interval[1]


def test_more_rows_give_narrower_intervals() -> None:
    few, many = (with_intervals(rows=some_rows(count)).intervals["average_precision"] for count in (200, 20_000))

    assert few is not None
    assert many is not None
    assert many[1] - many[0] < 0.3 * (few[1] - few[0])


def test_the_intervals_are_those_of_drawing_rows_one_by_one() -> None:
    """Drawing counts per group from a multinomial distribution is the bootstrap of rows, only faster."""
    labels, probabilities = some_rows()
    rng = np.random.default_rng(5)
    draws = [rng.integers(len(labels), size=len(labels)) for _ in range(2_000)]
    naive = np.quantile([average_precision_of(labels[rows], probabilities[rows]) for rows in draws], [0.025, 0.975])

    fast = with_intervals(2_000).intervals["average_precision"]

    assert fast == pytest.approx(naive, abs=0.015)


@cache
def naive_intervals(weight: float) -> dict[str, np.ndarray]:
    """Return the interval of each figure over replicates whose rows are drawn one by one."""
    (labels, probabilities), rng = some_rows(), np.random.default_rng(5)
    stakes, found = some_stakes(labels), []
    for _ in range(600):
        drawn = rng.integers(len(labels), size=len(labels))
        weights = np.where(labels[drawn] == 1, 1.0, weight)
        drawn_stakes = Stakes(stakes.amounts[drawn], stakes.review_cost)
        found.append(evaluate(labels[drawn], probabilities[drawn], 0.5, k=50, weights=weights, stakes=drawn_stakes))
    return {name: np.quantile([each.metrics[name] for each in found], [0.025, 0.975]) for name in METRICS}


@pytest.mark.parametrize("weight", [1, 16])
@pytest.mark.parametrize("name", METRICS)
def test_all_intervals_are_those_of_drawing_rows_one_by_one(name: str, weight: float) -> None:
    """With any weight of legitimate rows, too."""
    labels, probabilities = some_rows()
    weights = np.where(labels == 1, 1.0, weight)
    naive = naive_intervals(weight)[name]

    fast = evaluate(
        labels,
        probabilities,
        0.5,
        k=50,
        weights=weights,
        stakes=some_stakes(labels),
        samples=600,
        rng=np.random.default_rng(0),
    ).intervals[name]

    assert fast == pytest.approx(naive, abs=0.25 * (naive[1] - naive[0]))


@cache
def coverage(sets: int = 120, count: int = 1_000, larger: int = 300) -> dict[str, float]:
    """Return how often the interval of a figure holds the true value, which a much larger set of rows tells."""

    def evaluated(seed: int, size: int, samples: int) -> Evaluation:
        labels, probabilities = some_rows(size * count, seed=seed)
        stakes = Stakes.of(np.random.default_rng(seed + 10_000).gamma(2, 50, size * count), review_cost=5)
        rng = np.random.default_rng(seed)
        return evaluate(labels, probabilities, 0.5, k=50 * size, stakes=stakes, samples=samples, rng=rng)

    truth = {
        name: (value or 0) / (larger if name in MONEY_METRICS else 1)
        for name, value in evaluated(99_999, larger, 0).metrics.items()
    }
    intervals = [evaluated(seed, 1, 150).intervals for seed in range(sets)]
    held = {name: [each[name] or (0, 0) for each in intervals] for name in METRICS}
    return {name: float(np.mean([low <= truth[name] <= high for low, high in held[name]])) for name in METRICS}


@pytest.mark.parametrize("name", [name for name in METRICS if name != "expected_calibration_error"])
def test_intervals_hold_the_true_value_about_as_often_as_they_say(name: str) -> None:
    assert coverage()[name] >= 0.87


def test_a_replicate_without_frauds_is_left_out_of_what_it_does_not_define() -> None:
    labels = np.array([1, *[0] * 20], dtype=np.uint8)

    interval = with_intervals(rows=(labels, np.linspace(1, 0, 21))).intervals["recall"]

    assert interval == (1.0, 1.0)


def test_a_figure_that_no_replicate_defines_has_no_interval() -> None:
    rows = np.zeros(5, dtype=np.uint8), np.linspace(0, 1, 5)

    assert with_intervals(rows=rows).intervals["recall"] is None


@settings(max_examples=20)
@given(st.integers(1, 120))
def test_any_number_of_replicates_is_drawn(samples: int) -> None:
    assert with_intervals(samples).intervals["brier"] is not None
