"""A linear model of prepared rows, its export and its explanation.

Knows preparation and ONNX. Never knows how coefficients are found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.explanation import EXPLANATION
from fraud_detect.estimators.onnx_graph import LOG_ODDS, OF_FEATURES, explanation, from_log_odds, tensors
from fraud_detect.estimators.preparation import CHUNK_ROWS, PREPARED, Preparation
from fraud_detect.schema import Float32Matrix, Float64Matrix, Float64Vector


@dataclass(frozen=True)
class Linear:
    """Log-odds that are a weighted sum of a prepared row.

    `coefficients` and `means`, those of the training rows: float64, shape (`preparation.width`,).
    """

    preparation: Preparation
    coefficients: Float64Vector
    intercept: float
    means: Float64Vector

    @property
    def rounds(self) -> int:
        """As `Fitted.rounds`."""
        return 1

    def scores(self, features: Float32Matrix) -> NDArray[np.float64]:
        """As `Fitted.scores`."""
        from scipy.special import expit

        log_odds = np.empty(len(features))
        for start in range(0, len(features), CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            log_odds[rows] = self.preparation.apply(features[rows]) @ self.coefficients + self.intercept
        scores: NDArray[np.float64] = expit(log_odds)
        return scores

    def to_onnx(self) -> bytes:
        """As `Fitted.to_onnx`."""
        from onnx import helper

        nodes, constants = self.preparation.to_nodes()
        nodes += [
            helper.make_node("MatMul", [PREPARED, "coefficients"], ["weighted"]),
            helper.make_node("Add", ["weighted", "intercept"], [LOG_ODDS]),
        ]
        own = {"coefficients": self.coefficients.reshape(-1, 1), "intercept": np.array(self.intercept)}
        return from_log_odds(nodes, constants + tensors(own), self._width)

    def native_files(self) -> Mapping[str, bytes]:
        """As `Fitted.native_files`: the graph of its explanation."""
        return {EXPLANATION: self._explanation()}

    def _explanation(self) -> bytes:
        """Return the graph of what each feature adds to the log-odds of the mean training row.

        That is its coefficient times how far its prepared number is above the mean; of a category, the sum over codes.
        """
        from onnx import helper

        nodes, constants = self.preparation.to_nodes()
        nodes += [
            helper.make_node("Sub", [PREPARED, "training_means"], ["above_means"]),
            helper.make_node("Mul", ["above_means", "coefficients"], ["weighted"]),
        ]
        summed_nodes, sizes = self.preparation.sum_nodes("weighted", OF_FEATURES)
        own = tensors({"training_means": self.means.reshape(1, -1), "coefficients": self.coefficients.reshape(1, -1)})
        base = self.intercept + float(self.means @ self.coefficients)
        return explanation([*nodes, *summed_nodes], [*constants, *sizes, *own], width=self._width, base=base)

    @property
    def _width(self) -> int:
        return len(self.preparation.categories)


def linear_of(estimator: Any, preparation: Preparation, prepared: Float64Matrix) -> Linear:
    """Return the model of a fitted binary `estimator` of scikit-learn's, explained against the `prepared` rows."""
    (coefficients,), (intercept,) = estimator.coef_, np.atleast_1d(estimator.intercept_)
    return Linear(preparation, coefficients.astype(np.float64), float(intercept), prepared.mean(axis=0))
