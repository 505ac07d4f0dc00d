"""The footer of a Parquet file: what it says, and the same said anew about the columns of interest alone.

A reader sizes its memory by the counts in the footer before it has seen what they count: 44 bytes can make it ask for
20 GB. So the footer that a client sent never reaches the engine. It is read here, within limits, and another one is
written, which holds the wanted columns under plain names, and no statistics, no paths and no metadata of others.

The format: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift.

Knows Parquet's metadata. Never knows pages, values, the schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from fraud_detect.codecs import thrift
from fraud_detect.codecs.thrift import BINARY, I32, I64, LIST, STRUCT, Field, Spec, Struct, ThriftError
from fraud_detect.errors import BadRequest, PayloadTooLarge

MAGIC, ENCRYPTED_MAGIC = b"PAR1", b"PARE"
LENGTH_BYTES = 4
FRAME_BYTES = LENGTH_BYTES + len(MAGIC)
MOST_FOOTER_BYTES = 4 * 2**20
MOST_ELEMENTS = 200_000
"""Of all lists of a footer: columns, the chunks of each row group, their encodings and statistics."""
REMEDY = "Write the file with a Parquet library, and send all of it."

# Numbers of fields in parquet.thrift.
TYPE, NAME, CHILDREN = 1, 4, 5
ELEMENTS, ROW_COUNT, GROUPS, CREATED_BY, ENCRYPTION = 2, 3, 4, 6, 8
CHUNKS, GROUP_BYTES, GROUP_ROWS = 1, 2, 3
CHUNK_OFFSET, CHUNK_METADATA = 2, 3
ENCODINGS, PATH = 2, 3

_VALUE: Spec = {}
_UNIT: Spec = dict.fromkeys((1, 2, 3), _VALUE)
_TYPE_PARAMETERS: Spec = {1: _VALUE, 2: _UNIT, 3: _VALUE}
_LOGICAL_TYPE: Spec = dict.fromkeys(range(1, 20), _TYPE_PARAMETERS)
_ELEMENT: Spec = {**dict.fromkeys(range(1, 10), _VALUE), 10: _LOGICAL_TYPE}
_METADATA: Spec = dict.fromkeys((1, 4, 5, 6, 7, 9, 10, 11), _VALUE)
_CHUNK: Spec = {CHUNK_OFFSET: _VALUE, CHUNK_METADATA: _METADATA}
_GROUP: Spec = {CHUNKS: _CHUNK, GROUP_BYTES: _VALUE, GROUP_ROWS: _VALUE}
_FILE: Spec = {ELEMENTS: _ELEMENT, GROUPS: _GROUP, CREATED_BY: _VALUE, ENCRYPTION: _VALUE}


@dataclass(frozen=True)
class Leaf:
    """A column without others inside; `place` is that of its chunk in each row group."""

    element: Struct
    place: int


@dataclass(frozen=True)
class Footer:
    """The columns of a file in their order, None for those with others inside, and its row groups.

    `start` is the offset of the footer: before it lies the data.
    """

    names: tuple[str, ...]
    leaves: tuple[Leaf | None, ...]
    groups: Sequence[Struct]
    created_by: Field
    start: int

    @property
    def rows(self) -> int:
        """Number of rows, as the footer has it."""
        return sum(_integer(group, GROUP_ROWS) for group in self.groups)

    def only(self, leaves: Sequence[Leaf]) -> bytes:
        """Return what to put in the place of this footer for a file of `leaves`, called c0, c1, ... in that order.

        Raises
        ------
        BadRequest
            If a row group lacks one of them, or holds it encrypted.
        """
        names = [f"c{place}".encode() for place in range(len(leaves))]
        root = {NAME: Field(BINARY, b"root"), CHILDREN: Field(I32, len(leaves))}
        elements = [{**leaf.element, NAME: Field(BINARY, name)} for leaf, name in zip(leaves, names, strict=True)]
        document = {
            1: Field(I32, 1),
            ELEMENTS: _list([root, *elements]),
            ROW_COUNT: Field(I64, self.rows),
            GROUPS: _list([_group_of(group, leaves, names) for group in self.groups]),
            CREATED_BY: self.created_by,
        }
        content = thrift.write(document)
        return content + len(content).to_bytes(LENGTH_BYTES, "little") + MAGIC


def read_footer(body: bytes) -> Footer:
    """Return what the footer of `body` says.

    Raises
    ------
    BadRequest
        If the body is not Parquet, encrypted, cut off or damaged.
    PayloadTooLarge
        If the footer is larger than any table that fits a request needs.
    """
    _check_magic(body)
    length = int.from_bytes(body[-FRAME_BYTES : -len(MAGIC)], "little")
    start = len(body) - FRAME_BYTES - length
    if start < len(MAGIC):
        raise damaged("its footer is longer than the body")
    if length > MOST_FOOTER_BYTES:
        raise PayloadTooLarge(
            f"The Parquet footer takes {length} bytes",
            expected=f"at most {MOST_FOOTER_BYTES}",
            remedy="Write fewer and larger row groups, without statistics.",
        )
    try:
        document = thrift.read(body[start:-FRAME_BYTES], _FILE, most_elements=MOST_ELEMENTS)
    except ThriftError as error:
        raise damaged(f"its footer cannot be read: {error}") from None
    if ENCRYPTION in document:
        raise _encrypted()
    names, leaves = _columns(_structs(document, ELEMENTS))
    created_by = Field(BINARY, _bytes(document, CREATED_BY) if CREATED_BY in document else b"")
    return Footer(names, leaves, _structs(document, GROUPS), created_by, start)


def _check_magic(body: bytes) -> None:
    if ENCRYPTED_MAGIC in (body[: len(MAGIC)], body[-len(MAGIC) :]):
        raise _encrypted()
    if len(body) < len(MAGIC) + FRAME_BYTES or not (body.startswith(MAGIC) and body.endswith(MAGIC)):
        raise BadRequest(
            "The body does not begin and end as Parquet does", expected="a complete Parquet file", remedy=REMEDY
        )


def _columns(elements: Sequence[Struct]) -> tuple[tuple[str, ...], tuple[Leaf | None, ...]]:
    """Return the names of the outermost columns, and each as a leaf, or None where others are inside."""
    names: list[str] = []
    leaves: list[Leaf | None] = []
    at, place = 1, 0
    for _ in range(_integer(elements[0], CHILDREN) if elements else 0):
        end, inside = _subtree(elements, at)
        is_leaf = end == at + 1 and TYPE in elements[at]
        names.append(_text(elements[at]))
        leaves.append(Leaf(elements[at], place) if is_leaf else None)
        at, place = end, place + inside
    if at != len(elements):
        raise damaged("its columns do not add up")
    return tuple(names), tuple(leaves)


def _subtree(elements: Sequence[Struct], start: int) -> tuple[int, int]:
    """Return where the elements at and below the one at `start` end, and how many chunks they have in a row group."""
    at, open_elements, chunks = start, 1, 0
    while open_elements:
        if at >= len(elements):
            raise damaged("its columns do not add up")
        children = _integer(elements[at], CHILDREN) if CHILDREN in elements[at] else 0
        chunks += TYPE in elements[at] and children == 0
        open_elements += children - 1
        at += 1
    return at, chunks


def _group_of(group: Struct, leaves: Sequence[Leaf], names: Sequence[bytes]) -> Struct:
    """Return a row group with the chunks of `leaves` alone."""
    chunks = _structs(group, CHUNKS)
    if any(leaf.place >= len(chunks) for leaf in leaves):
        raise damaged("a row group lacks columns")
    kept = [_chunk(chunks[leaf.place], name) for leaf, name in zip(leaves, names, strict=True)]
    return {**group, CHUNKS: _list(kept)}


def _chunk(chunk: Struct, name: bytes) -> Struct:
    """Return a chunk under a new name. One that is encrypted has no metadata that was kept."""
    metadata = chunk.get(CHUNK_METADATA)
    if metadata is None or not isinstance(metadata.value, Mapping):
        raise damaged("a row group does not describe its columns")
    return {**chunk, CHUNK_METADATA: Field(STRUCT, {**metadata.value, ENCODINGS: _list([]), PATH: _list([name])})}


def _list(elements: Sequence[Struct] | Sequence[bytes]) -> Field:
    return Field(LIST, elements)


def _structs(struct: Struct, number: int) -> Sequence[Struct]:
    field = struct.get(number)
    if field is None or field.type != LIST:
        raise damaged("its footer is incomplete")
    return cast("Sequence[Struct]", field.value)


def _integer(struct: Struct, number: int) -> int:
    """Return a count."""
    field = struct.get(number)
    if field is None or not isinstance(field.value, int) or field.value < 0:
        raise damaged("its footer lacks a count")
    return field.value


def _bytes(struct: Struct, number: int) -> bytes:
    field = struct.get(number)
    if field is None or not isinstance(field.value, bytes):
        raise damaged("its footer lacks a name")
    return field.value


def _text(element: Struct) -> str:
    try:
        return _bytes(element, NAME).decode()
    except UnicodeDecodeError:
        raise damaged("the name of a column is not UTF-8") from None


def damaged(how: str) -> BadRequest:
    """Return the error for a body that begins and ends as Parquet does, and is something else in between."""
    return BadRequest(f"The body is damaged Parquet ({how})", expected="a complete Parquet file", remedy=REMEDY)


def _encrypted() -> BadRequest:
    return BadRequest(
        "The body is encrypted Parquet", expected="Parquet as it is", remedy="Send the file without encryption."
    )
