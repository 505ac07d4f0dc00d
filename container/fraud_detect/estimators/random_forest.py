"""Random forest, by scikit-learn.

Knows scikit-learn. Never knows files, thresholds, resampling, other families.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from fraud_detect.estimators.family import Block, Family, FitSettings, parameters_of
from fraud_detect.estimators.forest import Forest, ForestParameters, grown


class RandomForestParameters(ForestParameters):
    """Hyperparameters of a random forest, by scikit-learn's names."""

    algorithm: Literal["random_forest"] = "random_forest"
    max_samples: float = Field(1.0, gt=0, le=1, description="Share of rows drawn for each tree, with replacement.")


def fit(training: Sequence[Block], validation: Block, settings: FitSettings) -> Forest:
    """Return a forest of as many trees as asked for; fewer after a stop."""
    from sklearn.ensemble import RandomForestClassifier

    options = parameters_of(settings, RandomForestParameters).options(settings)
    return grown(RandomForestClassifier(**options), training, validation, settings)


FAMILY = Family(RandomForestParameters, fit)
