"""An evaluation has scikit-learn's figures at its threshold, and intervals that hold what they promise."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score

from fraud_detect.evaluation.metrics import DECISION_METRICS, RANKING_METRICS, Evaluation, evaluate
from fraud_detect.evaluation.ranking import Labels, Scores, average_precision_of

NAMES = (*RANKING_METRICS, *DECISION_METRICS)
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
    return evaluate(*(rows or some_rows()), 0.5, samples=samples, rng=np.random.default_rng(seed))


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
        ([0, 0], 0.5, {"average_precision", "roc_auc", "recall"}),
        ([1, 1], 0.5, {"roc_auc"}),
        ([0, 1], 0.99, {"precision"}),
        ([0, 0], 0.99, {"average_precision", "roc_auc", "precision", "recall", "f1"}),
        ([0, 1], 0.5, set()),
    ],
)
def test_a_figure_that_is_not_defined_is_none(labels: list[int], threshold: float, undefined: set[str]) -> None:
    evaluation = evaluate(np.array(labels, dtype=np.uint8), np.array([0.25, 0.75]), threshold)

    assert {name for name, value in evaluation.metrics.items() if value is None} == undefined


def test_an_evaluation_counts_its_rows() -> None:
    labels, probabilities = some_rows()

    evaluation = evaluate(labels, probabilities, 0.5)

    assert (evaluation.rows, evaluation.frauds) == (len(labels), labels.sum())


def test_without_replicates_there_are_no_intervals() -> None:
    assert "intervals" not in with_intervals(0).as_json()


def test_the_report_is_json_with_every_figure_and_its_interval() -> None:
    document = json.loads(json.dumps(with_intervals().as_json(), allow_nan=False))

    assert list(document) == ["rows", "frauds", *NAMES, "confusion", "intervals"]
    assert list(document["intervals"]) == list(NAMES)


def test_intervals_are_the_same_for_the_same_seed() -> None:
    assert with_intervals(seed=1).intervals == with_intervals(seed=1).intervals


def test_intervals_differ_for_another_seed() -> None:
    assert with_intervals(seed=1).intervals != with_intervals(seed=2).intervals


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_lies_within_its_interval(name: str) -> None:
    evaluation = with_intervals()
    interval, value = evaluation.intervals[name], evaluation.metrics[name]

    assert interval is not None
    assert value is not None
    assert 0 <= interval[0] < value < interval[1] <= 1


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
