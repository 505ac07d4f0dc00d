"""One class per kind of source, all of one shape: columns first, then frames.

Knows files, layouts and the engine. Never knows labels' meaning, categories.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from fraud_detect.errors import TableError
from fraud_detect.schema import ColumnKind
from fraud_detect.tables import engine
from fraud_detect.tables.diagnosis import Piece
from fraud_detect.tables.files import HEAD_BYTES, Format, Source
from fraud_detect.tables.layout import Layout, infer
from fraud_detect.tables.pipes import blocks
from fraud_detect.tables.request import Roles
from fraud_detect.tables.share import Head

if TYPE_CHECKING:
    import pandas as pd

GZIP_RATIO = 4  # rows are estimated, not counted; a wrong guess costs a copy
PIPE_ROWS = 100_000  # the length of a pipe is not known


class Reader(Protocol):
    """A source whose columns are known and whose rows can be read once.

    `kinds` are those of the columns by name, None for a type that cannot be a feature; texts count as categories.
    `expected_rows` is a guess.
    """

    source: Source
    names: tuple[str, ...]
    has_header: bool
    kinds: Mapping[str, ColumnKind | None]
    expected_rows: int

    def frames(self, roles: Roles, texts: frozenset[str]) -> Iterator[pd.DataFrame]:
        """Yield the rows in order, as `engine` describes them."""
        ...


class CsvFile:
    """A CSV file, plain or gzip-compressed."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._layout = infer(source)
        self.names, self.has_header = self._layout.names, self._layout.has_header
        self.kinds = _csv_kinds(self._layout)
        size = source.path.stat().st_size * (GZIP_RATIO if source.format is Format.GZIP else 1)
        self.expected_rows = int(size / self._layout.bytes_per_row * 1.05) + 1

    def frames(self, roles: Roles, texts: frozenset[str]) -> Iterator[pd.DataFrame]:
        """As `Reader.frames`."""
        piece = Piece(self.source, self.source.path, self.has_header)
        return engine.csv_frames(piece, self._layout, roles, texts)


class CsvPipe:
    """A named pipe of CSV, read once: its blocks go through a temporary file each."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._stream = source.path.open("rb")
        self._blocks = blocks(self._stream)
        self._first = next(self._blocks, b"")
        self._layout = infer(source, (self._first[:HEAD_BYTES], len(self._first) <= HEAD_BYTES))
        self.names, self.has_header = self._layout.names, self._layout.has_header
        self.kinds = _csv_kinds(self._layout)
        self.expected_rows = PIPE_ROWS

    def frames(self, roles: Roles, texts: frozenset[str]) -> Iterator[pd.DataFrame]:
        """As `Reader.frames`."""
        row, has_header, block = 1, self.has_header, self._first
        while block:
            with tempfile.NamedTemporaryFile(suffix=".csv") as file:
                file.write(block)
                file.flush()
                piece = Piece(self.source, Path(file.name), has_header, first_row=row)
                for frame in engine.csv_frames(piece, self._layout, roles, texts):
                    row += len(frame)
                    yield frame
            block, has_header = next(self._blocks, b""), False
        self._stream.close()


class ParquetFile:
    """A Parquet file."""

    has_header = True

    def __init__(self, source: Source) -> None:
        self.source = source
        columns = engine.parquet_columns(source)
        self.names, self.kinds, self.expected_rows = tuple(columns.kinds), columns.kinds, columns.rows

    def frames(self, roles: Roles, texts: frozenset[str]) -> Iterator[pd.DataFrame]:
        """As `Reader.frames`."""
        return engine.parquet_frames(self.source, self.kinds, roles, texts)


def _csv_kinds(layout: Layout) -> Mapping[str, ColumnKind | None]:
    return {name: ColumnKind.NUMBER if numeric else ColumnKind.CATEGORY for name, numeric in layout.numeric.items()}


_READERS: Mapping[Format, Callable[[Source], Reader]] = {
    Format.CSV: CsvFile,
    Format.GZIP: CsvFile,
    Format.PIPE: CsvPipe,
    Format.PARQUET: ParquetFile,
}


def open_reader(source: Source) -> Reader:
    """Return a reader of `source`. Raises `TableError` if its first rows cannot be understood."""
    return _READERS[source.format](source)


def check_same_columns(first: Head, other: Head) -> None:
    """Raise `TableError` unless two sources of a channel have the same columns, in whatever order."""
    if first.has_header is not other.has_header:
        got = "a header" if other.has_header else "no header"
        raise TableError(
            f"{other.source} has {got}",
            expected=f"{'one' if first.has_header else 'none'}, as {first.source} has",
            remedy="Write all files of a channel in the same way.",
        )
    differing = sorted(set(first.names) ^ set(other.names))
    if differing:
        shown = ", ".join(f"'{name}'" for name in differing[:8])
        raise TableError(
            f"{other.source} and {first.source} differ in the columns {shown}",
            expected="the same columns in every file of a channel",
            remedy="Write all files with the same columns, in any order.",
        )
