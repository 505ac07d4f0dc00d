"""Calibrations as data: how an uncalibrated score becomes a probability.

Knows numpy. Never knows how a calibration was fitted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

EPSILON = 1e-7
"""Scores are kept this far from 0 and 1 before their log-odds are taken: float32 resolves no more near 1."""

LARGEST_EXPONENT = 700.0
"""Just below where `exp` leaves float64."""

Scores = NDArray[np.float64]


class NoCalibration(BaseModel):
    """The score is the probability."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    method: Literal["none"] = "none"

    def apply(self, scores: Scores) -> Scores:
        """Return `scores`, float64, shape (n,), in [0, 1], unchanged."""
        return scores

    def apply_to_one(self, score: float) -> float:
        """Return `score` unchanged."""
        return score


class SigmoidCalibration(BaseModel):
    """Platt's sigmoid over the log-odds of the score: p = 1 / (1 + exp(-(slope * log-odds + intercept)))."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    method: Literal["sigmoid"] = "sigmoid"
    slope: float
    intercept: float

    def apply(self, scores: Scores) -> Scores:
        """Return probabilities in [0, 1], float64, shape (n,), for `scores` of the same shape in [0, 1]."""
        with np.errstate(over="ignore"):  # a steep slope: the probability is then 0, as it should be
            return 1.0 / (1.0 + np.exp(-(self.slope * log_odds(scores) + self.intercept)))

    def apply_to_one(self, score: float) -> float:
        """Return the probability of one score, as `apply` does but for the last bit, in a twentieth of the time."""
        kept = min(max(score, EPSILON), 1.0 - EPSILON)
        exponent = -(self.slope * math.log(kept / (1.0 - kept)) + self.intercept)
        return 1.0 / (1.0 + math.exp(exponent)) if exponent < LARGEST_EXPONENT else 0.0


class IsotonicCalibration(BaseModel):
    """A non-decreasing, piecewise linear function through (`scores`, `probabilities`), constant beyond its ends."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    method: Literal["isotonic"] = "isotonic"
    scores: Sequence[float] = Field(min_length=1)
    probabilities: Sequence[float]

    @model_validator(mode="after")
    def _check_points(self) -> Self:
        if len(self.scores) != len(self.probabilities):
            raise ValueError("as many scores as probabilities")
        if any(later <= earlier for earlier, later in pairwise(self.scores)):
            raise ValueError("ascending scores")
        if any(later < earlier for earlier, later in pairwise((0.0, *self.probabilities, 1.0))):
            raise ValueError("probabilities in [0, 1] that never fall")
        return self

    def apply(self, scores: Scores) -> Scores:
        """Return probabilities in [0, 1], float64, shape (n,), for `scores` of the same shape."""
        return np.interp(scores, *self._points)

    def apply_to_one(self, score: float) -> float:
        """Return the probability of one score, as `apply` does."""
        return float(np.interp(score, *self._points))

    @cached_property
    def _points(self) -> tuple[Scores, Scores]:
        return np.asarray(self.scores, np.float64), np.asarray(self.probabilities, np.float64)


Calibration = Annotated[NoCalibration | SigmoidCalibration | IsotonicCalibration, Field(discriminator="method")]


def log_odds(scores: Scores) -> Scores:
    """Return log(s / (1 - s)) of `scores`, float64, shape (n,), kept finite by `EPSILON`."""
    kept = np.minimum(np.maximum(scores, EPSILON), 1.0 - EPSILON)
    return np.log(kept / (1.0 - kept))
