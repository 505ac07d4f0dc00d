"""A graph that reaches outside its own bytes, or brings operators of its own, is refused before a runtime sees it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from factories import a_graph
from fraud_detect.artifact import graph as onnx_graph
from fraud_detect.artifact.graph import REFUSED, WITHIN, Message, check
from fraud_detect.artifact.scorer import INPUT, OUTPUT, open_session
from fraud_detect.errors import ArtifactError
from training_factories import DATA

GOLDEN = (DATA / "valid" / "artifact_v1" / "model.onnx").read_bytes()
SHAPE = [None, 2]
MESSAGES = {
    Message.MODEL: "ModelProto",
    Message.GRAPH: "GraphProto",
    Message.NODE: "NodeProto",
    Message.ATTRIBUTE: "AttributeProto",
    Message.TENSOR: "TensorProto",
    Message.SPARSE_TENSOR: "SparseTensorProto",
}


def a_tensor(location: str | None = None, name: str = "weights") -> TensorProto:
    """Return a matrix of ones, or one that lies in the file `location`."""
    tensor = helper.make_tensor(name, TensorProto.FLOAT, [2, 2], [1.0] * 4)
    if location is not None:
        tensor.ClearField("float_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
    return tensor


def a_model(*nodes: Any, weights: Sequence[Any] = (), sparse: Sequence[Any] = (), **fields: Any) -> bytes:
    """Return a model whose graph has `nodes`, by default one that multiplies with `weights`."""
    body = helper.make_graph(
        nodes or [helper.make_node("MatMul", [INPUT, "weights"], [OUTPUT])],
        "graph",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, SHAPE)],
        list(weights),
        sparse_initializer=list(sparse),
    )
    opsets = [helper.make_opsetid("", 15)]
    return bytes(helper.make_model(body, opset_imports=opsets, ir_version=8, **fields).SerializeToString())


def a_constant(tensor: Any) -> Any:
    return helper.make_node("Constant", [], [OUTPUT], value=tensor)


def a_branch(node: Any) -> Any:
    """Return an `If` with `node` in one of its branches."""
    graphs = [helper.make_graph([each], "branch", [], []) for each in (node, a_constant(a_tensor()))]
    return helper.make_node("If", ["condition"], [OUTPUT], then_branch=graphs[0], else_branch=graphs[1])


def a_sparse_tensor(location: str | None) -> Any:
    indices = helper.make_tensor("indices", TensorProto.INT64, [1], [0])
    return helper.make_sparse_tensor(a_tensor(location), indices, [4])


def a_function() -> Any:
    opsets = [helper.make_opsetid("", 15)]
    return helper.make_function("mine", "Mine", ["a"], ["b"], [helper.make_node("Neg", ["a"], ["b"])], opsets)


THERE = "../../etc/passwd"
FOREIGN = helper.make_node("Gelu", [INPUT], [OUTPUT], domain="com.microsoft")
HOSTILE = {
    "weights": (a_model(weights=[a_tensor(THERE)]), "weights in another file"),
    "weights beside it": (a_model(weights=[a_tensor("model.bin")]), "weights in another file"),
    "constant": (a_model(a_constant(a_tensor(THERE))), "weights in another file"),
    "branch": (a_model(a_branch(a_constant(a_tensor(THERE)))), "weights in another file"),
    "branch of a branch": (a_model(a_branch(a_branch(a_constant(a_tensor(THERE))))), "weights in another file"),
    "sparse weights": (a_model(sparse=[a_sparse_tensor(THERE)]), "weights in another file"),
    "list of tensors": (a_model(helper.make_node("X", [], [], list=[a_tensor(THERE)])), "weights in another file"),
    "domain": (a_model(FOREIGN), "an operator of the domain b'com.microsoft'"),
    "domain in a branch": (a_model(a_branch(FOREIGN)), "an operator of the domain b'com.microsoft'"),
    "function": (a_model(weights=[a_tensor()], functions=[a_function()]), "functions of its own"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_graph_that_does_more_than_compute_is_refused(name: str) -> None:
    model, got = HOSTILE[name]

    with pytest.raises(ArtifactError) as caught:
        check(model)

    assert caught.value.got == f"model.onnx holds {got}"


@pytest.mark.parametrize(
    "model", [GOLDEN, a_graph(3), a_model(weights=[a_tensor()]), a_model(a_branch(a_constant(a_tensor()))), b""]
)
def test_a_graph_that_only_computes_is_let_pass(model: bytes) -> None:
    check(model)


def test_a_file_that_a_graph_names_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runtime alone would take its content as weights."""
    np.ones(4, dtype=np.float32).tofile(tmp_path / "weights.bin")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ArtifactError, match="weights in another file"):
        open_session(a_model(weights=[a_tensor("weights.bin")]))


def test_a_graph_in_the_runtimes_own_format_is_refused(tmp_path: Path) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "model.ort")
    options.log_severity_level = 3
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(a_graph(2), options, providers=["CPUExecutionProvider"])

    with pytest.raises(ArtifactError):
        open_session((tmp_path / "model.ort").read_bytes())


def test_the_runtime_is_told_to_read_nothing_but_onnx() -> None:
    """Bytes can be made that are both a harmless message and the runtime's own format."""
    options = open_session(a_graph(2)).get_session_options()

    assert options.get_session_config_entry("session.load_model_format") == "ONNX"


