"""The model as files: a manifest, an ONNX graph, a booster. FORMAT.md is its specification.

Knows the schema, ONNX Runtime. Never knows any training library.
"""
