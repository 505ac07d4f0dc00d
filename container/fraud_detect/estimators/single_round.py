"""What families share that are fitted in one go: one round to tell of.

Knows hooks and measures. Never knows models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fraud_detect.estimators.family import Block, FitSettings, Fitted, Round

Model = TypeVar("Model", bound=Fitted)


def told(model: Model, training: Sequence[Block], validation: Block, settings: FitSettings) -> Model:
    """Return `model`, once the hooks were told what it came to on the real training rows and on `validation`."""
    figures = [settings.measure(block.labels, model.scores(block.features)) for block in (training[0], validation)]
    settings.hooks.on_round(Round(1, *figures))
    return model


def weights_of(labels: NDArray[np.uint8], fraud_weight: float) -> NDArray[np.float64]:
    """Return how many rows each row counts as, float64, shape (n,)."""
    return np.where(labels == 1, fraud_weight, 1.0)
