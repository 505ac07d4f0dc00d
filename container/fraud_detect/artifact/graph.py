"""Refuse a graph that would do more than compute, from its bytes, before a runtime sees them.

ONNX Runtime opens the files that a graph names for its weights (1.22 any file, 1.31 those below the working
directory), runs operators of its maker's domain that the graph does not even import, and expands functions
that a graph brings along. Here the messages are walked as protocol buffers, whose encoding needs no library:
https://protobuf.dev/programming-guides/encoding/, with the field numbers of
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.

Knows the encoding of ONNX. Never knows what a graph computes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum, auto

from fraud_detect.artifact.manifest import MODEL
from fraud_detect.errors import ArtifactError

DOMAINS = frozenset({b"", b"ai.onnx", b"ai.onnx.ml"})
LONGEST_DOMAIN_SHOWN = 60
REMEDY = "Train again."


class Message(Enum):
    """The messages of ONNX that can hold a tensor or an operator."""

    MODEL = auto()
    GRAPH = auto()
    NODE = auto()
    ATTRIBUTE = auto()
    TENSOR = auto()
    SPARSE_TENSOR = auto()


WITHIN: Mapping[Message, Mapping[int, Message]] = {
    Message.MODEL: {7: Message.GRAPH},
    Message.GRAPH: {1: Message.NODE, 5: Message.TENSOR, 15: Message.SPARSE_TENSOR},
    Message.NODE: {5: Message.ATTRIBUTE},
    Message.ATTRIBUTE: {
        5: Message.TENSOR,
        6: Message.GRAPH,
        10: Message.TENSOR,
        11: Message.GRAPH,
        22: Message.SPARSE_TENSOR,
        23: Message.SPARSE_TENSOR,
    },
    Message.TENSOR: {},
    Message.SPARSE_TENSOR: {1: Message.TENSOR, 2: Message.TENSOR},
}
"""The fields that hold such messages, by number."""
REFUSED: Mapping[Message, Mapping[int, str]] = {
    Message.MODEL: {20: "steps of training", 25: "functions of its own"},
    Message.TENSOR: {13: "weights in another file"},
}
DEEPEST = 100
"""Messages within each other, as protobuf itself bounds them."""
FIELDS = 2**29
DOMAIN = (Message.NODE, 7)

VARINT, BYTES = 0, 2
FIXED: Mapping[int, int] = {1: 8, 5: 4}
"""Lengths in bytes of the other encodings of a field, by number."""
NUMBERS = re.compile(
    rb"(?:[\x08\x10\x18\x20\x28\x30\x38\x40\x48\x50\x58\x60\x68\x70\x78][\x80-\xff]{0,9}[\x00-\x7f]"
    rb"|[\x0d\x15\x1d\x25\x2d\x35\x3d\x45\x4d\x55\x5d\x65\x6d\x75\x7d].{4}"
    rb"|[\x09\x11\x19\x21\x29\x31\x39\x41\x49\x51\x59\x61\x69\x71\x79].{8}"
    rb"|\x4a(?:\x04LEAF|\x09BRANCH_LT|\x09BRANCH_EQ|\x0aBRANCH_LEQ))++",
    re.DOTALL,
)
"""A run of fields 1 to 15 that are numbers, or of field 9 that are modes of nodes, which no message here has within.

Trees are long lists of them, and Python would take them one by one.
"""


class _Malformed(ValueError):
    """The bytes are no protocol buffer."""


def check(graph: bytes, name: str = MODEL) -> None:
    """Raise `ArtifactError` unless `graph`, the file `name`, holds its weights, and only operators of ONNX itself."""
    try:
        fault = _fault(graph, Message.MODEL, 0, len(graph))
    except _Malformed as error:
        raise ArtifactError(
            f"{name} is no ONNX graph, or a damaged one", expected="a graph made by `train`", remedy=REMEDY
        ) from error
    if fault is not None:
        raise ArtifactError(
            f"{name} holds {fault}",
            expected="operators of the domains ai.onnx and ai.onnx.ml, with all weights within the file",
            remedy=REMEDY,
        )


def _fault(content: bytes, message: Message, place: int, end: int, depth: int = 1) -> str | None:
    """Return what is wrong with the `message` that lies from `place` to `end` of `content`."""
    if depth > DEEPEST:
        raise _Malformed("too many messages within each other")
    within, refused = WITHIN[message], REFUSED.get(message, {})
    for field, first, last in _fields(content, place, end):
        if field in refused:
            return refused[field]
        if (message, field) == DOMAIN and content[first:last] not in DOMAINS:
            return f"an operator of the domain {content[first : min(last, first + LONGEST_DOMAIN_SHOWN)]!r}"
        if field in within and (fault := _fault(content, within[field], first, last, depth + 1)):
            return fault
    return None


def _fields(content: bytes, place: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Give the fields from `place` to `end` that are bytes: number of the field, where they begin and end."""
    while place < end:
        if numbers := NUMBERS.match(content, place, end):
            place = numbers.end()
            continue
        tag, place = _varint(content, place, end)
        field, kind = tag >> 3, tag & 7
        first = place
        if kind in (VARINT, BYTES):
            size, first = _varint(content, place, end)
            place = first + size if kind == BYTES else first
        elif kind in FIXED:
            place += FIXED[kind]
        else:
            raise _Malformed(f"encoding {kind}")
        if place > end or not 0 < field < FIELDS:
            raise _Malformed(f"field {field} ends beyond its message")
        if kind == BYTES:
            yield field, first, place


def _varint(content: bytes, place: int, end: int) -> tuple[int, int]:
    """Return the number at `place` and where the next one begins."""
    number = shift = 0
    while place < end and shift < 70:
        byte = content[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return number, place
    raise _Malformed("a number that goes beyond its message")
