"""Families of models by name.

Knows the families. Never knows how they work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from fraud_detect.estimators import (
    autoencoder,
    balanced_random_forest,
    decision_tree,
    extra_trees,
    isolation_forest,
    knn,
    lightgbm,
    logistic_regression,
    random_forest,
    svm,
    xgboost,
)
from fraud_detect.estimators.family import Family

DEFAULT = "xgboost"
FAMILIES: Mapping[str, Family] = {
    "xgboost": xgboost.FAMILY,
    "lightgbm": lightgbm.FAMILY,
    "logistic_regression": logistic_regression.FAMILY,
    "svm": svm.FAMILY,
    "knn": knn.FAMILY,
    "decision_tree": decision_tree.FAMILY,
    "random_forest": random_forest.FAMILY,
    "balanced_random_forest": balanced_random_forest.FAMILY,
    "extra_trees": extra_trees.FAMILY,
    "isolation_forest": isolation_forest.FAMILY,
    "autoencoder": autoencoder.FAMILY,
}
AnyParameters = Annotated[
    xgboost.XGBoostParameters
    | lightgbm.LightGBMParameters
    | logistic_regression.LogisticRegressionParameters
    | svm.SVMParameters
    | knn.KNNParameters
    | decision_tree.DecisionTreeParameters
    | random_forest.RandomForestParameters
    | balanced_random_forest.BalancedRandomForestParameters
    | extra_trees.ExtraTreesParameters
    | isolation_forest.IsolationForestParameters
    | autoencoder.AutoencoderParameters,
    Field(discriminator="algorithm"),
]
"""The hyperparameters of any family, told apart by `algorithm`."""
