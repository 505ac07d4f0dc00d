"""Turn a graph that gives log-odds into ours: one input `features`, one output `score`.

Knows ONNX. Never knows which family the graph came from.
"""

from __future__ import annotations

from typing import Any

from fraud_detect.artifact.scorer import OUTPUT

OPSET = 15  # of ai.onnx, for the sigmoid


def with_sigmoid(model: Any) -> bytes:
    """Return the serialised `model`, whose one output is log-odds, with `score`, float32, shape (n, 1), instead."""
    from onnx import TensorProto, checker, helper

    graph = model.graph
    (log_odds,) = graph.output
    graph.node.append(helper.make_node("Sigmoid", [log_odds.name], [OUTPUT], name="fraud_score"))
    if not any(opset.domain == "" for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid("", OPSET))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 1]))
    model.doc_string = model.producer_version = ""
    checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content
