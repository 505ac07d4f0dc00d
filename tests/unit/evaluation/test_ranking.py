"""Ranking metrics from counts are scikit-learn's, ties included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score, roc_curve

from fraud_detect.evaluation.ranking import (
    Labels,
    Ranking,
    Scores,
    average_precision,
    average_precision_of,
    calibration_error,
    precision_at,
    rank,
    recall_at,
    roc_auc,
)

Rows = tuple[Labels, Scores]


def rows_of(score: st.SearchStrategy[float]) -> st.SearchStrategy[Rows]:
    return st.integers(2, 40).flatmap(
        lambda count: st.tuples(
            arrays.arrays(np.uint8, count, elements=st.integers(0, 1)),
            arrays.arrays(np.float64, count, elements=score),
        )
    )


any_rows = st.one_of(rows_of(st.floats(0, 1)), rows_of(st.sampled_from([0.0, 0.25, 0.5, 1.0])))
rows_of_both = any_rows.filter(lambda rows: 0 < rows[0].sum() < len(rows[0]))
rows_with_frauds = any_rows.filter(lambda rows: rows[0].sum() > 0)
cuts = st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.25, 0.5])), max_size=3)


@given(rows_with_frauds, cuts)
def test_average_precision_is_scikit_learns(rows: Rows, cuts: list[float]) -> None:
    labels, scores = rows
    ranking = rank(labels, scores, *cuts)

    expected = average_precision_score(labels, scores)

    assert average_precision(ranking.frauds, ranking.legitimate) == pytest.approx(expected)
    assert average_precision_of(labels, scores) == pytest.approx(expected)


@given(rows_of_both, cuts)
def test_the_area_under_the_curve_is_scikit_learns(rows: Rows, cuts: list[float]) -> None:
    labels, scores = rows
    ranking = rank(labels, scores, *cuts)

    assert roc_auc(ranking.frauds, ranking.legitimate) == pytest.approx(roc_auc_score(labels, scores))


@given(rows_of_both, cuts)
def test_errors_of_the_groups_sum_up_to_the_brier_score(rows: Rows, cuts: list[float]) -> None:
    labels, scores = rows
    ranking = rank(labels, scores, *cuts)

    total = ranking.frauds @ ranking.fraud_errors + ranking.legitimate @ ranking.legitimate_errors

    assert total / len(labels) == pytest.approx(brier_score_loss(labels, scores), abs=1e-9)


@given(any_rows, cuts)
def test_every_row_is_in_exactly_one_group(rows: Rows, cuts: list[float]) -> None:
    labels, scores = rows
    ranking = rank(labels, scores, *cuts)

    assert ranking.frauds.sum() == labels.sum()
    assert ranking.legitimate.sum() == len(labels) - labels.sum()
    assert (ranking.frauds + ranking.legitimate > 0).all()


@given(any_rows, st.floats(0, 1))
def test_at_a_cut_the_groups_tell_how_many_rows_reach_it(rows: Rows, cut: float) -> None:
    labels, scores = rows
    ranking = rank(labels, scores, cut)

    reached = ranking.scores >= cut

    assert ranking.frauds[reached].sum() == ((scores >= cut) & (labels == 1)).sum()
    assert ranking.legitimate[reached].sum() == ((scores >= cut) & (labels == 0)).sum()


@given(any_rows, cuts)
def test_groups_descend(rows: Rows, cuts: list[float]) -> None:
    assert (np.diff(rank(*rows, *cuts).scores) < 0).all()


def test_the_number_of_groups_depends_on_the_frauds_alone() -> None:
    labels = np.zeros(10_000, dtype=np.uint8)
    labels[:3] = 1

    ranking = rank(labels, np.random.default_rng(0).random(10_000))

    assert len(ranking.scores) <= 7


@given(rows_with_frauds)
def test_scores_may_be_float32(rows: Rows) -> None:
    """As the booster gives them, each round."""
    labels, scores = rows[0], rows[1].astype(np.float32)

    assert average_precision_of(labels, scores) == pytest.approx(average_precision_score(labels, scores))


def counts(*rows: list[float]) -> np.ndarray:
    return np.array(rows, dtype=np.float64)


def test_many_replicates_are_measured_at_once() -> None:
    frauds, legitimate = counts([1, 0], [0, 1]), counts([0, 1], [1, 0])

    assert average_precision(frauds, legitimate).tolist() == [1, 0.5]
    assert roc_auc(frauds, legitimate).tolist() == [1, 0]


def test_without_frauds_there_is_no_average_precision() -> None:
    labels, scores = np.zeros(3, dtype=np.uint8), np.array([0.1, 0.2, 0.3])
    ranking: Ranking = rank(labels, scores)

    assert np.isnan(average_precision_of(labels, scores))
    assert np.isnan(average_precision(ranking.frauds, ranking.legitimate))
    assert np.isnan(roc_auc(ranking.frauds, ranking.legitimate))


weighted_rows = st.integers(2, 40).flatmap(
    lambda count: st.tuples(
        arrays.arrays(np.uint8, count, elements=st.integers(0, 1)).filter(
            lambda labels: 0 < labels.sum() < len(labels)
        ),
        arrays.arrays(np.float64, count, elements=st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0]))),
        arrays.arrays(np.float64, count, elements=st.floats(0.1, 20)),
    )
)
WeightedRows = tuple[Labels, Scores, np.ndarray]


def weighed(rows: WeightedRows, *cuts: float) -> tuple[Ranking, np.ndarray, np.ndarray]:
    labels, scores, weights = rows
    ranking = rank(labels, scores, *cuts, weights=weights)
    return ranking, ranking.frauds * ranking.fraud_weights, ranking.legitimate * ranking.legitimate_weights


@given(weighted_rows, cuts)
def test_weighted_figures_are_scikit_learns(rows: WeightedRows, cuts: list[float]) -> None:
    labels, scores, weights = rows
    ranking, frauds, legitimate = weighed(rows, *cuts)

    assert average_precision(frauds, legitimate) == pytest.approx(
        average_precision_score(labels, scores, sample_weight=weights)
    )
    assert roc_auc(frauds, legitimate) == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights))
    errors = frauds @ ranking.fraud_errors + legitimate @ ranking.legitimate_errors
    brier = brier_score_loss(labels, scores, sample_weight=weights)
    assert errors / weights.sum() == pytest.approx(brier, abs=1e-9)


@given(weighted_rows, cuts)
def test_weights_change_no_number_of_rows(rows: WeightedRows, cuts: list[float]) -> None:
    labels, scores, _ = rows
    plain, (ranking, _, _) = rank(labels, scores, *cuts), weighed(rows, *cuts)

    assert ranking.frauds.tolist() == plain.frauds.tolist()
    assert ranking.legitimate.tolist() == plain.legitimate.tolist()


@given(weighted_rows, st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0]))
def test_recall_at_a_rate_of_false_positives_is_that_of_the_best_threshold(rows: WeightedRows, rate: float) -> None:
    labels, scores, weights = rows
    _, frauds, legitimate = weighed(rows)
    false, true, _ = roc_curve(labels, scores, sample_weight=weights, drop_intermediate=False)

    expected = true[false <= rate + 1e-12].max()

    assert recall_at(rate + 1e-12, frauds, legitimate) == pytest.approx(expected)


def top_share(labels: Labels, scores: Scores, k: int, rng: np.random.Generator) -> float:
    """Return the share of frauds among the top `k` rows, ties in a random order."""
    order = np.lexsort((rng.random(len(scores)), -scores))
    return float(labels[order[:k]].mean())


@settings(max_examples=20)
@given(rows_of(st.sampled_from([0.0, 0.25, 0.5, 1.0])), cuts, st.data())
def test_precision_at_k_is_the_mean_over_the_orders_of_ties(rows: Rows, cuts: list[float], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(rows[0])))
    ranking, rng = rank(*rows, *cuts), np.random.default_rng(0)

    expected = np.mean([top_share(*rows, k, rng) for _ in range(400)])

    assert precision_at(k, ranking.frauds, ranking.legitimate) == pytest.approx(expected, abs=0.12)


@given(rows_of(st.floats(0, 1)).filter(lambda rows: len(np.unique(rows[1])) == len(rows[1])), cuts, st.data())
def test_precision_at_k_without_ties_is_the_share_of_the_highest(
    rows: Rows, cuts: list[float], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(rows[0])))
    ranking = rank(*rows, *cuts)

    expected = rows[0][np.argsort(-rows[1])[:k]].mean()

    assert precision_at(k, ranking.frauds, ranking.legitimate) == pytest.approx(expected)


def test_k_counts_the_rows_that_are_stood_for() -> None:
    rows = np.array([1, 0, 1], dtype=np.uint8), np.array([0.9, 0.8, 0.7]), np.array([1.0, 4.0, 1.0])
    _, frauds, legitimate = weighed(rows)

    assert [precision_at(k, frauds, legitimate) for k in (1, 2, 5)] == pytest.approx([1, 1 / 2, 1 / 5])


def test_fewer_rows_than_k_have_no_precision_at_k() -> None:
    ranking = rank(np.array([1, 0], dtype=np.uint8), np.array([0.9, 0.1]))

    assert np.isnan(precision_at(3, ranking.frauds, ranking.legitimate))


EDGES = np.arange(1, 10) / 10


def binned_error(labels: Labels, scores: Scores, weights: np.ndarray) -> float:
    """Return the expected calibration error by its definition, bin by bin."""
    bins = [int(sum(score >= edge for edge in EDGES)) for score in scores]
    found = 0.0
    for place in set(bins):
        rows = np.array([other == place for other in bins])
        weight = weights[rows].sum()
        share = (weights * labels)[rows].sum() / weight
        found += weight / weights.sum() * abs(share - (weights * scores)[rows].sum() / weight)
    return found


@given(weighted_rows, st.lists(st.floats(0, 1), max_size=2))
def test_the_calibration_error_is_that_of_its_definition(rows: WeightedRows, more: list[float]) -> None:
    ranking, frauds, legitimate = weighed(rows, *EDGES, *more)

    assert calibration_error(ranking, EDGES, frauds, legitimate) == pytest.approx(binned_error(*rows), abs=1e-9)


def test_perfect_probabilities_have_no_calibration_error() -> None:
    labels = np.repeat([1, 0, 1, 0], [20, 80, 70, 30]).astype(np.uint8)
    ranking = rank(labels, np.repeat([0.2, 0.7], 100), *EDGES)

    assert calibration_error(ranking, EDGES, ranking.frauds, ranking.legitimate) == pytest.approx(0)
