"""Say where a CSV file goes wrong, once the fast reader has refused it.

The fast reader's own messages change with its version; this reads the file again, slowly, by the grammar that
the schema declares, and names the first row and column at fault.

Knows CSV text and layouts. Never knows DuckDB.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fraud_detect.errors import TableError
from fraud_detect.schema import UNFIT, is_text, parse_number
from fraud_detect.tables.files import Format, Source, unreadable
from fraud_detect.tables.layout import Layout, bad_quoting, not_utf8, ragged


@dataclass(frozen=True)
class Piece:
    """A stretch of a source that the fast reader takes at once: a whole file, or a block of a pipe."""

    source: Source
    path: Path
    has_header: bool
    first_row: int = 1


def diagnose(piece: Piece, layout: Layout, numbers: frozenset[str], reason: str) -> TableError:
    """Return the error that names the first fault in `piece`; `reason` is used when none is found.

    `numbers` are the names of the columns that must hold numbers.
    """
    try:
        for row, line, cells in _rows(piece):
            fault = _fault(piece, layout, numbers, row, line, cells)
            if fault is not None:
                return fault
    except TableError as fault:
        return fault
    except (EOFError, zlib.error, OSError) as error:
        return unreadable(piece.source, error)
    first_line = reason.splitlines()[0] if reason else "no reason given"
    return TableError(
        f"{piece.source} cannot be read ({first_line})",
        expected="CSV as RFC 4180 has it",
        remedy="Write the file with a CSV library.",
    )


def _rows(piece: Piece) -> Iterator[tuple[int, int, list[str]]]:
    """Yield each data row's number, line number and cells; bytes that are not UTF-8 come as lone surrogates."""
    opener = gzip.open if piece.source.format is Format.GZIP else open
    with opener(piece.path, "rb") as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        reader = csv.reader(text, strict=True)
        if piece.has_header:
            next(row for row in reader if row)
        number = piece.first_row
        try:
            for cells in reader:
                if cells:
                    yield number, reader.line_num, cells
                    number += 1
        except csv.Error as error:
            raise bad_quoting(str(piece.source), reader.line_num, error) from None
        if isinstance(text.newlines, tuple):
            raise _mixed_line_ends(str(piece.source), text.newlines)


def _fault(
    piece: Piece, layout: Layout, numbers: frozenset[str], row: int, line: int, cells: list[str]
) -> TableError | None:
    if len(cells) != len(layout.names):
        return ragged(f"{piece.source}, row {row}", len(cells), len(layout.names))
    for name, cell in zip(layout.names, cells, strict=True):
        if not cell.isascii() and any("\udc80" <= mark <= "\udcff" for mark in cell):
            return not_utf8(str(piece.source), line)
        if name in numbers and parse_number(cell) == UNFIT:
            return text_for_number(f"{piece.source}, row {row}", name, cell)
    return None


def _mixed_line_ends(where: str, found: tuple[str, ...]) -> TableError:
    return TableError(
        f"{where} mixes line ends ({' and '.join(map(repr, found))})",
        expected="one kind of line ends in a file",
        remedy="Convert the file (dos2unix, or write it again with a CSV library).",
    )


def text_for_number(where: str, column: str, cell: str) -> TableError:
    """Return the error for a cell of a number column that is text, infinite, or above float32."""
    if is_text(cell):
        return TableError(
            f"{where}, column '{column}': got {cell[:60]!r}",
            expected="a number, as in most rows, or nothing where it is missing",
            remedy=f"Correct the cell; or, if the column holds categories, add '{column}' to `category_columns`.",
        )
    return TableError(
        f"{where}, column '{column}': got {cell[:60]}",
        expected="a finite number within the range of float32 (3.4e38)",
        remedy="Correct the cell, or leave it empty if the value is unknown.",
    )
