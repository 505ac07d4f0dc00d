"""Extremely randomised trees, by scikit-learn: thresholds are drawn, too.

Knows scikit-learn. Never knows files, thresholds, resampling, other families.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from fraud_detect.estimators.family import Block, Family, FitSettings, parameters_of
from fraud_detect.estimators.forest import Forest, ForestParameters, grown


class ExtraTreesParameters(ForestParameters):
    """Hyperparameters of extremely randomised trees, by scikit-learn's names."""

    algorithm: Literal["extra_trees"] = "extra_trees"


def fit(training: Sequence[Block], validation: Block, settings: FitSettings) -> Forest:
    """Return a forest of as many trees as asked for; fewer after a stop."""
    from sklearn.ensemble import ExtraTreesClassifier

    options = parameters_of(settings, ExtraTreesParameters).options(settings)
    return grown(ExtraTreesClassifier(**options), training, validation, settings)


FAMILY = Family(ExtraTreesParameters, fit)
