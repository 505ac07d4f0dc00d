"""A stream is cut into blocks of whole rows, whatever the size of the blocks and the pace of the pipe."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from fraud_detect.tables.pipes import blocks

cells = st.sampled_from(["a", "", '"x"', '"two\nlines"', '"say ""hi"""', '"\r\n"', "1.5", "ü"])
streams = st.builds(
    lambda rows, end, last: end.join(",".join(row) for row in rows) + (end if last else ""),
    st.lists(st.lists(cells, min_size=1, max_size=3), max_size=12),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)


class SlowStream(io.BytesIO):
    """A stream that hands out three bytes at a time, as a pipe hands out less than was asked for."""

    def read(self, size: int | None = -1, /) -> bytes:  # noqa: D102  as any stream's
        return super().read(3 if size is None or size < 0 else min(size, 3))


@given(streams, st.integers(1, 60))
def test_the_blocks_are_the_stream(text: str, size: int) -> None:
    content = text.encode()

    assert b"".join(blocks(io.BytesIO(content), size)) == content


@given(streams, st.integers(1, 60))
def test_a_block_never_ends_within_quotes_or_within_a_row(text: str, size: int) -> None:
    *whole, _ = [*blocks(io.BytesIO(text.encode()), size), b""]

    for block in whole[:-1]:
        assert block.endswith(b"\n")
        assert block.count(b'"') % 2 == 0


@given(streams, st.integers(1, 60))
def test_the_pace_of_the_pipe_does_not_matter(text: str, size: int) -> None:
    content = text.encode()

    assert list(blocks(SlowStream(content), size)) == list(blocks(io.BytesIO(content), size))


def test_blocks_are_about_as_large_as_asked_for() -> None:
    sizes = [len(block) for block in blocks(io.BytesIO(b"0,1\n" * 1_000), 100)]

    assert all(80 <= size <= 120 for size in sizes[:-1])


def test_a_row_longer_than_a_block_comes_whole() -> None:
    row = b'0,"' + b"x\n" * 50 + b'"\n'

    first, second, *_ = blocks(io.BytesIO(row + b"1,2\n" * 10), 10)

    assert first.startswith(row)
    assert set(second.split()) == {b"1,2"}


def test_an_empty_stream_has_no_blocks() -> None:
    assert list(blocks(io.BytesIO(b""))) == []
