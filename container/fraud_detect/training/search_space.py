"""What a search may vary, as data: the hyperparameters of each family and each resampler, with where to look.

Ranges are narrower than what a hyperparameter may be: they are where good values of it were found. Every default lies
in its range, so that the search learns from the trial of the defaults.

Knows names and ranges. Never knows how they are searched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Dimension:
    """One hyperparameter: from `low` to `high`, whole numbers if both are, by its logarithm or not; or `choices`."""

    name: str
    low: float = 0
    high: float = 0
    log: bool = False
    choices: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are tried."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def contains(self, value: Any) -> bool:
        """Return whether the search could come to `value`."""
        if self.choices:
            return value in self.choices
        return isinstance(value, int | float) and self.low <= value <= self.high


FAST = ("xgboost", "lightgbm", "extra_trees", "logistic_regression")
"""The families that are searched unless others are named, each if there is such a family."""

RESAMPLERS = ("none", "smote", "random_under")
"""The resamplers that are searched unless one is given, each if there is such a resampler: those that are quick."""

_TREES = (Dimension("criterion", choices=("gini", "entropy")),)
_FOREST = (
    *_TREES,
    Dimension("max_depth", 4, 64, log=True),
    Dimension("min_samples_leaf", 1, 20, log=True),
    Dimension("max_features", 0.1, 1.0),
)

FAMILY_SPACES: Mapping[str, Sequence[Dimension]] = {
    "xgboost": (
        Dimension("num_round", 100, 1_000, log=True),
        Dimension("eta", 0.01, 0.3, log=True),
        Dimension("max_depth", 2, 10),
        Dimension("min_child_weight", 0.5, 30.0, log=True),
        Dimension("gamma", 0.0, 5.0),
        Dimension("subsample", 0.5, 1.0),
        Dimension("colsample_bytree", 0.3, 1.0),
        Dimension("lambda", 0.01, 100.0, log=True),
    ),
    "logistic_regression": (Dimension("C", 0.0001, 100.0, log=True),),
    "lightgbm": (
        Dimension("num_round", 100, 1_000, log=True),
        Dimension("eta", 0.01, 0.3, log=True),
        Dimension("num_leaves", 7, 127, log=True),
        Dimension("max_depth", 3, 64, log=True),
        Dimension("min_data_in_leaf", 5, 200, log=True),
        Dimension("lambda", 0.01, 100.0, log=True),
        Dimension("subsample", 0.5, 1.0),
        Dimension("colsample_bytree", 0.3, 1.0),
    ),
    "decision_tree": (*_TREES, Dimension("max_depth", 2, 20), Dimension("min_samples_leaf", 1, 100, log=True)),
    "random_forest": (*_FOREST, Dimension("max_samples", 0.3, 1.0)),
    "balanced_random_forest": (*_FOREST, Dimension("sampling_strategy", 0.05, 1.0, log=True)),
    "extra_trees": _FOREST,
    "isolation_forest": (Dimension("max_samples", 64, 4_096, log=True), Dimension("max_features", 0.3, 1.0)),
    "knn": (Dimension("n_neighbors", 3, 100, log=True), Dimension("weights", choices=("distance", "uniform"))),
    "autoencoder": (
        Dimension("learning_rate_init", 0.0003, 0.01, log=True),
        Dimension("batch_size", 16, 256, log=True),
    ),
    "svm": (Dimension("kernel", choices=("linear", "rbf")), Dimension("C", 0.01, 100.0, log=True)),
}
"""A family that is not here is tried with its defaults only."""

_RATIO = Dimension("resampling_ratio", 0.01, 1.0, log=True)
_NEIGHBOURS = (_RATIO, Dimension("k_neighbors", 3, 15))

RESAMPLER_SPACES: Mapping[str, Sequence[Dimension]] = {
    "smote": _NEIGHBOURS,
    "borderline_smote": _NEIGHBOURS,
    "adasyn": _NEIGHBOURS,
    "smote_tomek": _NEIGHBOURS,
    "smote_enn": _NEIGHBOURS,
    "near_miss": _NEIGHBOURS,
    "random_over": (_RATIO,),
    "random_under": (_RATIO,),
}

WEIGHT = Dimension("scale_pos_weight", 0.5, 50.0, log=True)
"""For families that can let a fraud count more."""
