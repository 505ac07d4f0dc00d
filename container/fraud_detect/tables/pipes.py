"""Cut a CSV stream that can be read only once into blocks of whole rows.

Knows bytes. Never knows columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

BLOCK_BYTES = 64 << 20


def blocks(stream: BinaryIO, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Yield the stream in blocks of about `size` bytes, each ending where a row ends."""
    rest = b""
    while True:
        read = _fill(stream, size)
        content = rest + read
        end = len(content) if len(read) < size else _last_row_end(content)
        if end:
            yield content[:end]
        rest = content[end:]
        if len(read) < size:
            return


def _fill(stream: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, fewer only at the end of the stream: a pipe hands out less at a time."""
    parts, missing = [], size
    while missing > 0 and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _last_row_end(content: bytes) -> int:
    """Return the position after the last line end that is not inside quotes, 0 if there is none."""
    end = content.rfind(b"\n") + 1
    quotes = content.count(b'"', 0, end)
    while end and quotes % 2:
        earlier = content.rfind(b"\n", 0, end - 1) + 1
        quotes -= content.count(b'"', earlier, end)
        end = earlier
    return end
