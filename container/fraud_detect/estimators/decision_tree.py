"""One decision tree, by scikit-learn.

Knows scikit-learn. Never knows files, thresholds, resampling, other families.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from fraud_detect.estimators.family import Block, Family, FitSettings, parameters_of
from fraud_detect.estimators.forest import Forest, TreeParameters, grown


class DecisionTreeParameters(TreeParameters):
    """Hyperparameters of a decision tree, by scikit-learn's names."""

    algorithm: Literal["decision_tree"] = "decision_tree"
    max_depth: int = Field(6, ge=1, le=64, description="Depth of the tree at most.")
    min_samples_leaf: int = Field(10, ge=1, le=1_000_000, description="Rows in a leaf at least.")
    ccp_alpha: float = Field(0, ge=0, le=1, description="Impurity that each leaf must make up for, or it is pruned.")


def fit(training: Sequence[Block], validation: Block, settings: FitSettings) -> Forest:
    """Return the tree, which is a forest of one that is grown on all rows and columns."""
    from sklearn.ensemble import RandomForestClassifier

    options = parameters_of(settings, DecisionTreeParameters).options(settings)
    model = RandomForestClassifier(**options, n_estimators=1, bootstrap=False, max_features=None)
    return grown(model, training, validation, settings)


FAMILY = Family(DecisionTreeParameters, fit)
