"""Nearest neighbours among the standardised training rows, which the model holds.

A row's score is the share of frauds among the training rows that are no farther than its k-th nearest, all of them:
with several at that distance they are more than k, and their order does not matter.

Knows distances and their ONNX. Never knows files, thresholds, resampling, other families.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fraud_detect.errors import TableError
from fraud_detect.estimators.family import Block, Family, FamilyParameters, FitSettings, parameters_of
from fraud_detect.estimators.onnx_graph import BOOL, DOUBLE, MOST_BYTES, PROBABILITY, from_probability, tensors
from fraud_detect.estimators.preparation import PREPARED, Preparation, prepared_rows
from fraud_detect.estimators.single_round import told, weights_of
from fraud_detect.schema import Float32Matrix, Float64Matrix, Float64Vector

SAME = 1 + 1e-9
"""Squared distances of this ratio count as the same: their last bits depend on the order of sums."""
ROUNDING = 1e-12
"""How far a squared distance by products of rows may be off, as a share of the rows' own squares."""
SMALLEST = 1e-300
"""Stands for a squared distance of 0 in quotients that are not taken."""
MANY_ROWS = 10_000
PAIRS_AT_A_TIME = 1 << 20
BYTES_PER_NUMBER, OTHER_NUMBERS = 8, 2  # the votes of a row

logger = logging.getLogger(__name__)


class KNNParameters(FamilyParameters):
    """Hyperparameters of nearest neighbours, by scikit-learn's names."""

    algorithm: Literal["knn"] = "knn"
    n_neighbors: int = Field(
        15, ge=1, le=10_000, description="Neighbours that vote; all rows at the distance of the last one do."
    )
    weights: Literal["uniform", "distance"] = Field(
        "distance",
        description="Whether neighbours count by the inverse of their distance, or the same (uniform): that gives few "
        "scores to rank by.",
    )


