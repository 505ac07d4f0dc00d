"""Ranking metrics from counts are scikit-learn's, ties included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from fraud_detect.evaluation.ranking import (
    Labels,
    Ranking,
    Scores,
    average_precision,
    average_precision_of,
    rank,
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
