"""A CSV as people have it: how it is written, its columns against the model's, its rows one at a time.

No row is held that is longer than `LONGEST_ROW`, whatever the file is.

Knows CSV and the schema. Never knows where files lie, endpoints, Flask.
"""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self, TextIO

from fraud_detect.errors import BadRequest, UserError
from fraud_detect.schema import Schema, is_text

LONGEST_ROW = 1 << 20
"""In characters, the line ends within quotes included."""
SEPARATORS = (",", ";", "\t")
MARK = b"\xef\xbb\xbf"
ENCODING = "utf-8"
FIRST_BYTES = 8
OTHER_KINDS: Mapping[bytes, str] = {
    b"PK\x03\x04": "an Excel workbook or a zip file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "compressed with gzip",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}
NAMES_SHOWN, LONGEST_NAME_SHOWN = 8, 60


class FileError(UserError):
    """An uploaded file cannot be scored."""


@dataclass(frozen=True)
class Form:
    """How a file is written: its separator, whether a byte order mark begins it, and its columns' names in order."""

    separator: str
    has_mark: bool
    names: tuple[str, ...]

    def places(self, schema: Schema) -> Sequence[int]:
        """Return where in a row each feature of `schema` stands.

        Raises
        ------
        FileError
            If a feature is absent or stands twice.
        """
        counted = Counter(self.names)
        absent = [name for name in schema.names if name not in counted]
        if absent:
            raise self._without(absent, schema)
        twice = [name for name in schema.names if counted[name] > 1]
        if twice:
            raise FileError(
                f"The file has columns twice: {listed(twice)}",
                expected="each of the model's columns once",
                remedy="Remove one of them.",
            )
        where = {name: place for place, name in reversed(list(enumerate(self.names)))}
        return [where[name] for name in schema.names]

    def _without(self, absent: Sequence[str], schema: Schema) -> FileError:
        if any(is_text(name) for name in self.names):
            got = f"lacks columns: {listed(absent)}"
        else:
            got = f"begins with {'numbers' if any(self.names) else 'a blank line'}, not with names of columns"
        return FileError(
            f"The file {got}",
            expected=f"a first line with each of the model's {schema.width} columns ({listed(schema.names)})",
            remedy="Add them by these names, in any order, separated by commas, semicolons or tabs.",
        )

    def unknown(self, schema: Schema) -> Sequence[str]:
        """Return the columns that the model has not heard of."""
        return [name for name in self.names if name not in schema.known_names]


@dataclass(frozen=True)
class Row:
    """One row of a file: its number from 1, the header not counted, and its cells."""

    number: int
    cells: Sequence[str]


class Reading:
    """An open file, from its beginning; a block of `with` closes it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.size = max(os.fstat(self._file.fileno()).st_size, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def share(self) -> float:
        """How much of the file was read, from 0 to 1."""
        return min(self._file.raw.tell() / self.size, 1.0)

    def form(self, schema: Schema) -> Form:
        """Return how the file is written: with the separator that makes most features of its first line.

        Raises
        ------
        FileError
            If it is no CSV.
        """
        has_mark, wanted = self._mark(), set(schema.names)
        found: list[Form] = []
        faults: list[FileError] = []
        for separator in SEPARATORS:
            try:
                found.append(Form(separator, has_mark, self._names(separator)))
            except FileError as fault:  # as of a long line that is one cell by a separator that it has not
                faults.append(fault)
        found.sort(key=lambda form: len(wanted.intersection(form.names)), reverse=True)
        if faults and not (found and wanted.intersection(found[0].names)):
            raise faults[0]
        return found[0]

    def rows(self, form: Form) -> Iterator[Row]:
        """Yield the rows after the header; a blank line is one only where rows have one cell."""
        blank = [""] if len(form.names) == 1 else []
        cells = self._cells(form.separator)
        next(cells, None)
        number = 0
        for found in cells:
            if found or blank:
                number += 1
                yield Row(number, found or blank)

    def _mark(self) -> bool:
        self._file.seek(0)
        first = self._file.read(FIRST_BYTES)
        if not first:
            raise _no_csv("empty")
        for beginning, what in OTHER_KINDS.items():
            if first.startswith(beginning):
                raise _no_csv(what)
        return first.startswith(MARK)

    def _names(self, separator: str) -> tuple[str, ...]:
        return tuple(name.strip() for name in next(self._cells(separator), []))

    def _cells(self, separator: str) -> Iterator[list[str]]:
        self._file.seek(0)
        text = io.TextIOWrapper(self._file, encoding=f"{ENCODING}-sig", newline="")
        try:
            yield from _rows_of(_Lines(text), separator)
        finally:
            text.detach()


class _TooLongError(Exception):
    """A row goes on and on."""


class _Lines(Iterator[str]):
    """The lines of a text, of one row `LONGEST_ROW` characters at most; `restart` begins the next."""

    def __init__(self, text: TextIO) -> None:
        self._readline, self._left = text.readline, LONGEST_ROW

    def restart(self) -> None:
        """Count from here."""
        self._left = LONGEST_ROW

    def __next__(self) -> str:
        line = self._readline(self._left + 1)
        if not line:
            raise StopIteration
        self._left -= len(line)
        if self._left < 0:
            raise _TooLongError
        return line


def _rows_of(lines: _Lines, separator: str) -> Iterator[list[str]]:
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        lines.restart()
        try:
            row = next(reader, None)
        except (csv.Error, UnicodeDecodeError, _TooLongError) as error:
            raise _unreadable(error, reader.line_num + 1) from error
        if row is None:
            return
        yield row


def _unreadable(error: Exception, line: int) -> FileError:
    if isinstance(error, UnicodeDecodeError):
        return FileError(
            f"The file is not UTF-8 some way after line {line - 1}",
            expected="text in UTF-8",
            remedy="Save it once more, in Excel as 'CSV UTF-8'.",
        )
    what = f"a row of more than {LONGEST_ROW:,} characters" if isinstance(error, _TooLongError) else str(error)
    return FileError(
        f"The file cannot be read from line {line} on ({what})",
        expected='values between separators, with double quotes around text that holds them, and "" for a quote',
        remedy="Look for a quote that is not closed, or write the file with a CSV library.",
    )


def _no_csv(what: str) -> FileError:
    return FileError(
        f"The file is {what}",
        expected="CSV text in UTF-8 with a header",
        remedy="Save or export the table as CSV, unpacked.",
    )


def listed(names: Sequence[str]) -> str:
    """Return the first of `names`, shortened, and how many more there are."""
    shown = ", ".join(name[:LONGEST_NAME_SHOWN] for name in names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown


@dataclass(frozen=True)
class Columns:
    """Which cells of a row the model wants, and whether they fit: by the schema's grammar, as the endpoint judges."""

    schema: Schema
    places: Sequence[int]
    width: int

    @classmethod
    def of(cls, form: Form, schema: Schema) -> Columns:
        """Return those of a file; raises as `Form.places` does."""
        return cls(schema, form.places(schema), len(form.names))

    def features(self, row: Row) -> list[str]:
        """Return the cells of the features in the schema's order; of a row that is as wide as the header."""
        cells = row.cells
        return [cells[place] for place in self.places]

    def fault(self, row: Row) -> str:
        """Return why the model does not take `row`; nothing where it does."""
        if len(row.cells) != self.width:
            return f"Row {row.number} has {len(row.cells)} values; expected {self.width} as in the header."
        try:
            self.schema.encode([self.features(row)], self._own_order, first_row=row.number)
        except BadRequest as error:
            return f"{error.got}; expected {error.expected}."
        return ""

    @cached_property
    def _own_order(self) -> range:
        return range(self.schema.width)
