"""What tests make: small things with good defaults, changed by keyword."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onnx import TensorProto, helper

from fraud_detect.artifact import bundle
from fraud_detect.artifact.manifest import MODEL, Manifest
from fraud_detect.artifact.scorer import INPUT, OUTPUT
from fraud_detect.schema import Column, ColumnKind, Schema


def a_number(name: str, **overrides: Any) -> Column:
    return Column(name=name, kind=ColumnKind.NUMBER, **overrides)


def a_flag(name: str, **overrides: Any) -> Column:
    return Column(name=name, kind=ColumnKind.FLAG, **overrides)


def a_category(name: str, categories: Sequence[str] = ("food", "fuel"), **overrides: Any) -> Column:
    return Column(name=name, kind=ColumnKind.CATEGORY, categories=tuple(categories), **overrides)


def a_schema(*columns: Column, label: str | None = "is_fraud", ignored: Sequence[str] = ()) -> Schema:
    """Return a schema of `columns`: two numbers, `amount` and `hour`, where none are given."""
    chosen = columns or (a_number("amount"), a_number("hour"))
    return Schema(columns=chosen, label=label, ignored=tuple(ignored))


def a_graph(width: int) -> bytes:
    """Return an ONNX graph that scores a row with the sigmoid of its first feature, -2 where that is missing."""
    names = ["first", "missing", "stand_in", "present"]
    nodes = [
        helper.make_node("Gather", [INPUT, "zero"], [names[0]], axis=1),
        helper.make_node("IsNaN", [names[0]], [names[1]]),
        helper.make_node("Where", [names[1], names[2], names[0]], [names[3]]),
        helper.make_node("Sigmoid", [names[3]], [OUTPUT]),
    ]
    graph = helper.make_graph(
        nodes,
        "first_feature",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None])],
        [
            helper.make_tensor("zero", TensorProto.INT64, [], [0]),
            helper.make_tensor(names[2], TensorProto.FLOAT, [], [-2.0]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def an_artifact(
    folder: Path, *, schema: Schema | None = None, files: Mapping[str, bytes] | None = None, **overrides: Any
) -> Manifest:
    """Write a small model into `folder` and return its manifest.

    It scores a row with the sigmoid of its first feature: 0.5 for 0, above it for positive numbers. `files` come
    beside the graph; `overrides` are fields of the manifest, such as `calibration`, `threshold` and `labels`.
    """
    schema = schema or a_schema()
    manifest = {
        "libraries": {},
        "algorithm": "xgboost",
        "schema": schema.model_dump(mode="json"),
        "labels": {},
        "calibration": {"method": "none"},
        "threshold": {"value": 0.5, "policy": "f1"},
        "hyperparameters": {},
        "metrics": {},
        "training_data": {"rows": 100, "frauds": 10, "sha256": "0" * 64},
    }
    return bundle.write(folder, {**manifest, **overrides}, {MODEL: a_graph(schema.width), **(files or {})})
