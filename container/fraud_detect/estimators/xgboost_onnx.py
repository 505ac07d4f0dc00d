"""The trees of an XGBoost booster as one ONNX node.

onnxmltools could do it too, but for splits on sets of categories it takes time exponential in the size of the sets.

Knows XGBoost's JSON model. Never knows how a booster is fitted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fraud_detect.artifact.scorer import INPUT, RAW_OUTPUT
from fraud_detect.estimators.onnx_graph import from_raw_score
from fraud_detect.estimators.tree_graph import LESS, Growing, Nodes, in_float32

NO_CHILD = -1


def to_onnx(booster: Any, width: int) -> bytes:
    """Return the `booster`, of binary:logistic over `width` columns, as a graph of ours."""
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    trees = [_nodes(tree) for tree in learner["gradient_booster"]["model"]["trees"]]
    (base,) = json.loads(learner["learner_model_param"]["base_score"])
    return from_raw_score([in_float32(trees, INPUT, RAW_OUTPUT, base=float(np.log(base / (1 - base))))], [], width)


def _nodes(tree: Mapping[str, Any]) -> Nodes:
    """Return a tree of XGBoost's JSON model."""
    sets, growing = _category_sets(tree), Growing(len(tree["left_children"]))
    for node, (left, right) in enumerate(zip(tree["left_children"], tree["right_children"], strict=True)):
        feature, value = tree["split_indices"][node], tree["split_conditions"][node]
        missing_left = bool(tree["default_left"][node])
        if left == NO_CHILD:
            growing.leaf(node, value)
        elif node in sets:
            growing.members(node, feature, sets[node], children=(right, left), missing_true=not missing_left)
        else:
            growing.branch(node, LESS, feature, value, children=(left, right), missing_true=missing_left)
    return growing.nodes()


def _category_sets(tree: Mapping[str, Any]) -> Mapping[int, Sequence[int]]:
    """Return the categories that go right at each node that splits on categories."""
    places = zip(tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True)
    return {node: tree["categories"][start : start + size] for node, start, size in places}
