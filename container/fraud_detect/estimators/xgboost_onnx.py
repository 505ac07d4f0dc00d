"""The trees of an XGBoost booster as one ONNX node.

onnxmltools could do it too, but for splits on sets of categories it takes time exponential in the size of the sets.

Knows XGBoost's JSON model and ONNX's TreeEnsembleRegressor. Never knows how a booster is fitted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np

from fraud_detect.artifact.scorer import INPUT
from fraud_detect.estimators.onnx_graph import with_sigmoid

IR_VERSION = 8
ML_DOMAIN, ML_OPSET = "ai.onnx.ml", 3
NO_CHILD = -1
NODE = (
    "nodes_treeids",
    "nodes_nodeids",
    "nodes_modes",
    "nodes_featureids",
    "nodes_values",
    "nodes_truenodeids",
    "nodes_falsenodeids",
    "nodes_missing_value_tracks_true",
)
TARGET = ("target_treeids", "target_nodeids", "target_ids", "target_weights")


def to_onnx(booster: Any, width: int) -> bytes:
    """Return the `booster`, of binary:logistic over `width` columns, as a graph from `features` to `score`."""
    from onnx import TensorProto, helper

    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    trees = _Trees()
    for tree in learner["gradient_booster"]["model"]["trees"]:
        trees.add(tree)
    (base,) = json.loads(learner["learner_model_param"]["base_score"])
    attributes: dict[str, Any] = {"n_targets": 1, "base_values": [float(np.log(base / (1 - base)))], **trees.attributes}
    node = helper.make_node("TreeEnsembleRegressor", [INPUT], ["log_odds"], domain=ML_DOMAIN, **attributes)
    features = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, width])
    log_odds = helper.make_tensor_value_info("log_odds", TensorProto.FLOAT, [None, 1])
    graph = helper.make_graph([node], "fraud_detect", [features], [log_odds])
    opsets = [helper.make_opsetid(ML_DOMAIN, ML_OPSET)]
    return with_sigmoid(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION))


class _Trees:
    """The attributes of a TreeEnsembleRegressor, tree by tree."""

    def __init__(self) -> None:
        self.attributes: dict[str, list[Any]] = {name: [] for name in (*NODE, *TARGET)}
        self._tree = -1

    def add(self, tree: Mapping[str, Any]) -> None:
        """Add a tree of XGBoost's JSON model."""
        self._tree += 1
        sets = _category_sets(tree)
        new_ids = count(len(tree["left_children"]))
        for node, (left, right) in enumerate(zip(tree["left_children"], tree["right_children"], strict=True)):
            feature, value = tree["split_indices"][node], tree["split_conditions"][node]
            to_left = bool(tree["default_left"][node])
            if left == NO_CHILD:
                self._leaf(node, value)
            elif node in sets:
                links = [node, *(next(new_ids) for _ in sets[node][1:])]
                self._members(links, feature, sets[node], inside=right, outside=left, missing_inside=not to_left)
            else:
                self._node(node, "BRANCH_LT", feature, value, children=(left, right), missing_to_first=to_left)

    def _members(
        self,
        links: Sequence[int],
        feature: int,
        members: Sequence[int],
        *,
        inside: int,
        outside: int,
        missing_inside: bool,
    ) -> None:
        """Add a chain of equalities, one for each of the `members` of a set of categories."""
        for member, link, following in zip(members, links, [*links[1:], outside], strict=True):
            children = (inside, following)
            self._node(link, "BRANCH_EQ", feature, member, children=children, missing_to_first=missing_inside)

    def _leaf(self, node: int, weight: float) -> None:
        self._node(node, "LEAF", 0, 0.0, children=(0, 0), missing_to_first=False)
        self._append(TARGET, (self._tree, node, 0, weight))

    def _node(
        self, node: int, mode: str, feature: int, value: float, *, children: tuple[int, int], missing_to_first: bool
    ) -> None:
        self._append(NODE, (self._tree, node, mode, feature, float(value), *children, int(missing_to_first)))

    def _append(self, names: Sequence[str], entries: Sequence[Any]) -> None:
        for name, entry in zip(names, entries, strict=True):
            self.attributes[name].append(entry)


def _category_sets(tree: Mapping[str, Any]) -> Mapping[int, Sequence[int]]:
    """Return the categories that go right at each node that splits on categories."""
    places = zip(tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True)
    return {node: tree["categories"][start : start + size] for node, start, size in places}
