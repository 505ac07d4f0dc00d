"""The form that a schema makes: a field for each feature, with what training saw of it as hints.

Knows the schema and examples. Never knows Flask, the endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from fraud_detect.artifact.examples import Example, Examples, Range
from fraud_detect.console.score.rows import Faults
from fraud_detect.schema import MISSING, Column, ColumnKind, Schema, parse_number

Typed = Mapping[str, str]
"""What stands in each field, by the feature's name."""
MOST_OPTIONS = 60
"""Categories up to which they are a list to choose from; of more, some are suggested while one types."""
MOST_SUGGESTIONS = 100
TRUE, FALSE = "true", "false"


@dataclass(frozen=True)
class Option:
    """What can be chosen: `value` is sent, `words` are read."""

    value: str
    words: str


@dataclass(frozen=True)
class Field:
    """One field. `options` are to choose from, `suggestions` help while one types; a number has neither.

    `error` stands beside a value that cannot be, `notice` beside one that can but that training did not see.
    """

    id: str
    name: str
    value: str
    is_number: bool
    options: Sequence[Option] = ()
    suggestions: Sequence[str] = ()
    hint: str = ""
    error: str = ""
    notice: str = ""
    range: Range | None = None


def field_id(place: int) -> str:
    """Return what the field of the feature at `place` is called in the page: its own name may be anything."""
    return f"f{place}"


def blank(schema: Schema) -> Typed:
    """Return nothing, for each feature."""
    return dict.fromkeys(schema.names, "")


def of_example(example: Example) -> Typed:
    """Return a row as one would type it."""
    return {name: typed(cell) for name, cell in example.features.items()}


def typed(cell: object) -> str:
    """Return a cell as one would type it."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return TRUE if cell else FALSE
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell)


def fields(schema: Schema, examples: Examples, values: Typed, faults: Faults) -> Sequence[Field]:
    """Return the fields in the order of the features."""
    return [
        _field(place, column, values[column.name], examples.ranges.get(column.name), faults.get(column.name, ""))
        for place, column in enumerate(schema.columns)
    ]


def _field(place: int, column: Column, value: str, seen: Range | None, error: str) -> Field:
    options = _OPTIONS[column.kind](column)
    is_number = column.kind is ColumnKind.NUMBER
    is_typed = not is_number and not options
    return Field(
        id=field_id(place),
        name=column.name,
        value=value,
        is_number=is_number,
        options=[*_blank_option(column), *options] if options else (),
        suggestions=column.categories[:MOST_SUGGESTIONS] if is_typed else (),
        hint=" ".join(filter(None, (_range_hint(seen), _kind_hint(column, is_typed), _missing_hint(column, options)))),
        error=error,
        notice="" if error else notice(value, seen),
        range=seen,
    )


def _flags(_: Column) -> Sequence[Option]:
    return [Option(TRUE, "Yes"), Option(FALSE, "No")]


def _categories(column: Column) -> Sequence[Option]:
    known = column.categories if len(column.categories) <= MOST_OPTIONS else ()
    return [Option(category, category) for category in known]


_OPTIONS: Mapping[ColumnKind, Callable[[Column], Sequence[Option]]] = {
    ColumnKind.NUMBER: lambda _: [],
    ColumnKind.FLAG: _flags,
    ColumnKind.CATEGORY: _categories,
}


def _blank_option(column: Column) -> Sequence[Option]:
    return [Option("", "Missing" if column.missing_allowed else "Choose")]


def _range_hint(seen: Range | None) -> str:
    if seen is None:
        return ""
    usual = f"Usually {short(seen.low)} to {short(seen.high)}"
    if seen.minimum is None or seen.maximum is None:
        return f"{usual}."
    return f"{usual}; seen {short(seen.minimum)} to {short(seen.maximum)}."


def _kind_hint(column: Column, is_typed: bool) -> str:
    if not is_typed:
        return ""
    unseen = "; others count as missing" if column.unseen_as_missing else ""
    return f"One of {len(column.categories)} categories{unseen}."


def _missing_hint(column: Column, options: Sequence[Option]) -> str:
    return "May be left empty." if column.missing_allowed and not options else ""


def notice(value: str, seen: Range | None) -> str:
    """Return a gentle word about a number that is off what training saw; empty where there is none to say."""
    if seen is None or value in MISSING:
        return ""
    number, low, high = parse_number(value), seen.low, seen.high
    if seen.minimum is not None and seen.maximum is not None:
        low, high = seen.minimum, seen.maximum
    if not isfinite(number) or low <= number <= high:
        return ""
    if seen.minimum is None:
        return "Beyond what is usual: the score may be less sure."
    return "Beyond all that training saw: the score may say little."


def short(number: float) -> str:
    """Return `number` with four digits that tell, or all of those before the point."""
    if number == 0 or abs(number) >= 1e15 or abs(number) < 1e-4:
        return f"{number:.3g}"
    return f"{number:.0f}" if abs(number) >= 1000 else f"{float(f'{number:.4g}'):g}"
