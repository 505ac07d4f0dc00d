"""Support vector machines of standardised rows, by scikit-learn: linear, or with radial basis functions (rbf).

Knows scikit-learn and the sum over support vectors. Never knows files, thresholds, resampling, other families.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fraud_detect.errors import TableError
from fraud_detect.estimators.family import Block, Family, FamilyParameters, FitSettings, parameters_of
from fraud_detect.estimators.linear import Linear, linear_of
from fraud_detect.estimators.onnx_graph import LOG_ODDS, from_log_odds, tensors
from fraud_detect.estimators.preparation import PREPARED, Preparation, prepared_rows
from fraud_detect.estimators.single_round import told, weights_of
from fraud_detect.schema import Float32Matrix, Float64Matrix, Float64Vector

MANY_ROWS, MOST_ROWS = 20_000, 100_000
"""Training rows from which rbf warns, and above which it refuses: its time grows with their square."""
CACHE_MB = 500
MOST_PAIRS = 1 << 22
"""Of a row and a support vector, whose products are held at a time."""

logger = logging.getLogger(__name__)


class SVMParameters(FamilyParameters):
    """Hyperparameters of a support vector machine, by scikit-learn's names."""

    algorithm: Literal["svm"] = "svm"
    kernel: Literal["linear", "rbf"] = Field(
        "rbf",
        description="rbf is for up to some ten thousand rows, and refuses more than 100,000; linear takes any number, "
        "and explains its scores.",
    )
    C: float = Field(1, gt=0, le=1_000_000, description="Inverse of the strength of regularisation.")
    gamma: float = Field(
        0,
        ge=0,
        le=10_000,
        description="Coefficient of rbf; 0 is 1 / (prepared columns x their variance), scikit-learn's `scale`.",
    )


