"""Balanced random forest, by imbalanced-learn: each tree is grown on all frauds and as many legitimate rows.

Both are drawn with replacement (Chen, Liaw and Breiman 2004, Using random forest to learn imbalanced data).

Knows imbalanced-learn. Never knows files, thresholds, resampling, other families.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from fraud_detect.estimators.family import Block, Family, FitSettings, parameters_of
from fraud_detect.estimators.forest import Forest, ForestParameters, grown


class BalancedRandomForestParameters(ForestParameters):
    """Hyperparameters of a balanced random forest, by imbalanced-learn's names."""

    algorithm: Literal["balanced_random_forest"] = "balanced_random_forest"
    sampling_strategy: float = Field(
        1, gt=0, le=1, description="Frauds per legitimate row that each tree is grown on, if there are fewer."
    )


def fit(training: Sequence[Block], validation: Block, settings: FitSettings) -> Forest:
    """Return a forest of as many trees as asked for; fewer after a stop."""
    from imblearn.ensemble import BalancedRandomForestClassifier

    given = parameters_of(settings, BalancedRandomForestParameters)
    frauds = int(sum(np.count_nonzero(block.labels) for block in training))
    legitimate = sum(len(block.labels) for block in training) - frauds
    drawn = {0: min(legitimate, round(frauds / given.sampling_strategy)), 1: frauds}
    options = {
        **given.options(settings),
        "sampling_strategy": drawn,
        "replacement": True,
        "bootstrap": False,
        # Not a number: imbalanced-learn would begin anew in each step, and grow some trees twice.
        "random_state": np.random.RandomState(settings.seed),
    }
    return grown(BalancedRandomForestClassifier(**options), training, validation, settings)


FAMILY = Family(BalancedRandomForestParameters, fit, gives_probabilities=False)
