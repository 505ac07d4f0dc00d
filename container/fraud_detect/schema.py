"""The table that a model was trained on: names, order, kinds, categories; and how its cells become float32.

One grammar for cells serves training and serving, so that the same text always gives the same number:

- missing: exactly one of `MISSING`;
- number: an ASCII decimal number as C's `strtod` reads it (surrounding blanks allowed), finite in float32;
- flag: true or false in any case, or 1 or 0;
- category: any other text, kept as it is.

Knows numpy. Never knows pandas, Flask, SageMaker, files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from itertools import chain
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from fraud_detect.errors import BadRequest

MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None")
FLAGS: Mapping[str, float] = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
FLOAT32_LIMIT = float(2**128 - 2**103)
"""The least number that becomes infinite in float32: half a step above the largest one."""
NAMES_SHOWN, LONGEST_NAME_SHOWN = 8, 60
ORDERS_REMEMBERED = 64

Float32Matrix = NDArray[np.float32]
Float64Matrix = NDArray[np.float64]
Float64Vector = NDArray[np.float64]
Cell = object
_MISSING = frozenset(MISSING)


class ColumnKind(StrEnum):
    """What the cells of a column are."""

    NUMBER = "number"
    FLAG = "flag"
    CATEGORY = "category"


class Column(BaseModel):
    """One feature: its name, kind, categories and whether it may be missing.

    Categories are sorted; the code of a category is its position. One that training did not see is refused, or
    counts as missing with `unseen_as_missing`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: ColumnKind = ColumnKind.NUMBER
    categories: tuple[str, ...] = ()
    missing_allowed: bool = False
    unseen_as_missing: bool = False

    @cached_property
    def codes(self) -> Mapping[str, float]:
        """The code of each category."""
        return {category: float(code) for code, category in enumerate(self.categories)}

    def expectation(self) -> str:
        """Return what a cell of this column may be, as a noun phrase."""
        listed = _listed(self.categories)
        what = {
            ColumnKind.NUMBER: "a finite number within float32 (3.4e38)",
            ColumnKind.FLAG: "true or false",
            ColumnKind.CATEGORY: f"one of the {len(self.categories)} categories of training ({listed})",
        }[self.kind]
        return f"{what}, or a missing value" if self.missing_allowed else what


class Schema(BaseModel):
    """The features of a model in their order, the label's name, and the columns that training left out.

    `label` is None when the training table had no header. Columns in `ignored` (dropped in training) and
    the label may stand in a request that gives names; they are not read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[Column, ...]
    label: str | None = None
    ignored: tuple[str, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Feature names, shape (width,)."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def width(self) -> int:
        """Number of features."""
        return len(self.columns)

    @cached_property
    def known_names(self) -> frozenset[str]:
        """Every name that a request may give."""
        label = () if self.label is None else (self.label,)
        return frozenset((*self.names, *self.ignored, *label))

    @cached_property
    def _required_names(self) -> frozenset[str]:
        return frozenset(self.names)

    @cached_property
    def only_numbers(self) -> bool:
        """Whether every feature is a number, so that rows can be read without looking at each cell's kind."""
        return all(column.kind is ColumnKind.NUMBER for column in self.columns)

    @cached_property
    def _readers(self) -> Sequence[Callable[[Any], float]]:
        return tuple(_READERS[column.kind](column) for column in self.columns)

    @cached_property
    def _never_missing(self) -> NDArray[np.bool_]:
        return np.array([not column.missing_allowed for column in self.columns])

    def positions(self, names: Sequence[str]) -> list[int]:
        """Return, for each feature, its position in `names`.

        Raises
        ------
        BadRequest
            If a feature is absent, a name is unknown, or a name stands twice.
        """
        key = tuple(names)
        found = self._positions_found.get(key)
        if found is None:
            found = self._find_positions(key)
            if len(self._positions_found) < ORDERS_REMEMBERED:
                self._positions_found[key] = found
        return found

    @cached_property
    def _positions_found(self) -> dict[tuple[str, ...], list[int]]:
        """The positions in the orders of names that were seen: a client sends the same one again and again."""
        return {}

    def _find_positions(self, names: Sequence[str]) -> list[int]:
        where = {name: position for position, name in enumerate(names)}
        if len(where) < len(names) or not self._required_names <= where.keys() <= self.known_names:
            raise self._wrong_names(names)
        return [where[name] for name in self.names]

    def _wrong_names(self, names: Sequence[str]) -> BadRequest:
        counted = Counter(names)
        faults = [
            ("has columns twice", [name for name, count in counted.items() if count > 1]),
            ("lacks columns", [name for name in self.names if name not in counted]),
            ("has unknown columns", [name for name in names if name not in self.known_names]),
        ]
        return BadRequest(
            f"The request {'; '.join(f'{what}: {_listed(which)}' for what, which in faults if which)}",
            expected=f"each of the {self.width} features once, by name ({_listed(self.names)})",
            remedy="Send exactly these names, in any order.",
        )

    def check_width(self, width: int) -> None:
        """Raise `BadRequest` unless `width` is the number of features, the only check that unnamed rows allow."""
        if width == self.width:
            return
        hint = (
            "It looks as if the label column is included: leave it out, or send a header."
            if width == self.width + 1
            else ("Send the features in the order of training, or send their names.")
        )
        raise BadRequest(
            f"The request has rows of {width} values",
            expected=f"{self.width} values a row: {_listed(self.names)}",
            remedy=hint,
        )

    def accept_numbers(self, values: Float64Matrix, *, first_row: int = 1) -> Float32Matrix:
        """Return `values`, float64, shape (n, width), as the model's float32 matrix; NaN is missing.

        Only for a schema of numbers. `first_row` is the number of the first row in error messages.
        """
        return self._as_matrix(values, lambda row, place: values[row, place].item(), first_row)

    def accept_row(self, numbers: Sequence[float]) -> Float32Matrix:
        """Return one row of numbers as the model's matrix, float32, shape (1, width): `accept_numbers` in less time.

        Only for a schema of numbers.
        """
        if len(numbers) != self.width:
            self.check_width(len(numbers))
        try:
            packed = self._float32_row.pack(*numbers)
        except OverflowError:
            return self.accept_numbers(np.array([numbers], dtype=np.float64))
        return np.frombuffer(packed, np.float32).reshape(1, -1)

    @cached_property
    def _float32_row(self) -> Struct:
        return Struct(f"={self.width}f")

    def encode(self, rows: Sequence[Sequence[Cell]], positions: Sequence[int], *, first_row: int = 1) -> Float32Matrix:
        """Return `rows` as the model's float32 matrix, shape (n, width).

        A cell is text (CSV) or a JSON value (number, true, false, null, text); `positions` says where in a
        row each feature stands.

        Raises
        ------
        BadRequest
            Naming the row, from `first_row`, and the column of the first cell that does not fit.
        """
        if positions != range(self.width):
            rows = [[row[position] for position in positions] for row in rows]
        if len(rows) == 1 and first_row == 1 and self.only_numbers and _NUMBERS.issuperset(map(type, rows[0])):
            return self.accept_row(rows[0])  # type: ignore[arg-type]  # their types were just looked at
        values = np.array(self._values(rows), dtype=np.float64)
        return self._as_matrix(values, lambda row, place: rows[row][place], first_row)

    def _values(self, cells: Sequence[Sequence[Any]]) -> Sequence[Sequence[float]]:
        if self.only_numbers and _PLAIN_TYPES.issuperset(map(type, chain.from_iterable(cells))):
            return cells
        return [[read(cell) for read, cell in zip(self._readers, row, strict=True)] for row in cells]

    def _as_matrix(self, values: Float64Matrix, cell: Callable[[int, int], Cell], first_row: int) -> Float32Matrix:
        """Return `values` in float32 if all fit their columns; `cell` gives the original of one that does not."""
        if np.vdot(values, values) < FLOAT32_LIMIT**2:  # then none is missing, infinite or beyond float32: most rows
            return values.astype(np.float32, order="C")  # columns put in order by name lie otherwise in memory
        with np.errstate(over="ignore"):
            matrix = values.astype(np.float32, order="C")
        finite = np.isfinite(matrix)
        if not finite.all():
            unfit = ~finite & (np.isinf(matrix) | self._never_missing)
            if unfit.any():
                row, place = (int(index) for index in np.argwhere(unfit)[0])
                raise cell_error(self.columns[place], first_row + row, _shown(cell(row, place)))
        return matrix


