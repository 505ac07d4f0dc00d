"""Read and write Thrift's compact protocol, in which Parquet writes its footer.

What is read is chosen by a `Spec`, the fields to keep; everything else is passed over. What is written is only what
was kept. The protocol: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.

Knows bytes. Never knows Parquet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT, UUID = range(1, 14)
_FIXED_WIDTHS: Mapping[int, int] = {BYTE: 1, DOUBLE: 8, UUID: 16}
_INTEGERS = frozenset((I16, I32, I64))
_LONG_SIZE = 15  # the nibble that says that a varint follows
DEEPEST = 32
LONGEST_VARINT = 10


@dataclass(frozen=True)
class Field:
    """One value with its wire type: an int, bytes (fixed widths too), a struct, or a list of structs or bytes."""

    type: int
    value: int | bytes | Struct | Sequence[Struct] | Sequence[bytes]


Struct = Mapping[int, Field]
"""Fields by their number."""
Spec = Mapping[int, "Spec"]
"""The numbers of the fields to keep, each with the spec of the struct or list of structs that it may hold."""


class ThriftError(ValueError):
    """The bytes are not a struct in the compact protocol, or nest or repeat beyond the limits."""


def read(content: bytes, spec: Spec, *, most_elements: int) -> Struct:
    """Return the fields in `spec` of the struct that `content` begins with.

    Raises
    ------
    ThriftError
        If it is cut off, is not Thrift, or its lists hold more than `most_elements` together.
    """
    try:
        return _Reader(content, most_elements).struct(spec, 0)
    except IndexError:
        raise ThriftError("cut off") from None


class _Reader:
    """A place in some bytes, and how many more elements of lists may follow."""

    def __init__(self, content: bytes, elements_left: int) -> None:
        self._content, self._at, self._elements_left = content, 0, elements_left

    def struct(self, spec: Spec, depth: int) -> Struct:
        if depth > DEEPEST:
            raise ThriftError("nested too deeply")
        fields: dict[int, Field] = {}
        number = 0
        while header := self._byte():
            number = number + (header >> 4) if header >> 4 else _signed(self._varint())
            wire_type = header & 15
            if number in spec:
                fields[number] = Field(wire_type, self._value(wire_type, spec[number], depth))
            else:
                self._value(wire_type, {}, depth)
        return fields

    def _value(self, wire_type: int, spec: Spec, depth: int) -> int | bytes | Struct | Sequence[Struct]:
        if wire_type in _INTEGERS:
            return _signed(self._varint())
        if wire_type == BINARY:
            return self._take(self._varint())
        if wire_type == STRUCT:
            return self.struct(spec, depth + 1)
        if wire_type in (LIST, SET):
            return self._list(spec, depth)
        if wire_type in (TRUE, FALSE):
            return b""  # the type is the value
        if wire_type == MAP:
            return self._map(depth)
        return self._take(_width(wire_type))

    def _list(self, spec: Spec, depth: int) -> Sequence[Struct]:
        """Return the structs of a list; other elements are passed over."""
        header = self._byte()
        size = header >> 4 if header >> 4 < _LONG_SIZE else self._varint()
        wire_type = header & 15
        self._count(size)
        if wire_type == STRUCT:
            return [self.struct(spec, depth + 1) for _ in range(size)]
        for _ in range(size):
            self._element(wire_type, depth)
        return []

    def _map(self, depth: int) -> Sequence[Struct]:
        """Pass over a map: no field of interest is one."""
        size = self._varint()
        self._count(2 * size)
        types = self._byte() if size else 0
        for _ in range(size):
            self._element(types >> 4, depth)
            self._element(types & 15, depth)
        return []

    def _element(self, wire_type: int, depth: int) -> None:
        if depth > DEEPEST:
            raise ThriftError("nested too deeply")
        if wire_type in (TRUE, FALSE):
            self._byte()  # takes a byte here, and none as a field
        else:
            self._value(wire_type, {}, depth + 1)

    def _count(self, size: int) -> None:
        self._elements_left -= size
        if self._elements_left < 0:
            raise ThriftError("too many elements")

    def _byte(self) -> int:
        byte = self._content[self._at]
        self._at += 1
        return byte

    def _take(self, size: int) -> bytes:
        taken = self._content[self._at : self._at + size]
        if len(taken) < size:
            raise ThriftError("cut off")
        self._at += size
        return taken

    def _varint(self) -> int:
        value = 0
        for place in range(LONGEST_VARINT):
            byte = self._byte()
            value |= (byte & 127) << (7 * place)
            if byte < 128:
                return value
        raise ThriftError("a number is too long")


def _width(wire_type: int) -> int:
    try:
        return _FIXED_WIDTHS[wire_type]
    except KeyError:
        raise ThriftError(f"no type {wire_type}") from None


def _signed(zigzag: int) -> int:
    return (zigzag >> 1) ^ -(zigzag & 1)


def write(struct: Struct) -> bytes:
    """Return `struct` in the compact protocol."""
    written = bytearray()
    last = 0
    for number in sorted(struct):
        field = struct[number]
        delta = number - last
        written += bytes([delta << 4 | field.type]) if 0 < delta < 16 else bytes([field.type]) + _varint(number)
        written += _written(field)
        last = number
    return bytes(written) + b"\0"


def _written(field: Field) -> bytes:
    value = field.value
    if isinstance(value, int):
        return _varint(value)
    if isinstance(value, bytes):
        return _size(len(value)) + value if field.type == BINARY else value
    if isinstance(value, Mapping):
        return write(value)
    return _list(value)


def _list(elements: Sequence[Struct] | Sequence[bytes]) -> bytes:
    wire_type = BINARY if elements and isinstance(elements[0], bytes) else STRUCT
    written = bytearray([_LONG_SIZE << 4 | wire_type]) + _size(len(elements))
    for element in elements:
        written += _size(len(element)) + element if isinstance(element, bytes) else write(element)
    return bytes(written)


def _varint(value: int) -> bytes:
    return _size(value << 1 if value >= 0 else ~(value << 1))


def _size(value: int) -> bytes:
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])
