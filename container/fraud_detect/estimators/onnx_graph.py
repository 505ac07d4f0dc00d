"""Put nodes together as graphs of ours: one input `features`, outputs `score` and `raw_score`, or `contributions`.

Knows ONNX. Never knows which family the nodes came from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.explanation import CONTRIBUTIONS
from fraud_detect.artifact.scorer import INPUT, OUTPUT, RAW_OUTPUT

ML_DOMAIN = "ai.onnx.ml"
OPSETS = {"": 15, ML_DOMAIN: 3}
IR_VERSION = 8
FLOAT, BOOL, DOUBLE = 1, 9, 11  # TensorProto's
MOST_BYTES = 2**31 - 2**20
"""What a graph may hold: protobuf ends at 2 GiB, and the nodes need some of it."""

LOG_ODDS = "log_odds"
PROBABILITY = "probability"
OF_FEATURES = "of_features"


def from_raw_score(nodes: Sequence[Any], constants: Sequence[Any], width: int) -> bytes:
    """Return the graph of `nodes`, which make `RAW_OUTPUT`, float32, shape (n, 1), of `width` features."""
    from onnx import helper

    last = helper.make_node("Sigmoid", [RAW_OUTPUT], [OUTPUT], name="fraud_score")
    return _graph([*nodes, last], constants, width, [_output(name, FLOAT, 1) for name in (OUTPUT, RAW_OUTPUT)])


def from_score(nodes: Sequence[Any], constants: Sequence[Any], width: int) -> bytes:
    """Return the graph of `nodes`, which make `OUTPUT`, float32, shape (n, 1), of `width` features."""
    return _graph(nodes, constants, width, [_output(OUTPUT, FLOAT, 1)])


def from_log_odds(nodes: Sequence[Any], constants: Sequence[Any], width: int) -> bytes:
    """Return the graph of `nodes`, which make `LOG_ODDS`, float64, shape (n, 1), of `width` features."""
    from onnx import helper

    last = [
        helper.make_node("Sigmoid", [LOG_ODDS], [PROBABILITY]),
        helper.make_node("Cast", [PROBABILITY], [OUTPUT], to=FLOAT),
        helper.make_node("Cast", [LOG_ODDS], [RAW_OUTPUT], to=FLOAT),
    ]
    outputs = [_output(name, FLOAT, 1) for name in (OUTPUT, RAW_OUTPUT)]
    return _graph([*nodes, *last], constants, width, outputs)


def from_probability(nodes: Sequence[Any], constants: Sequence[Any], width: int) -> bytes:
    """Return the graph of `nodes`, which make `PROBABILITY`, float64, shape (n, 1), of `width` features."""
    from onnx import helper

    last = helper.make_node("Cast", [PROBABILITY], [OUTPUT], to=FLOAT)
    return _graph([*nodes, last], constants, width, [_output(OUTPUT, FLOAT, 1)])


def explanation(nodes: Sequence[Any], constants: Sequence[Any], *, width: int, base: float) -> bytes:
    """Return the graph of `nodes`, which make `OF_FEATURES`, float64, shape (n, width), and of one `base` value.

    Its output is `CONTRIBUTIONS`, float64, shape (n, width + 1).
    """
    from onnx import helper

    last = [
        helper.make_node("Shape", [INPUT], ["rows"], start=0, end=1),
        helper.make_node("Concat", ["rows", "one"], ["base_shape"], axis=0),
        helper.make_node("Expand", ["base", "base_shape"], ["bases"]),
        helper.make_node("Concat", [OF_FEATURES, "bases"], [CONTRIBUTIONS], axis=1),
    ]
    own = tensors({"one": np.array([1]), "base": np.array([[base]])})
    return _graph([*nodes, *last], [*constants, *own], width, [_output(CONTRIBUTIONS, DOUBLE, width + 1)])


def tensors(constants: Mapping[str, NDArray[Any]]) -> list[Any]:
    """Return `constants`, arrays by the name that nodes take them by, as ONNX has them."""
    from onnx import numpy_helper

    return [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()]


def _graph(nodes: Sequence[Any], constants: Sequence[Any], width: int, outputs: Sequence[Any]) -> bytes:
    from onnx import helper

    features = helper.make_tensor_value_info(INPUT, FLOAT, [None, width])
    graph = helper.make_graph(nodes, "fraud_detect", [features], outputs, constants)
    domains = sorted({"", *(node.domain for node in nodes)})
    opsets = [helper.make_opsetid(domain, OPSETS[domain]) for domain in domains]
    return _checked(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION))


def _output(name: str, kind: int, width: int) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(name, kind, [None, width])


def _checked(model: Any) -> bytes:
    """Return the bytes of `model`, without what tells of the library that made it."""
    from onnx import checker

    model.doc_string = model.producer_version = ""
    checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content
