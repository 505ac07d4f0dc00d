"""Isolation forest, by scikit-learn: how few random splits set a row apart from the others.

The score is that of Liu, Ting and Zhou (2008, Isolation forest): two to the power of minus the row's mean path length,
over the average one of a random tree of as many rows. It is above 0.5 for rows that are easier to isolate than most.

Knows scikit-learn. Never knows files, thresholds, resampling, other families.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fraud_detect.artifact.scorer import OUTPUT
from fraud_detect.estimators.category_ranks import CategoryRanks
from fraud_detect.estimators.family import Block, Family, FamilyParameters, FitSettings, parameters_of
from fraud_detect.estimators.forest import DIGITS, Telling, forest_nodes, grow, nodes_of
from fraud_detect.estimators.onnx_graph import from_score, tensors
from fraud_detect.schema import Float32Matrix

EULER = 0.5772156649015329
LENGTH = "path_length"


class IsolationForestParameters(FamilyParameters):
    """Hyperparameters of an isolation forest, by scikit-learn's names."""

    algorithm: Literal["isolation_forest"] = "isolation_forest"
    n_estimators: int = Field(300, ge=1, le=10_000, description="Trees.")
    max_samples: int = Field(
        256, ge=2, le=100_000, description="Rows that each tree is grown on, if there are as many."
    )
    max_features: float = Field(1.0, gt=0, le=1, description="Share of columns drawn for each tree, one at least.")

    @property
    def most_rounds(self) -> int:
        """As `FamilyParameters.most_rounds`."""
        return self.n_estimators


@dataclass(frozen=True)
class FittedIsolationForest:
    """An isolation forest of scikit-learn's. A category counts as the rank of how common it is."""

    model: Any
    ranks: CategoryRanks

    @property
    def rounds(self) -> int:
        """As `Fitted.rounds`: the number of trees."""
        return len(self.model.estimators_)

    def scores(self, features: Float32Matrix) -> NDArray[np.float64]:
        """As `Fitted.scores`."""
        scores: NDArray[np.float64] = np.exp2(np.round(shortness(self.model, self.ranks.apply(features)), DIGITS))
        return scores

    def to_onnx(self) -> bytes:
        """As `Fitted.to_onnx`: trees whose leaves sum to the path length, in lengths of the average one."""
        from onnx import helper

        model = self.model
        whole = len(model.estimators_) * _average_path_length(np.array([model.max_samples_]))[0]
        trees = [
            nodes_of(tree.tree_, _path_lengths(tree.tree_) / whole, columns)
            for tree, columns in zip(model.estimators_, model.estimators_features_, strict=True)
        ]
        nodes, constants = forest_nodes(trees, self.ranks, LENGTH)
        nodes += [
            helper.make_node("Mul", [LENGTH, "log_half"], ["log_score"]),
            helper.make_node("Exp", ["log_score"], [OUTPUT]),
        ]
        constants += tensors({"log_half": np.array(-np.log(2), dtype=np.float32)})
        return from_score(nodes, constants, len(self.ranks.ranks))

    def native_files(self) -> Mapping[str, bytes]:
        """As `Fitted.native_files`: none."""
        return {}


def shortness(model: Any, rows: Float32Matrix) -> NDArray[np.float64]:
    """Return the mean path length of each of `rows`, as trees take them, over the average one, negative; shape (n,)."""
    lengths: NDArray[np.float64] = np.log2(-model.score_samples(rows))
    return lengths


def _path_lengths(tree: Any) -> NDArray[np.float64]:
    """Return how many splits lead to each node, and would lead on to a single row of it; float64, shape (nodes,)."""
    lengths: NDArray[np.float64] = tree.compute_node_depths() - 1 + _average_path_length(tree.n_node_samples)
    return lengths


def _average_path_length(rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the average path length of random trees of so many `rows`, as scikit-learn has it."""
    many = np.maximum(rows, 3) - 1.0
    lengths = 2 * (np.log(many) + EULER) - 2 * many / (many + 1)
    return np.where(rows > 2, lengths, np.where(rows == 2, 1.0, 0.0))


def fit(training: Sequence[Block], validation: Block, settings: FitSettings) -> FittedIsolationForest:
    """Return a forest of as many trees as asked for, fewer after a stop, grown on the real legitimate rows alone."""
    from sklearn.ensemble import IsolationForest

    given, real = parameters_of(settings, IsolationForestParameters), training[0]
    legitimate = real.features[real.labels == 0]
    ranks = CategoryRanks.by_rows(legitimate, settings.categories)
    rows = ranks.apply(legitimate)
    model = IsolationForest(
        n_estimators=given.n_estimators,
        max_samples=min(given.max_samples, len(rows)),
        max_features=given.max_features,
        random_state=settings.seed,
        n_jobs=settings.threads,
        warm_start=True,
    )
    parts = [(block.labels, ranks.apply(block.features)) for block in (real, validation)]
    grow(model, (rows,), Telling(parts, shortness, settings))
    return FittedIsolationForest(model, ranks)


FAMILY = Family(IsolationForestParameters, fit, learns_labels=False, takes_weights=False, gives_probabilities=False)
