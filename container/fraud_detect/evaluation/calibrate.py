"""Calibrations: fitted on rows that no resampler touched, or known from what was left out.

Knows scores and labels. Never knows models.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.calibration import (
    Calibration,
    IsotonicCalibration,
    NoCalibration,
    SigmoidCalibration,
    log_odds,
)

Labels = NDArray[np.uint8]
Scores = NDArray[np.float64]
LEAST_SLOPE = 1e-3  # keeps the order of scores, even where they are no better than chance


def fit_none(_labels: Labels, _scores: Scores) -> NoCalibration:
    """Return the calibration that takes scores as they are."""
    return NoCalibration()


def fit_sigmoid(labels: Labels, scores: Scores) -> SigmoidCalibration:
    """Return Platt's sigmoid for uncalibrated `scores` in [0, 1], shape (n,), of rows with `labels`, shape (n,).

    Maximum likelihood with Platt's smoothed targets (1999), on the log-odds of the scores.
    """
    from scipy.optimize import minimize

    frauds = float(labels.sum())
    legitimate = len(labels) - frauds
    target = np.where(labels == 1, (frauds + 1) / (frauds + 2), 1 / (legitimate + 2))
    x = log_odds(scores)

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = parameters[0] * x + parameters[1]
        residual = 1 / (1 + np.exp(-z)) - target
        value = np.mean(np.logaddexp(0, z) - target * z)
        return float(value), np.array([np.mean(residual * x), np.mean(residual)])

    found = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(LEAST_SLOPE, None), (None, None)]
    )
    slope, intercept = (float(value) for value in found.x)
    return SigmoidCalibration(slope=slope, intercept=intercept)


def fit_isotonic(labels: Labels, scores: Scores) -> IsotonicCalibration:
    """Return the non-decreasing function of `scores`, shape (n,), nearest to `labels`, shape (n,), in squared error."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, labels)
    return IsotonicCalibration(scores=fitted.X_thresholds_.tolist(), probabilities=fitted.y_thresholds_.tolist())


def exact(kept_share: float) -> SigmoidCalibration:
    """Return the correction for a model that saw a share of the legitimate rows, drawn at random, and every fraud.

    p = b s / (b s - s + 1) for the score s and the share b, in (0, 1] (Dal Pozzolo et al. 2015): the odds times b.
    """
    return SigmoidCalibration(slope=1.0, intercept=math.log(kept_share))


CALIBRATIONS: Mapping[str, Callable[[Labels, Scores], Calibration]] = {
    "auto": fit_sigmoid,
    "sigmoid": fit_sigmoid,
    "isotonic": fit_isotonic,
    "none": fit_none,
}
