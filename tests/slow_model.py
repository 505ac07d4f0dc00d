"""A model that takes as long as a row says."""

from __future__ import annotations

from pathlib import Path

from onnx import TensorProto, helper

from factories import an_artifact
from fraud_detect.artifact.manifest import MODEL
from fraud_detect.artifact.scorer import INPUT, OUTPUT


def an_artifact_that_takes_its_time(folder: Path) -> None:
    """Write a model into `folder` that counts to the first feature of the first row before it scores 0.5 for each."""
    an_artifact(folder, files={MODEL: a_counting_graph(2)})


def a_counting_graph(width: int) -> bytes:
    """Return an ONNX graph with a loop of as many turns as its first number says: some microseconds each."""
    turns = [
        helper.make_node("Gather", [INPUT, "zero"], ["column"], axis=1),
        helper.make_node("Gather", ["column", "zero"], ["first"], axis=0),
        helper.make_node("Cast", ["first"], ["turns"], to=TensorProto.INT64),
        helper.make_node("Loop", ["turns", "", "half"], ["counted"], body=_body()),
        helper.make_node("Mul", ["column", "nothing"], ["nothings"]),
        helper.make_node("Add", ["nothings", "counted"], [OUTPUT]),
    ]
    graph = helper.make_graph(
        turns,
        "counting",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None])],
        [
            helper.make_tensor("zero", TensorProto.INT64, [], [0]),
            helper.make_tensor("half", TensorProto.FLOAT, [], [0.5]),
            helper.make_tensor("nothing", TensorProto.FLOAT, [], [0.0]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _body() -> object:
    """Return a turn of the loop: it carries a number on as it is."""
    nodes = [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Neg", ["number"], ["less"])]
    nodes.append(helper.make_node("Neg", ["less"], ["kept"]))
    return helper.make_graph(
        nodes,
        "turn",
        [
            helper.make_tensor_value_info("turn_number", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("number", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("kept", TensorProto.FLOAT, []),
        ],
    )