@pytest.mark.parametrize("place", [1, 50, -50, -1])
def test_a_graph_that_was_cut_is_refused(place: int) -> None:
    with pytest.raises(ArtifactError, match="no ONNX graph, or a damaged one"):
        check(GOLDEN[:place])


@pytest.mark.parametrize(
    "content",
    [
        b"\x3b\x3c",  # a group, which protobuf gave up long ago
        b"\x3e",  # an encoding that there is none
        b"\x00\x00",  # field 0
        b"\xff" * 12,  # a number without end
        b"\x3a\x05\x0a",  # a graph that is longer than the file
        b"\x85\x80\x80\x80\x100000",  # field 2 ** 29
    ],
)
def test_bytes_that_are_no_message_are_refused(content: bytes) -> None:
    with pytest.raises(ArtifactError, match="no ONNX graph, or a damaged one"):
        check(content)


def test_branches_beyond_what_protobuf_reads_are_refused() -> None:
    content = b""
    for _ in range(40):
        for tag in (0x32, 0x2A, 0x0A):  # a graph in an attribute in a node
            content = bytes([tag]) + onnx_length(content) + content

    with pytest.raises(ArtifactError, match="no ONNX graph, or a damaged one"):
        check(b"\x3a" + onnx_length(content) + content)


def onnx_length(content: bytes) -> bytes:
    low, high = len(content) & 0x7F, len(content) >> 7
    return bytes([low | 0x80, high]) if high else bytes([low])


edits = st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=3)), max_size=4)


@settings(max_examples=1000)
@given(st.sampled_from(sorted(HOSTILE)), edits)
def test_what_is_let_pass_is_harmless_to_protobuf_too(name: str, changes: Sequence[tuple[int, bytes]]) -> None:
    """Else a graph could be spelt so that the two read it differently."""
    content, _ = HOSTILE[name]
    for place, change in changes:
        content = content[:place] + change + content[place + len(change) :]
    try:
        check(content)
        model = onnx.ModelProto.FromString(content)
    except (ArtifactError, DecodeError):
        return
    assert not reaches_out(model)


def reaches_out(message: Any) -> bool:
    """Return whether there is another file, an operator of another domain or a function anywhere in `message`."""
    if isinstance(message, onnx.NodeProto) and message.domain not in ("", "ai.onnx", "ai.onnx.ml"):
        return True
    names = {field.name for field, _ in message.ListFields()}
    return bool(names & {"external_data", "functions"}) or any(
        reaches_out(part)
        for field, value in message.ListFields()
        if field.message_type is not None
        for part in (value if field.is_repeated else [value])
    )


def test_every_hostile_graph_reaches_out() -> None:
    assert all(reaches_out(onnx.ModelProto.FromString(content)) for content, _ in HOSTILE.values())


@pytest.mark.parametrize("tag", [b"\x6a", b"\xea\x00", b"\xea\x80\x00"])
def test_another_spelling_of_a_field_is_seen_through(tag: bytes) -> None:
    """Protobuf takes numbers with zeros in front of them."""
    tensor = tag + b"\x00"
    body = b"\x2a" + onnx_length(tensor) + tensor

    with pytest.raises(ArtifactError, match="weights in another file"):
        check(b"\x3a" + onnx_length(body) + body)


def leads_to_tensors_or_nodes(kind: Descriptor, seen: frozenset[str] = frozenset()) -> bool:
    names = {MESSAGES[Message.TENSOR], MESSAGES[Message.NODE]}
    return kind.name in names or any(
        leads_to_tensors_or_nodes(field.message_type, seen | {kind.name})
        for field in messages_in(kind)
        if field.message_type.name not in seen
    )


def messages_in(kind: Descriptor) -> Iterator[FieldDescriptor]:
    return (field for field in kind.fields if field.message_type is not None)


@pytest.mark.parametrize("message", Message)
def test_every_field_of_onnx_that_leads_to_weights_or_operators_is_walked_or_refused(message: Message) -> None:
    kind = getattr(onnx, MESSAGES[message]).DESCRIPTOR
    leading = {field.number for field in messages_in(kind) if leads_to_tensors_or_nodes(field.message_type)}

    assert leading - REFUSED.get(message, {}).keys() == WITHIN[message].keys()


@pytest.mark.parametrize("message", Message)
def test_the_fields_are_the_messages_of_onnx_that_they_are_taken_for(message: Message) -> None:
    fields = getattr(onnx, MESSAGES[message]).DESCRIPTOR.fields_by_number

    assert {number: fields[number].message_type.name for number in WITHIN[message]} == {
        number: MESSAGES[within] for number, within in WITHIN[message].items()
    }


def test_the_other_fields_have_the_numbers_that_they_have_in_onnx() -> None:
    assert onnx.NodeProto.DESCRIPTOR.fields_by_name["domain"].number == onnx_graph.DOMAIN[1]
    assert onnx.TensorProto.DESCRIPTOR.fields_by_name["external_data"].number in REFUSED[Message.TENSOR]
    assert onnx.ModelProto.DESCRIPTOR.fields_by_name["functions"].number in REFUSED[Message.MODEL]
