"""Fitted calibrations make probabilities of scores and keep the order of rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.isotonic import IsotonicRegression

from fraud_detect.artifact.calibration import NoCalibration, log_odds
from fraud_detect.evaluation.calibrate import CALIBRATIONS, Labels, Scores, exact, fit_isotonic, fit_none, fit_sigmoid

sets_of_rows = st.integers(2, 40).flatmap(
    lambda count: st.tuples(
        arrays.arrays(np.uint8, count, elements=st.integers(0, 1)).filter(lambda labels: 0 < labels.sum() < count),
        arrays.arrays(np.float64, count, elements=st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0]))),
    )
)


def distorted_rows(slope: float, intercept: float, count: int = 50_000) -> tuple[Labels, Scores]:
    """Return rows whose probability is the sigmoid of `slope` times the log-odds of their score plus `intercept`."""
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.01, 0.99, count)
    probabilities = 1 / (1 + np.exp(-(slope * log_odds(scores) + intercept)))
    return (rng.random(count) < probabilities).astype(np.uint8), scores


@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (0.5, -2), (2, 1)])
def test_the_sigmoid_finds_again_how_scores_were_distorted(slope: float, intercept: float) -> None:
    fitted = fit_sigmoid(*distorted_rows(slope, intercept))

    assert (fitted.slope, fitted.intercept) == pytest.approx((slope, intercept), abs=0.05)


def test_isotonic_finds_again_how_scores_were_distorted() -> None:
    labels, scores = distorted_rows(2, 1)

    probability = fit_isotonic(labels, scores).apply(np.array([0.25, 0.5]))

    assert probability == pytest.approx([0.232, 0.731], abs=0.05)


@given(sets_of_rows)
def test_the_sigmoid_rises_even_where_scores_are_worse_than_chance(rows: tuple[Labels, Scores]) -> None:
    fitted = fit_sigmoid(*rows)

    assert fitted.slope > 0
    assert np.isfinite([fitted.slope, fitted.intercept]).all()


@given(sets_of_rows)
def test_isotonic_is_scikit_learns_function(rows: tuple[Labels, Scores]) -> None:
    labels, scores = rows
    anywhere = np.linspace(0, 1, 21)
    expected = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, labels).predict(anywhere)

    assert fit_isotonic(labels, scores).apply(anywhere) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("method", CALIBRATIONS)
@given(rows=sets_of_rows)
def test_a_calibration_gives_probabilities_and_never_turns_two_rows(method: str, rows: tuple[Labels, Scores]) -> None:
    labels, scores = rows

    probabilities = CALIBRATIONS[method](labels, scores).apply(np.sort(scores))

    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert (np.diff(probabilities) >= 0).all()


def test_smoothed_targets_keep_perfect_scores_from_certainty() -> None:
    """Platt's targets for few rows: two frauds and two others cannot prove a probability of 1."""
    labels, scores = np.array([0, 0, 1, 1], dtype=np.uint8), np.array([0.1, 0.1, 0.9, 0.9])

    low, high = fit_sigmoid(labels, scores).apply(np.array([0.1, 0.9]))

    assert (low, high) == pytest.approx((0.25, 0.75), abs=0.01)


@pytest.mark.parametrize("kept_share", [0.002, 0.1, 1])
def test_the_exact_correction_gives_back_the_probability_before_rows_were_left_out(kept_share: float) -> None:
    """Leaving out legitimate rows divides the odds by the share that is kept."""
    truth = np.linspace(0.001, 0.999, 50)
    odds = truth / (1 - truth) / kept_share

    assert exact(kept_share).apply(odds / (1 + odds)) == pytest.approx(truth)


def test_the_exact_correction_is_the_published_formula() -> None:
    score, share = np.array([0.01, 0.3, 0.8]), 0.05

    assert exact(share).apply(score) == pytest.approx(share * score / (share * score - score + 1))


def test_none_is_no_calibration() -> None:
    assert fit_none(*distorted_rows(1, 0, 10)) == NoCalibration()