@dataclass(frozen=True)
class Radial:
    """Decision values that are a weighted sum over support vectors, of exp(-`gamma` x squared distance).

    `vectors`: float64, shape (m, `preparation.width`); `coefficients`: float64, shape (m,).
    """

    preparation: Preparation
    vectors: Float64Matrix
    coefficients: Float64Vector
    intercept: float
    gamma: float

    @property
    def rounds(self) -> int:
        """As `Fitted.rounds`."""
        return 1

    def scores(self, features: Float32Matrix) -> NDArray[np.float64]:
        """As `Fitted.scores`: the sigmoid of the decision value."""
        from scipy.special import expit

        step = max(1, MOST_PAIRS // len(self.vectors))
        values = [self._decision_values(features[start : start + step]) for start in range(0, len(features), step)]
        scores: NDArray[np.float64] = expit(np.concatenate(values)) if values else np.zeros(0)
        return scores

    def to_onnx(self) -> bytes:
        """As `Fitted.to_onnx`."""
        from onnx import helper

        nodes, constants = self.preparation.to_nodes()
        nodes += [
            helper.make_node("ReduceSumSquare", [PREPARED], ["own_squares"], axes=[1]),
            helper.make_node("MatMul", [PREPARED, "twice_vectors"], ["products"]),
            helper.make_node("Sub", ["own_squares", "products"], ["differences"]),
            helper.make_node("Add", ["differences", "squares"], ["distances"]),
            helper.make_node("Max", ["distances", "zero"], ["squared_distances"]),
            helper.make_node("Mul", ["squared_distances", "minus_gamma"], ["exponents"]),
            helper.make_node("Exp", ["exponents"], ["kernel"]),
            helper.make_node("MatMul", ["kernel", "coefficients"], ["weighted"]),
            helper.make_node("Add", ["weighted", "intercept"], [LOG_ODDS]),
        ]
        own = {
            "twice_vectors": 2 * self.vectors.T,
            "squares": (self.vectors**2).sum(axis=1).reshape(1, -1),
            "zero": np.array(0.0),
            "minus_gamma": np.array(-self.gamma),
            "coefficients": self.coefficients.reshape(-1, 1),
            "intercept": np.array(self.intercept),
        }
        return from_log_odds(nodes, constants + tensors(own), len(self.preparation.categories))

    def native_files(self) -> Mapping[str, bytes]:
        """As `Fitted.native_files`: none, for a sum over support vectors does not fall into features."""
        return {}

    def _decision_values(self, features: Float32Matrix) -> Float64Vector:
        rows = self.preparation.apply(features)
        own_squares, squares = (rows**2).sum(axis=1, keepdims=True), (self.vectors**2).sum(axis=1)
        distances = np.maximum(own_squares - rows @ (2 * self.vectors.T) + squares, 0)
        values: Float64Vector = np.exp(-self.gamma * distances) @ self.coefficients + self.intercept
        return values


def fit(training: Sequence[Block], validation: Block, settings: FitSettings) -> Linear | Radial:
    """Return the model of all training rows; numbers are standardised by the real ones.

    Raises
    ------
    TableError
        If there are more than `MOST_ROWS` for rbf.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(settings.threads):
        model = KERNELS[parameters_of(settings, SVMParameters).kernel](training, settings)
    return told(model, training, validation, settings)


def _linear(training: Sequence[Block], settings: FitSettings) -> Linear:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    prepared = _Prepared.of(training, settings)
    estimator = LinearSVC(C=parameters_of(settings, SVMParameters).C, dual=False, random_state=settings.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said below, with the remedy
        estimator.fit(prepared.rows, prepared.labels, sample_weight=prepared.weights)
    if estimator.n_iter_ >= estimator.max_iter:
        logger.warning("svm: not converged after %d iterations; lower C", estimator.max_iter)
    return linear_of(estimator, prepared.preparation, prepared.rows[: len(training[0].labels)])


def _radial(training: Sequence[Block], settings: FitSettings) -> Radial:
    from sklearn.svm import SVC

    _check_number(sum(len(block.labels) for block in training))
    given, prepared = parameters_of(settings, SVMParameters), _Prepared.of(training, settings)
    gamma = given.gamma or _scale(prepared.rows)
    estimator = SVC(C=given.C, gamma=gamma, cache_size=CACHE_MB, random_state=settings.seed)
    estimator.fit(prepared.rows, prepared.labels, sample_weight=prepared.weights)
    (coefficients,), (intercept,) = estimator.dual_coef_, estimator.intercept_
    return Radial(prepared.preparation, estimator.support_vectors_, coefficients, float(intercept), gamma)


@dataclass(frozen=True)
class _Prepared:
    """All training rows, prepared by the real ones, float64, shape (n, width), their labels and weights, shape (n,)."""

    preparation: Preparation
    rows: Float64Matrix
    labels: NDArray[np.uint8]
    weights: Float64Vector

    @classmethod
    def of(cls, training: Sequence[Block], settings: FitSettings) -> _Prepared:
        preparation = Preparation.of(training[:1], settings.categories, "standard")
        rows, labels = prepared_rows(preparation, training)
        return cls(preparation, rows, labels, weights_of(labels, settings.fraud_weight))


def _check_number(rows: int) -> None:
    """Warn of many rows, refuse too many."""
    if rows > MOST_ROWS:
        raise TableError(
            f"The training part has {rows:,} rows with algorithm=svm, kernel=rbf",
            expected=f"at most {MOST_ROWS:,}: its time grows with their square",
            remedy="Set kernel=linear, another algorithm, or train on fewer rows.",
        )
    if rows > MANY_ROWS:
        logger.warning("svm: %d training rows are many for kernel=rbf; kernel=linear takes any number", rows)


def _scale(rows: Float64Matrix) -> float:
    """Return the `gamma` that scikit-learn calls `scale`, 1 for rows that are all the same."""
    variance = float(rows.var())
    return 1 / (rows.shape[1] * variance) if variance > 0 else 1.0


KERNELS: Mapping[str, Callable[[Sequence[Block], FitSettings], Linear | Radial]] = {"linear": _linear, "rbf": _radial}
FAMILY = Family(SVMParameters, fit, gives_probabilities=False)
