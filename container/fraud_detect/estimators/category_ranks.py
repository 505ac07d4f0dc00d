"""Ranks for categories, in NumPy and in ONNX, for trees that only know numbers.

A split of ranks is a split of categories into two sets. In the order of their share of frauds, the best such split is
the best of all sets (Breiman and others 1984, Classification and Regression Trees, section 4.2.2).

Knows numpy and ONNX. Never knows trees, which family asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.scorer import INPUT
from fraud_detect.estimators.family import Block
from fraud_detect.estimators.onnx_graph import tensors
from fraud_detect.schema import Float32Matrix

RANKED = "ranked"
PRIOR_ROWS = 100
"""Rows of the average share of frauds that are added to each category: few rows tell little."""
INT64 = 7  # TensorProto's


@dataclass(frozen=True)
class CategoryRanks:
    """What stands for each code of each column: float32, shape (categories of the column,), empty for numbers."""

    ranks: tuple[NDArray[np.float32], ...]

    @classmethod
    def by_frauds(cls, block: Block, categories: Sequence[int]) -> CategoryRanks:
        """Return ranks by the share of frauds in the rows of `block`, the lowest first."""
        mean = block.labels.mean()
        shares = [
            (_counts(block.features[block.labels == 1, column], count) + PRIOR_ROWS * mean)
            / (_counts(block.features[:, column], count) + PRIOR_ROWS)
            for column, count in enumerate(categories)
        ]
        return cls(tuple(map(_ranks, shares)))

    @classmethod
    def by_rows(cls, features: Float32Matrix, categories: Sequence[int]) -> CategoryRanks:
        """Return ranks by the number of rows of `features`, shape (n, width), the rarest category first."""
        return cls(tuple(_ranks(_counts(features[:, column], count)) for column, count in enumerate(categories)))

    def apply(self, features: Float32Matrix) -> Float32Matrix:
        """Return `features`, float32, shape (n, width), with ranks for codes; missing ones stay so."""
        if not len(self._columns):
            return features
        ranked = features.copy()
        for column in self._columns:
            given = ~np.isnan(features[:, column])
            ranked[given, column] = self.ranks[column][features[given, column].astype(np.intp)]
        return ranked

    def to_nodes(self) -> tuple[list[Any], list[Any]]:
        """Return the ONNX nodes from `features` to `RANKED`, float32, shape (n, width), and their constants."""
        from onnx import helper

        columns = self._columns
        if not len(columns):
            return [helper.make_node("Identity", [INPUT], [RANKED])], []
        sizes = [len(self.ranks[column]) for column in columns]
        numbers = np.setdiff1d(np.arange(len(self.ranks)), columns)
        constants: dict[str, NDArray[Any]] = {
            "columns": columns,
            "no_code": np.array(0, dtype=np.float32),
            "starts": np.cumsum([0, *sizes[:-1]]).reshape(1, -1),
            "ranks": np.concatenate([self.ranks[column] for column in columns]),
            "no_rank": np.array(np.nan, dtype=np.float32),
            "numbers": numbers,
            "order": np.argsort(np.concatenate((columns, numbers))),
        }
        nodes = [
            helper.make_node("Gather", [INPUT, "columns"], ["codes"], axis=1),
            helper.make_node("IsNaN", ["codes"], ["gaps"]),
            helper.make_node("Where", ["gaps", "no_code", "codes"], ["known_codes"]),
            helper.make_node("Cast", ["known_codes"], ["places"], to=INT64),
            helper.make_node("Add", ["places", "starts"], ["places_of_all"]),
            helper.make_node("Gather", ["ranks", "places_of_all"], ["known_ranks"]),
            helper.make_node("Where", ["gaps", "no_rank", "known_ranks"], ["code_ranks"]),
            helper.make_node("Gather", [INPUT, "numbers"], ["given_numbers"], axis=1),
            helper.make_node("Concat", ["code_ranks", "given_numbers"], ["parts"], axis=1),
            helper.make_node("Gather", ["parts", "order"], [RANKED], axis=1),
        ]
        return nodes, tensors(constants)

    @property
    def _columns(self) -> NDArray[np.intp]:
        """The columns of codes."""
        return np.flatnonzero([len(ranks) for ranks in self.ranks])


def _counts(codes: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """Return how many of `codes`, missing ones aside, are each of `count` codes; nothing of a column of numbers."""
    if not count:
        return np.zeros(0)
    return np.bincount(codes[~np.isnan(codes)].astype(np.intp), minlength=count).astype(np.float64)


def _ranks(figures: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the place of each of `figures` in their order, the first of equals first."""
    ranks = np.empty(len(figures), dtype=np.float32)
    ranks[np.argsort(figures, kind="stable")] = np.arange(len(figures))
    return ranks
