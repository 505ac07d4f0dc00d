"""Whether rows fit the model, by the schema's own grammar, so that console and endpoint agree; all faults at once.

Knows the schema. Never knows Flask, where rows come from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches

from fraud_detect.errors import BadRequest
from fraud_detect.schema import FLAGS, MISSING, Column, ColumnKind, Schema, parse_number

Faults = Mapping[str, str]
"""What is wrong with each field, by its name."""
MOST_FAULTY_ROWS = 20
LONGEST_SHOWN = 60
CATEGORIES_SHOWN = 5


def faults_of_rows(schema: Schema, rows: Sequence[Mapping[str, object]]) -> Mapping[int, Faults]:
    """Return the faults of the first rows that have some, by the row's number from 1."""
    if _fit(schema, rows):
        return {}
    columns = {column.name: Schema(columns=(column,)) for column in schema.columns}
    found: dict[int, Faults] = {}
    for number, row in enumerate(rows, start=1):
        if faults := _faults(schema, columns, row):
            found[number] = faults
        if len(found) == MOST_FAULTY_ROWS:
            break
    return found


def faults_of_row(schema: Schema, row: Mapping[str, object]) -> Faults:
    """Return the faults of one row."""
    return faults_of_rows(schema, [row]).get(1, {})


def _fit(schema: Schema, rows: Sequence[Mapping[str, object]]) -> bool:
    names = set(schema.names)
    if any(not names <= row.keys() <= schema.known_names for row in rows):
        return False
    try:
        schema.encode([[row[name] for name in schema.names] for row in rows], range(schema.width))
    except BadRequest:
        return False
    return True


def _faults(schema: Schema, columns: Mapping[str, Schema], row: Mapping[str, object]) -> Faults:
    unknown = {name: _unknown(schema, name) for name in row if name not in schema.known_names}
    return {**{name: text for name, alone in columns.items() if (text := _fault(alone, row))}, **unknown}


def _fault(alone: Schema, row: Mapping[str, object]) -> str:
    """Return what is wrong in `row` with the one column of `alone`; empty if nothing is."""
    (column,) = alone.columns
    if column.name not in row:
        return f"Not given; expected {expectation(column)}."
    cell = row[column.name]
    try:
        alone.encode([[cell]], range(1))
    except BadRequest:
        return f"Got {_shown(cell)}; expected {expectation(column)}."
    return ""


def expectation(column: Column) -> str:
    """Return what a cell may be, as a noun phrase for people."""
    what = _EXPECTATIONS[column.kind](column)
    return f"{what}, or nothing" if column.missing_allowed else what


def _categories(column: Column) -> str:
    first = ", ".join(name[:LONGEST_SHOWN] for name in column.categories[:CATEGORIES_SHOWN])
    more = len(column.categories) - CATEGORIES_SHOWN
    return f"one of {first} and {more} more" if more > 0 else f"one of {first}"


_EXPECTATIONS: Mapping[ColumnKind, Callable[[Column], str]] = {
    ColumnKind.NUMBER: lambda _: "a number such as 12.5, up to 3.4e38",
    ColumnKind.FLAG: lambda _: "true (yes) or false (no)",
    ColumnKind.CATEGORY: _categories,
}


def _shown(cell: object) -> str:
    if cell is None or (isinstance(cell, str) and cell in MISSING):
        return "nothing"
    if isinstance(cell, dict | list):  # however deep: writing it out may go too deep
        return "no single value"
    text = str(cell).lower() if isinstance(cell, bool) else repr(cell)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _unknown(schema: Schema, name: str) -> str:
    close = get_close_matches(name[:LONGEST_SHOWN], schema.names, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"The model has no such feature.{hint}"


def row_of(schema: Schema, typed: Mapping[str, str]) -> Mapping[str, object]:
    """Return texts that fit the schema as JSON has them: numbers, true and false, categories, None where missing."""
    return {column.name: _cell(column, typed[column.name]) for column in schema.columns}


def _cell(column: Column, text: str) -> object:
    if text in MISSING:
        return None
    return _READERS[column.kind](text)


def _number(text: str) -> float | None:
    number = parse_number(text)
    return None if number != number else number


_READERS: Mapping[ColumnKind, Callable[[str], object]] = {
    ColumnKind.NUMBER: _number,
    ColumnKind.FLAG: lambda text: bool(FLAGS[text.lower()]),
    ColumnKind.CATEGORY: lambda text: text,
}