_NUMBERS = frozenset((float, int))
_PLAIN_TYPES = _NUMBERS | {type(None)}
"""JSON's numbers and null, which numpy reads as they are."""

UNFIT = float("inf")
"""What a reader gives for a cell that is not of its column's kind."""


def parse_number(cell: str) -> float:
    """Return the number that `cell` spells, NaN if it is missing, `UNFIT` if it is neither or not finite."""
    if cell in _MISSING:
        return float("nan")
    try:
        value = float(cell.encode("ascii"))
    except ValueError:
        return UNFIT
    return UNFIT if abs(value) >= FLOAT32_LIMIT else value


def is_text(cell: str) -> bool:
    """Return whether `cell` is neither missing nor a number, infinite ones included."""
    if cell in _MISSING:
        return False
    try:
        float(cell.encode("ascii"))
    except ValueError:
        return True
    return False


def _number_reader(_: Column) -> Callable[[Any], float]:
    return _read_number


def _read_number(cell: Cell) -> float:
    if type(cell) is str:
        return parse_number(cell)
    if type(cell) is float or type(cell) is int:
        return float(cell)
    return float("nan") if cell is None else UNFIT


def _flag_reader(_: Column) -> Callable[[Any], float]:
    return _read_flag


def _read_flag(cell: Cell) -> float:
    if type(cell) is str:
        return float("nan") if cell in _MISSING else FLAGS.get(cell.lower(), UNFIT)
    if type(cell) is bool or cell in (0, 1):
        return float(bool(cell))
    return float("nan") if cell is None else UNFIT


def _category_reader(column: Column) -> Callable[[Any], float]:
    codes = column.codes
    unseen = float("nan") if column.unseen_as_missing else UNFIT

    def read(cell: Cell) -> float:
        if type(cell) is str:
            return float("nan") if cell in _MISSING else codes.get(cell, unseen)
        if type(cell) is int:  # a code such as 5411, which clients send as JSON's number
            return codes.get(str(cell), unseen)
        return float("nan") if cell is None else UNFIT

    return read


_READERS: Mapping[ColumnKind, Callable[[Column], Callable[[Any], float]]] = {
    ColumnKind.NUMBER: _number_reader,
    ColumnKind.FLAG: _flag_reader,
    ColumnKind.CATEGORY: _category_reader,
}


def cell_error(column: Column, row: int, got: str) -> BadRequest:
    """Return the error for one cell that does not fit its column."""
    return BadRequest(
        f"Row {row}, column '{column.name}': got {got}",
        expected=column.expectation(),
        remedy="Correct the value and send the request again.",
    )


def _shown(cell: Cell, longest: int = 60) -> str:
    if cell is None or cell != cell or (isinstance(cell, str) and cell in _MISSING):
        return "a missing value"
    text = str(cell).lower() if isinstance(cell, bool) else repr(cell)
    return text if len(text) <= longest else f"{text[:longest]}..."


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(name[:LONGEST_NAME_SHOWN] for name in names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
