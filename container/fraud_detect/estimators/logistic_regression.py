"""Logistic regression of standardised rows, by scikit-learn.

Knows scikit-learn. Never knows files, thresholds, resampling, other families.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from fraud_detect.estimators.family import Block, Family, FamilyParameters, FitSettings, parameters_of
from fraud_detect.estimators.linear import Linear, linear_of
from fraud_detect.estimators.preparation import Preparation, prepared_rows
from fraud_detect.estimators.single_round import told, weights_of

logger = logging.getLogger(__name__)


class LogisticRegressionParameters(FamilyParameters):
    """Hyperparameters of logistic regression, by scikit-learn's names."""

    algorithm: Literal["logistic_regression"] = "logistic_regression"
    C: float = Field(1, gt=0, le=1_000_000, description="Inverse of the strength of regularisation.")
    l1_ratio: float = Field(
        0, ge=0, le=1, description="Share of L1 in the regularisation, the rest is L2; above 0 the fit takes longer."
    )
    max_iter: int = Field(1_000, ge=1, le=100_000, description="Iterations of the solver at most.")
    tol: float = Field(1e-6, gt=0, le=1, description="Gradient, or change, at which the solver has converged.")


def fit(training: Sequence[Block], validation: Block, settings: FitSettings) -> Linear:
    """Return the model of all training rows; numbers are standardised by the real ones."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    given = parameters_of(settings, LogisticRegressionParameters)
    preparation = Preparation.of(training[:1], settings.categories, "standard")
    rows, labels = prepared_rows(preparation, training)
    solver = "saga" if given.l1_ratio else "lbfgs"
    options = given.model_dump(exclude={"algorithm"})
    estimator = LogisticRegression(solver=solver, random_state=settings.seed, **options)
    with threadpool_limits(settings.threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said below, with the remedy
        estimator.fit(rows, labels, sample_weight=weights_of(labels, settings.fraud_weight))
    if estimator.n_iter_.max() >= given.max_iter:
        logger.warning("logistic_regression: not converged after max_iter=%d; raise it, or lower C", given.max_iter)
    return told(linear_of(estimator, preparation, rows[: len(training[0].labels)]), training, validation, settings)


FAMILY = Family(LogisticRegressionParameters, fit)
