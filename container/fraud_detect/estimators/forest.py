"""Trees that are grown on their own, whose mean is the score: growing them in steps, and their export.

Knows scikit-learn's trees and forests. Never knows which family asks for them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fraud_detect.artifact.scorer import OUTPUT
from fraud_detect.estimators.category_ranks import RANKED, CategoryRanks
from fraud_detect.estimators.family import Block, FamilyParameters, FitSettings, Round
from fraud_detect.estimators.onnx_graph import DOUBLE, from_score
from fraud_detect.estimators.tree_graph import AT_MOST, LEAF, Nodes, in_float64
from fraud_detect.schema import Float32Matrix

STEPS = 20
"""In how many steps a forest is grown, at most: each is told of, and a stop is heeded after it."""
DIGITS = 9
"""Decimals that are kept of a mean over trees: what is the same but for the order of its sum stays the same."""
OF_EACH_TREE = ("estimators_", "estimators_features_", "_average_path_length_per_tree", "_decision_path_lengths")
"""What forests of scikit-learn, isolation forests among them, keep a list of."""
WIDE = "wide"

Part = tuple[NDArray[np.uint8], Float32Matrix]
"""Labels, shape (n,), and rows as trees take them, float32, shape (n, width)."""

Score = Callable[[Any, Float32Matrix], NDArray[np.float64]]
"""From a forest and rows as trees take them to what their mean over trees ranks rows by, float64, shape (n,)."""


class TreeParameters(FamilyParameters):
    """Hyperparameters of trees that learn labels, by scikit-learn's names."""

    criterion: Literal["gini", "entropy"] = Field("gini", description="What each split is to lower.")
    max_depth: int = Field(64, ge=1, le=64, description="Depth of a tree at most.")
    min_samples_leaf: int = Field(1, ge=1, le=1_000_000, description="Rows in a leaf at least.")

    def options(self, settings: FitSettings) -> dict[str, Any]:
        """Return what forests of scikit-learn take."""
        return {
            **self.model_dump(exclude={"algorithm"}),
            "class_weight": {0: 1.0, 1: settings.fraud_weight},
            "random_state": settings.seed,
            "n_jobs": settings.threads,
            "warm_start": True,
        }


class ForestParameters(TreeParameters):
    """Hyperparameters of forests that learn labels, by scikit-learn's names."""

    n_estimators: int = Field(300, ge=1, le=10_000, description="Trees.")
    max_features: float = Field(0.3, gt=0, le=1, description="Share of columns drawn for each split, one at least.")

    @property
    def most_rounds(self) -> int:
        """As `FamilyParameters.most_rounds`."""
        return self.n_estimators


@dataclass(frozen=True)
class Forest:
    """Trees of scikit-learn's, `model.estimators_`, whose mean share of frauds in a row's leaves is its score."""

    model: Any
    ranks: CategoryRanks

    @property
    def rounds(self) -> int:
        """As `Fitted.rounds`: the number of trees."""
        return len(self.model.estimators_)

    def scores(self, features: Float32Matrix) -> NDArray[np.float64]:
        """As `Fitted.scores`."""
        return np.round(shares_of_frauds(self.model, self.ranks.apply(features)), DIGITS)

    def to_onnx(self) -> bytes:
        """As `Fitted.to_onnx`."""
        trees = [tree.tree_ for tree in self.model.estimators_]
        weighted = [nodes_of(tree, tree.value[:, 0, 1] / len(trees)) for tree in trees]
        nodes, constants = forest_nodes(weighted, self.ranks, OUTPUT)
        return from_score(nodes, constants, len(self.ranks.ranks))

    def native_files(self) -> Mapping[str, bytes]:
        """As `Fitted.native_files`: none."""
        return {}


def forest_nodes(trees: Sequence[Nodes], ranks: CategoryRanks, result: str) -> tuple[list[Any], list[Any]]:
    """Return the ONNX nodes from `features` to the sum of leaves, `result`, float32, (n, 1), and their constants."""
    from onnx import helper

    nodes, constants = ranks.to_nodes()
    return [*nodes, helper.make_node("Cast", [RANKED], [WIDE], to=DOUBLE), in_float64(trees, WIDE, result)], constants


