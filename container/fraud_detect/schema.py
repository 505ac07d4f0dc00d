"""The table that a model was trained on: names, order, kinds, categories; and how its cells become float32.

One grammar for cells serves training and serving, so that the same text always gives the same number:

- missing: exactly one of `MISSING`;
- number: an ASCII decimal number as C's `strtod` reads it (surrounding blanks allowed), finite in float32;
- flag: true or false in any case, or 1 or 0;
- category: any other text, kept as it is.

Knows numpy. Never knows pandas, Flask, SageMaker, files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from fraud_detect.errors import BadRequest

MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None")
FLAGS: Mapping[str, float] = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
FLOAT32_MAX = float(np.finfo(np.float32).max)
NAMES_SHOWN = 8

Float32Matrix = NDArray[np.float32]
Float64Matrix = NDArray[np.float64]
Cell = object
_MISSING = frozenset(MISSING)


class ColumnKind(StrEnum):
    """What the cells of a column are."""

    NUMBER = "number"
    FLAG = "flag"
    CATEGORY = "category"


class Column(BaseModel):
    """One feature: its name, kind, categories and whether it may be missing.

    Categories are sorted; the code of a category is its position.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: ColumnKind = ColumnKind.NUMBER
    categories: tuple[str, ...] = ()
    missing_allowed: bool = False

    @cached_property
    def codes(self) -> Mapping[str, float]:
        """The code of each category."""
        return {category: float(code) for code, category in enumerate(self.categories)}

    def expectation(self) -> str:
        """Return what a cell of this column may be, as a noun phrase."""
        listed = _listed(self.categories)
        what = {
            ColumnKind.NUMBER: "a finite number",
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
    def only_numbers(self) -> bool:
        """Whether every feature is a number, so that rows can be read without looking at each cell's kind."""
        return all(column.kind is ColumnKind.NUMBER for column in self.columns)

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
        faults = [
            ("has columns twice", [name for name in dict.fromkeys(names) if names.count(name) > 1]),
            ("lacks columns", [name for name in self.names if name not in names]),
            ("has unknown columns", [name for name in names if name not in self.known_names]),
        ]
        said = [f"{what}: {_listed(which)}" for what, which in faults if which]
        if said:
            raise BadRequest(
                f"The request {'; '.join(said)}",
                expected=f"each of the {self.width} features once, by name ({_listed(self.names)})",
                remedy="Send exactly these names, in any order.",
            )
        where = {name: position for position, name in enumerate(names)}
        return [where[name] for name in self.names]

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
        with np.errstate(over="ignore"):
            matrix = values.astype(np.float32)
        finite = np.isfinite(matrix)
        if not finite.all():
            self._refuse_unfit(values, matrix, ~finite, first_row)
        return matrix

    def _refuse_unfit(
        self, values: Float64Matrix, matrix: Float32Matrix, suspect: NDArray[np.bool_], first_row: int
    ) -> None:
        unfit = suspect & (np.isinf(matrix) | self._never_missing)
        if unfit.any():
            row, place = (int(index) for index in np.argwhere(unfit)[0])
            value = values[row, place]
            got = "a missing value" if np.isnan(value) else f"{value}"
            raise cell_error(self.columns[place], first_row + row, got)

    def encode(self, rows: Sequence[Sequence[Cell]], positions: Sequence[int], *, first_row: int = 1) -> Float32Matrix:
        """Return `rows` as the model's float32 matrix, shape (n, width).

        A cell is text (CSV) or a JSON value (number, true, false, null, text); `positions` says where in a
        row each feature stands.

        Raises
        ------
        BadRequest
            Naming the row, from `first_row`, and the column of the first cell that does not fit.
        """
        matrix = np.empty((len(rows), self.width), dtype=np.float32)
        for place, (column, position) in enumerate(zip(self.columns, positions, strict=True)):
            read = _READERS[column.kind]
            values = np.array([read(column, row[position]) for row in rows], dtype=np.float64)
            with np.errstate(over="ignore"):
                matrix[:, place] = values
            unfit = values == UNFIT
            unfit |= np.isinf(matrix[:, place])
            if not column.missing_allowed:
                unfit |= np.isnan(values)
            if unfit.any():
                row = int(np.argmax(unfit))
                raise cell_error(column, first_row + row, _shown(rows[row][position]))
        return matrix


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
    return value if abs(value) <= FLOAT32_MAX or value != value else UNFIT


def is_text(cell: str) -> bool:
    """Return whether `cell` is neither missing nor a number, infinite ones included."""
    if cell in _MISSING:
        return False
    try:
        float(cell.encode("ascii"))
    except ValueError:
        return True
    return False


def _read_number(_: Column, cell: Cell) -> float:
    if type(cell) is str:
        return parse_number(cell)
    if type(cell) is float or type(cell) is int:
        return float(cell)
    return float("nan") if cell is None else UNFIT


def _read_flag(_: Column, cell: Cell) -> float:
    if type(cell) is str:
        return float("nan") if cell in _MISSING else FLAGS.get(cell.lower(), UNFIT)
    if type(cell) is bool or cell in (0, 1):
        return float(bool(cell))
    return float("nan") if cell is None else UNFIT


def _read_category(column: Column, cell: Cell) -> float:
    if type(cell) is str:
        return float("nan") if cell in _MISSING else column.codes.get(cell, UNFIT)
    return float("nan") if cell is None else UNFIT


_READERS: Mapping[ColumnKind, Callable[[Column, Any], float]] = {
    ColumnKind.NUMBER: _read_number,
    ColumnKind.FLAG: _read_flag,
    ColumnKind.CATEGORY: _read_category,
}


def cell_error(column: Column, row: int, got: str) -> BadRequest:
    """Return the error for one cell that does not fit its column."""
    return BadRequest(
        f"Row {row}, column '{column.name}': got {got}",
        expected=column.expectation(),
        remedy="Correct the value and send the request again.",
    )


def _shown(cell: Cell, longest: int = 60) -> str:
    if cell is None or (isinstance(cell, str) and cell in _MISSING):
        return "a missing value"
    text = repr(cell)
    return text if len(text) <= longest else f"{text[:longest]}..."


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