@dataclass(frozen=True)
class Neighbours:
    """The training rows and how they vote.

    `rows`: float64, shape (m, `preparation.width`). `votes`: how many rows each counts as, float64, shape (m,), and
    `fraud_votes`: the same of frauds, 0 for others.
    """

    preparation: Preparation
    rows: Float64Matrix
    votes: Float64Vector
    fraud_votes: Float64Vector
    count: int
    weights: str

    @property
    def rounds(self) -> int:
        """As `Fitted.rounds`."""
        return 1

    def scores(self, features: Float32Matrix) -> NDArray[np.float64]:
        """As `Fitted.scores`."""
        squares, step = (self.rows**2).sum(axis=1), max(1, PAIRS_AT_A_TIME // len(self.rows))
        scores = np.empty(len(features))
        for start in range(0, len(features), step):
            prepared = self.preparation.apply(features[start : start + step])
            scores[start : start + step] = self._scores(prepared, squares)
        return scores

    def to_onnx(self) -> bytes:
        """As `Fitted.to_onnx`: one row after the other, so that memory does not grow with their number."""
        from onnx import helper

        nodes, constants = self.preparation.to_nodes()
        row = helper.make_tensor_value_info("row", DOUBLE, [self.preparation.width])
        share = helper.make_tensor_value_info("share", DOUBLE, [1])
        voting = helper.make_graph(_voting_nodes(self.weights), "neighbours_of_a_row", [row], [share])
        nodes.append(helper.make_node("Scan", [PREPARED], [PROBABILITY], body=voting, num_scan_inputs=1))
        own = {
            "training_rows": self.rows.T,
            "votes": self.votes,
            "fraud_votes": self.fraud_votes,
            "count": np.array([self.count]),
            "same": np.array(SAME),
            "zero": np.array(0.0),
            "smallest": np.array(SMALLEST),
            "last_axis": np.array([1]),
        }
        return from_probability(nodes, constants + tensors(own), len(self.preparation.categories))

    def native_files(self) -> Mapping[str, bytes]:
        """As `Fitted.native_files`: none, for votes do not fall into features."""
        return {}

    def _scores(self, prepared: Float64Matrix, squares: Float64Vector) -> Float64Vector:
        """Return the shares of frauds for `prepared` rows, shape (n, width); `squares` are of the training rows."""
        row, place = self._candidates(prepared, squares)
        differences = prepared[row] - self.rows[place]
        distances = np.einsum("ij,ij->i", differences, differences)
        firsts = np.searchsorted(row, np.arange(len(prepared)))
        farthest = distances[np.lexsort((distances, row))][firsts + self.count - 1]
        closeness = CLOSENESS[self.weights](distances, firsts)
        closeness[distances > farthest[row] * SAME] = 0
        totals, frauds = (np.add.reduceat(closeness * votes[place], firsts) for votes in (self.votes, self.fraud_votes))
        scores: Float64Vector = frauds / totals
        return scores

    def _candidates(self, prepared: Float64Matrix, squares: Float64Vector) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return every pair of a row and a training row that may be a neighbour of it, in the order of rows.

        Distances by products of rows are quick, and off by their rounding.
        """
        own_squares = (prepared**2).sum(axis=1, keepdims=True)
        distances = own_squares + squares - 2 * prepared @ self.rows.T
        last = np.partition(distances, self.count - 1, axis=1)[:, [self.count - 1]]
        row, place = np.nonzero(distances <= last * SAME**2 + 3 * ROUNDING * (own_squares + squares.max()))
        return row, place


def _uniform(distances: Float64Vector, _firsts: NDArray[np.intp]) -> Float64Vector:
    return np.ones(len(distances))


def _inverse(distances: Float64Vector, firsts: NDArray[np.intp]) -> Float64Vector:
    """Return the inverses of squared `distances`' roots; where a row has some of 0, 1 for these and 0 for others."""
    lengths = np.diff(np.append(firsts, len(distances)))
    same = distances == 0
    has_same = np.repeat(np.maximum.reduceat(same, firsts), lengths)
    return np.where(has_same, same, 1 / np.sqrt(np.maximum(distances, SMALLEST)))


CLOSENESS: Mapping[str, Callable[[Float64Vector, NDArray[np.intp]], Float64Vector]] = {
    "uniform": _uniform,
    "distance": _inverse,
}
"""From the squared distances of pairs, and where those of each row begin, to how much each pair counts."""


def _voting_nodes(weights: str) -> list[Any]:
    """Return the ONNX nodes from the prepared `row`, shape (width,), to the `share` of frauds among its neighbours."""
    from onnx import helper

    distances = [
        helper.make_node("Unsqueeze", ["row", "last_axis"], ["column"]),
        helper.make_node("Sub", ["training_rows", "column"], ["differences"]),
        helper.make_node("ReduceSumSquare", ["differences"], ["distances"], axes=[0], keepdims=0),
        helper.make_node("TopK", ["distances", "count"], ["nearest", "places"], axis=0, largest=0),
        helper.make_node("ReduceMax", ["nearest"], ["farthest"], axes=[0], keepdims=0),
        helper.make_node("Mul", ["farthest", "same"], ["limit"]),
        helper.make_node("LessOrEqual", ["distances", "limit"], ["near"]),
    ]
    closeness = [
        helper.make_node("Equal", ["distances", "zero"], ["same_row"]),
        helper.make_node("Cast", ["same_row"], ["of_same_rows"], to=DOUBLE),
        helper.make_node("ReduceMax", ["of_same_rows"], ["most_same"], axes=[0], keepdims=0),
        helper.make_node("Cast", ["most_same"], ["has_same"], to=BOOL),
        helper.make_node("Max", ["distances", "smallest"], ["positive_distances"]),
        helper.make_node("Sqrt", ["positive_distances"], ["lengths"]),
        helper.make_node("Reciprocal", ["lengths"], ["inverses"]),
        helper.make_node("Where", ["has_same", "of_same_rows", "inverses"], ["closeness"]),
        helper.make_node("Mul", ["closeness", "votes"], ["close_votes"]),
        helper.make_node("Mul", ["closeness", "fraud_votes"], ["close_fraud_votes"]),
    ]
    all_votes, all_fraud_votes = (
        ("close_votes", "close_fraud_votes") if weights == "distance" else ("votes", "fraud_votes")
    )
    share = [
        helper.make_node("Where", ["near", all_votes, "zero"], ["near_votes"]),
        helper.make_node("Where", ["near", all_fraud_votes, "zero"], ["near_fraud_votes"]),
        helper.make_node("ReduceSum", ["near_votes"], ["total"]),
        helper.make_node("ReduceSum", ["near_fraud_votes"], ["frauds"]),
        helper.make_node("Div", ["frauds", "total"], ["quotient"]),
        helper.make_node("Reshape", ["quotient", "last_axis"], ["share"]),
    ]
    return [*distances, *(closeness if weights == "distance" else ()), *share]


def fit(training: Sequence[Block], validation: Block, settings: FitSettings) -> Neighbours:
    """Return the model that holds all training rows; numbers are standardised by the real ones.

    Raises
    ------
    TableError
        If there are more rows than a graph can hold.
    """
    from threadpoolctl import threadpool_limits

    given = parameters_of(settings, KNNParameters)
    preparation = Preparation.of(training[:1], settings.categories, "standard")
    _check_number(sum(len(block.labels) for block in training), preparation.width)
    rows, labels = prepared_rows(preparation, training)
    votes = weights_of(labels, settings.fraud_weight)
    count = min(given.n_neighbors, len(rows))
    model = Neighbours(preparation, rows, votes, np.where(labels == 1, votes, 0.0), count, given.weights)
    with threadpool_limits(settings.threads):
        return told(model, training, validation, settings)


def _check_number(rows: int, width: int) -> None:
    """Warn of many training rows, refuse more than a graph can hold."""
    most = MOST_BYTES // (BYTES_PER_NUMBER * (width + OTHER_NUMBERS))
    if rows > most:
        raise TableError(
            f"The training part has {rows:,} rows of {width:,} prepared columns with algorithm=knn",
            expected=f"at most {most:,}: the model holds them all, and a graph ends at 2 GB",
            remedy="Set another algorithm, or train on fewer rows.",
        )
    if rows > MANY_ROWS:
        logger.warning("knn: each row is compared with all %d training rows: scoring takes long", rows)


FAMILY = Family(KNNParameters, fit)
