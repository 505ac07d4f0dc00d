"""A calibration as data turns scores into probabilities and never turns their order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from fraud_detect.artifact.calibration import (
    Calibration,
    IsotonicCalibration,
    NoCalibration,
    SigmoidCalibration,
    log_odds,
)

slopes = st.floats(0.001, 100)
intercepts = st.floats(-50, 50)
unit = st.floats(0, 1)
STEPS = IsotonicCalibration(scores=[0.2, 0.4, 0.8], probabilities=[0.0, 0.5, 0.5])


def test_none_takes_scores_as_they_are() -> None:
    scores = np.array([0.0, 0.25, 1.0])

    assert NoCalibration().apply(scores).tolist() == scores.tolist()


@given(unit)
def test_a_sigmoid_of_slope_1_changes_nothing_but_the_ends(score: float) -> None:
    probability = SigmoidCalibration(slope=1, intercept=0).apply(np.array([score]))[0]

    assert probability == pytest.approx(score, abs=1.1e-7)


@pytest.mark.filterwarnings("error")
@given(slopes, intercepts, unit, unit)
def test_a_sigmoid_keeps_the_order_of_scores(slope: float, intercept: float, one: float, other: float) -> None:
    low, high = SigmoidCalibration(slope=slope, intercept=intercept).apply(np.array(sorted([one, other])))

    assert 0 <= low <= high <= 1


def test_the_ends_of_the_scores_have_finite_log_odds() -> None:
    low, high = log_odds(np.array([0.0, 1.0]))

    assert low == pytest.approx(np.log(1e-7), rel=1e-6)
    assert high == pytest.approx(-low, rel=1e-6)


@pytest.mark.parametrize(("score", "probability"), [(0, 0), (0.2, 0), (0.3, 0.25), (0.4, 0.5), (0.6, 0.5), (1, 0.5)])
def test_isotonic_goes_straight_between_its_points_and_level_beyond(score: float, probability: float) -> None:
    assert STEPS.apply(np.array([score]))[0] == pytest.approx(probability)


@pytest.mark.parametrize("calibration", [NoCalibration(), SigmoidCalibration(slope=2, intercept=-1), STEPS])
def test_a_calibration_survives_json(calibration: Calibration) -> None:
    adapter: TypeAdapter[Calibration] = TypeAdapter(Calibration)
    copy = adapter.validate_json(adapter.dump_json(calibration))

    scores = np.linspace(0, 1, 11)
    assert type(copy) is type(calibration)
    assert copy.apply(scores).tolist() == calibration.apply(scores).tolist()
