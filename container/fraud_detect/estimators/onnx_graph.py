"""Turn a converter's graph into ours: one input `features`, one output `score`.

Knows ONNX. Never knows which family the graph came from.
"""

from __future__ import annotations

from typing import Any

INPUT, OUTPUT = "features", "score"
OPSET = 15  # of ai.onnx, for the node that picks the column


def as_score_graph(model: Any, *, probabilities: str) -> bytes:
    """Return the serialised `model` with `score`, float32, shape (n, 1), as its only output.

    `probabilities` is the output of `model` with one column per class, legitimate first.
    """
    from onnx import TensorProto, checker, helper

    graph = model.graph
    column = helper.make_tensor("fraud_column", TensorProto.INT64, [1], [1])
    graph.initializer.append(column)
    graph.node.append(helper.make_node("Gather", [probabilities, "fraud_column"], [OUTPUT], axis=1, name="fraud_score"))
    if not any(opset.domain == "" for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid("", OPSET))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 1]))
    model.doc_string = model.producer_version = ""
    checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content