def nodes_of(tree: Any, weights: NDArray[np.float64], columns: NDArray[np.intp] | None = None) -> Nodes:
    """Return one tree of scikit-learn's, with `weights`, float64, shape (nodes,), in its leaves.

    `columns` are those of the matrix that the tree knows, in its order; without them, all.
    """
    leaves = tree.children_left < 0
    features = np.where(leaves, 0, tree.feature)
    return Nodes(
        modes=np.where(leaves, LEAF, AT_MOST),
        features=features if columns is None else columns[features],
        values=np.where(leaves, weights, tree.threshold),
        true=np.where(leaves, 0, tree.children_left),
        false=np.where(leaves, 0, tree.children_right),
        missing_true=np.where(leaves, 0, tree.missing_go_to_left).astype(bool),
    )


def grown(model: Any, training: Sequence[Block], validation: Block, settings: FitSettings) -> Forest:
    """Return the classifier `model`, with warm_start, grown as far as no stop is asked for."""
    ranks = CategoryRanks.by_frauds(training[0], settings.categories)
    rows, labels = stacked(training, ranks)
    real = training[0].labels
    parts = ((real, rows[: len(real)]), (validation.labels, ranks.apply(validation.features)))
    grow(model, (rows, labels), Telling(parts, shares_of_frauds, settings))
    return Forest(model, ranks)


def stacked(training: Sequence[Block], ranks: CategoryRanks) -> tuple[Float32Matrix, NDArray[np.uint8]]:
    """Return the rows of all blocks as trees take them, float32, shape (n, width), and their labels, shape (n,)."""
    rows = [ranks.apply(block.features) for block in training]
    return rows[0] if len(rows) == 1 else np.vstack(rows), np.concatenate([block.labels for block in training])


def shares_of_frauds(model: Any, rows: Float32Matrix) -> NDArray[np.float64]:
    """Return the mean share of frauds in the leaves of each of `rows`: the `Score` of forests that learn labels."""
    scores: NDArray[np.float64] = model.predict_proba(rows)[:, 1]
    return scores


def grow(model: Any, data: tuple[Any, ...], telling: Telling) -> None:
    """Grow the trees of `model`, a forest with warm_start, on `data` step by step, until a stop is asked for."""
    settings = telling.settings
    for trees in _steps(settings.rounds or model.n_estimators):
        before = len(getattr(model, "estimators_", ()))
        model.set_params(n_estimators=trees).fit(*data)
        telling.tell(_without_first(model, before))
        if settings.hooks.should_stop():
            break


def _steps(trees: int) -> list[int]:
    """Return after how many trees each step ends."""
    ends: list[int] = np.unique(np.linspace(0, trees, min(STEPS, trees) + 1).astype(int)[1:]).tolist()
    return ends


def _without_first(model: Any, count: int) -> Any:
    """Return a forest of the trees of `model` but the first `count`."""
    newest = copy.copy(model)
    for name in OF_EACH_TREE:
        if hasattr(model, name):
            setattr(newest, name, getattr(model, name)[count:])
    return newest.set_params(n_estimators=len(newest.estimators_))


class Telling:
    """Tells of each step what the trees so far come to, on two `parts`, training and validation.

    No tree is scored twice.
    """

    def __init__(self, parts: Sequence[Part], score: Score, settings: FitSettings) -> None:
        self.settings = settings
        self._parts, self._score = parts, score
        self._sums = [np.zeros(len(labels)) for labels, _ in parts]
        self._trees = 0

    def tell(self, newest: Any) -> None:
        """Tell of a round that ends with the `newest` trees, a forest of their own."""
        self._trees += newest.n_estimators
        figures = []
        for (labels, rows), total in zip(self._parts, self._sums, strict=True):
            total += newest.n_estimators * self._score(newest, rows)
            figures.append(self.settings.measure(labels, np.round(total / self._trees, DIGITS)))
        self.settings.hooks.on_round(Round(self._trees, *figures))
