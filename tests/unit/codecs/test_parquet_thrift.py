"""Thrift's compact protocol: what is read of a struct, and written again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_detect.codecs.thrift import (
    BINARY,
    BYTE,
    DOUBLE,
    FALSE,
    I16,
    I32,
    I64,
    LIST,
    STRUCT,
    TRUE,
    Field,
    Spec,
    Struct,
    ThriftError,
    read,
    write,
)

numbers = st.integers(1, 2**15 - 1)
integers = st.builds(Field, st.sampled_from([I16, I32, I64]), st.integers(-(2**63), 2**63 - 1))
plain = st.one_of(
    integers,
    st.builds(Field, st.just(BINARY), st.binary(max_size=300)),
    st.builds(Field, st.just(BYTE), st.binary(min_size=1, max_size=1)),
    st.builds(Field, st.just(DOUBLE), st.binary(min_size=8, max_size=8)),
    st.builds(Field, st.sampled_from([TRUE, FALSE]), st.just(b"")),
)
structs: st.SearchStrategy[Struct] = st.recursive(
    st.dictionaries(numbers, plain, max_size=4),
    lambda inner: st.dictionaries(
        numbers,
        st.one_of(plain, st.builds(Field, st.just(STRUCT), inner), st.builds(Field, st.just(LIST), st.lists(inner))),
        max_size=4,
    ),
    max_leaves=12,
)


class Everything(dict[int, Spec]):
    """A spec of all fields, at any depth."""

    def __contains__(self, number: object) -> bool:
        return True

    def __missing__(self, number: int) -> Spec:
        return self


@given(struct=structs)
def test_what_was_written_is_read_again(struct: Struct) -> None:
    assert read(write(struct), Everything(), most_elements=1000) == struct


@given(struct=structs, wanted=st.sets(numbers, max_size=3))
def test_only_wanted_fields_are_kept(struct: Struct, wanted: set[int]) -> None:
    kept = read(write({**struct, 7: Field(I32, 5)}), {7: {}, **{number: {} for number in wanted}}, most_elements=1000)

    assert kept[7] == Field(I32, 5)
    assert set(kept) == {7} | (wanted & set(struct))


@given(struct=structs, end=st.integers(0, 200))
def test_a_struct_cut_off_is_refused(struct: Struct, end: int) -> None:
    content = write(struct)

    with pytest.raises(ThriftError):
        read(content[: min(end, len(content) - 1)], Everything(), most_elements=1000)


@given(content=st.binary(max_size=60))
def test_any_bytes_are_a_struct_or_refused(content: bytes) -> None:
    try:
        struct = read(content, Everything(), most_elements=1000)
    except ThriftError:
        return
    assert isinstance(struct, dict)


@given(count=st.integers(11, 100))
def test_lists_hold_no_more_elements_together_than_allowed(count: int) -> None:
    half = Field(LIST, [{}] * (count // 2))

    with pytest.raises(ThriftError, match="too many elements"):
        read(write({1: half, 2: Field(LIST, [{}] * (count - count // 2))}), {}, most_elements=10)
