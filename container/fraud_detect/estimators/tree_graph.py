"""Trees as one ONNX node, whichever library grew them.

Knows ONNX's TreeEnsembleRegressor. Never knows a library of trees, what the sum of the leaves stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.estimators.onnx_graph import ML_DOMAIN

LESS, AT_MOST, EQUAL, LEAF = "BRANCH_LT", "BRANCH_LEQ", "BRANCH_EQ", "LEAF"
"""How a node tells rows apart: below its value, up to it, equal to it, not at all."""


@dataclass(frozen=True)
class Nodes:
    """The nodes of one tree, arrays of shape (nodes,): a node's number is its place, and the first one is the root.

    `modes`: of those above. `features`: columns. `values`: what the column is compared with, of a leaf its weight.
    `true`, `false`: numbers of the children. `missing_true`: whether a missing value goes on to the true child.
    """

    modes: NDArray[np.str_]
    features: NDArray[np.int64]
    values: NDArray[np.float64]
    true: NDArray[np.int64]
    false: NDArray[np.int64]
    missing_true: NDArray[np.bool_]


class Growing:
    """A tree that is put together node by node, from one that has sets of categories."""

    def __init__(self, count: int) -> None:
        self._nodes: list[tuple[str, int, float, int, int, bool]] = [_NOTHING] * count

    def leaf(self, node: int, weight: float) -> None:
        """Put a leaf at `node`."""
        self._nodes[node] = (LEAF, 0, weight, 0, 0, False)

    def branch(
        self, node: int, mode: str, feature: int, value: float, *, children: tuple[int, int], missing_true: bool
    ) -> None:
        """Put a branch at `node` to the true and the false one of its `children`."""
        self._nodes[node] = (mode, feature, value, *children, missing_true)

    def members(
        self, node: int, feature: int, members: Sequence[int], *, children: tuple[int, int], missing_true: bool
    ) -> None:
        """Put a chain of equalities at `node`, one for each of the `members` of a set of categories."""
        inside, outside = children
        links = [node, *range(len(self._nodes), len(self._nodes) + len(members) - 1)]
        self._nodes += [_NOTHING] * (len(links) - 1)
        for member, link, following in zip(members, links, [*links[1:], outside], strict=True):
            self.branch(link, EQUAL, feature, member, children=(inside, following), missing_true=missing_true)

    def nodes(self) -> Nodes:
        """Return the tree."""
        modes, features, values, true, false, missing_true = map(np.array, zip(*self._nodes, strict=True))
        return Nodes(modes, features, values.astype(np.float64), true, false, missing_true)


_NOTHING = (LEAF, 0, 0.0, 0, 0, False)


def in_float32(trees: Sequence[Nodes], given: str, result: str, base: float = 0.0) -> Any:
    """Return a node from `given`, float32, shape (n, width), to `result`, float32, shape (n, 1).

    It is `base` and the weights of a row's leaves, summed in float32; thresholds are rounded to it.
    """
    values, weights = _numbers(trees)
    node = _node(trees, given, result)
    _add(node, "nodes_values", "floats", values.tolist())
    _add(node, "target_weights", "floats", weights.tolist())
    _add(node, "base_values", "floats", [base])
    return node


def in_float64(trees: Sequence[Nodes], given: str, result: str) -> Any:
    """Return a node from `given`, float64, shape (n, width), to `result`, float32, shape (n, 1).

    It is the sum of the weights of a row's leaves; thresholds and the sum are float64, as the libraries have them.
    """
    from onnx import numpy_helper

    node = _node(trees, given, result)
    for name, numbers in zip(("nodes_values_as_tensor", "target_weights_as_tensor"), _numbers(trees), strict=True):
        _add(node, name, "t", numpy_helper.from_array(numbers, name))
    return node


def _numbers(trees: Sequence[Nodes]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what the nodes compare with, 0 for leaves, and the weights of the leaves."""
    values = np.concatenate([tree.values for tree in trees])
    leaves = _leaves(trees)
    return np.where(leaves, 0, values), values[leaves]


def _leaves(trees: Sequence[Nodes]) -> NDArray[np.bool_]:
    leaves: NDArray[np.bool_] = np.concatenate([tree.modes for tree in trees]) == LEAF
    return leaves


def _node(trees: Sequence[Nodes], given: str, result: str) -> Any:
    """Return the node without its values and weights. Whole lists at once: a forest has a million nodes."""
    from onnx import NodeProto

    sizes = [len(tree.modes) for tree in trees]
    numbers, ids = np.repeat(np.arange(len(trees)), sizes), np.concatenate([*map(np.arange, sizes)])
    leaves = _leaves(trees)
    node = NodeProto(op_type="TreeEnsembleRegressor", domain=ML_DOMAIN, input=[given], output=[result])
    _add(node, "n_targets", "i", 1)
    _add(node, "nodes_treeids", "ints", numbers.tolist())
    _add(node, "nodes_nodeids", "ints", ids.tolist())
    _add(node, "nodes_modes", "strings", [mode.encode() for tree in trees for mode in tree.modes.tolist()])
    for name, attribute in _ATTRIBUTES.items():
        _add(node, attribute, "ints", np.concatenate([getattr(tree, name) for tree in trees]).astype(int).tolist())
    _add(node, "target_treeids", "ints", numbers[leaves].tolist())
    _add(node, "target_nodeids", "ints", ids[leaves].tolist())
    _add(node, "target_ids", "ints", [0] * int(leaves.sum()))
    return node


_ATTRIBUTES = {
    "features": "nodes_featureids",
    "true": "nodes_truenodeids",
    "false": "nodes_falsenodeids",
    "missing_true": "nodes_missing_value_tracks_true",
}


def _add(node: Any, name: str, kind: str, value: Any) -> None:
    """Add an attribute of one of protobuf's kinds: i, t, ints, floats, strings."""
    from onnx import AttributeProto

    attribute = node.attribute.add(name=name, type=getattr(AttributeProto, _TYPES[kind]))
    match kind:
        case "i":
            attribute.i = value
        case "t":
            attribute.t.CopyFrom(value)
        case _:
            getattr(attribute, kind).extend(value)


_TYPES = {"i": "INT", "t": "TENSOR", "ints": "INTS", "floats": "FLOATS", "strings": "STRINGS"}
