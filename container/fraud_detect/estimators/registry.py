"""Families of models by name.

Knows the families. Never knows how they work.
"""

from __future__ import annotations

from collections.abc import Mapping

from fraud_detect.estimators import xgboost
from fraud_detect.estimators.family import Fit

FAMILIES: Mapping[str, Fit] = {"xgboost": xgboost.fit}
