"""The trees of a LightGBM booster as one ONNX node.

Knows LightGBM's JSON dump. Never knows how a booster is fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fraud_detect.artifact.scorer import INPUT, RAW_OUTPUT
from fraud_detect.estimators.onnx_graph import DOUBLE, from_raw_score
from fraud_detect.estimators.tree_graph import AT_MOST, Growing, Nodes, in_float64

IN_SET, BETWEEN_CODES = "==", "||"
MISSING_IS_NAN = "NaN"
WIDE = "wide_features"


def to_onnx(dump: Mapping[str, Any], width: int) -> bytes:
    """Return the booster of `dump`, of binary log-odds over `width` columns, as a graph of ours."""
    from onnx import helper

    trees = [_nodes(tree) for tree in dump["tree_info"]]
    return from_raw_score(
        [helper.make_node("Cast", [INPUT], [WIDE], to=DOUBLE), in_float64(trees, WIDE, RAW_OUTPUT)], [], width
    )


def _nodes(tree: Mapping[str, Any]) -> Nodes:
    """Return a tree of LightGBM's dump."""
    growing = Growing(max(2 * tree["num_leaves"] - 1, 1))
    left, free = [(0, tree["tree_structure"])], 1
    while left:
        node, dumped = left.pop()
        if "split_index" not in dumped:
            growing.leaf(node, dumped["leaf_value"])
            continue
        children = free, free + 1
        free += 2
        left += zip(children, (dumped["left_child"], dumped["right_child"]), strict=True)
        feature, threshold = dumped["split_feature"], dumped["threshold"]
        if dumped["decision_type"] == IN_SET:  # a missing category is in no set
            codes = [int(code) for code in threshold.split(BETWEEN_CODES)]
            growing.members(node, feature, codes, children=children, missing_true=False)
        else:
            growing.branch(
                node, AT_MOST, feature, threshold, children=children, missing_true=_missing_goes_left(dumped)
            )
    return growing.nodes()


def _missing_goes_left(dumped: Mapping[str, Any]) -> bool:
    """Return where a missing number goes at a split: as a 0 does, where training had none missing in the column."""
    if dumped["missing_type"] == MISSING_IS_NAN:
        return bool(dumped["default_left"])
    return bool(dumped["threshold"] >= 0)
