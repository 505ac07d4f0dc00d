"""Run DuckDB over one source and hand out frames of its rows, in order.

Each frame holds the label as text, then the time (seconds, float64) and the card (uint64) if there are any, then the
features: numbers as float64, everything else as text; NaN or None where missing, 0 for a missing card.

Knows DuckDB's SQL. Never knows what labels and categories mean.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from fraud_detect.codecs.parquet import kind_of
from fraud_detect.errors import TableError
from fraud_detect.schema import MISSING, ColumnKind
from fraud_detect.tables.diagnosis import Piece, diagnose
from fraud_detect.tables.files import Format, Source
from fraud_detect.tables.layout import Layout
from fraud_detect.tables.request import Roles

if TYPE_CHECKING:
    import pandas as pd

VECTORS_PER_FRAME = 64  # of DuckDB's 2,048 rows: frames of 131,072 rows, 31 MB of 30 float64 columns

Expression = Callable[[str], str]


def csv_frames(piece: Piece, layout: Layout, roles: Roles, texts: frozenset[str]) -> Iterator[pd.DataFrame]:
    """Yield the rows of a CSV `piece`; the features in `texts` are read as text, the others as numbers.

    Raises
    ------
    TableError
        Naming the first row and column at fault.
    """
    numbers = frozenset(name for name in roles.features if name not in texts)
    if roles.time is not None and layout.numeric[roles.time]:
        numbers |= {roles.time}
    places = {name: _quoted(f"c{place}") for place, name in enumerate(layout.names)}
    types = {places[name]: "DOUBLE" if name in numbers else "VARCHAR" for name in layout.names}
    time = _as_float64 if roles.time in numbers else _time_of_text
    selected = _selected(places, roles, time=time, texts=texts)
    columns = ", ".join(f"{column[1:-1]}: '{kind}'" for column, kind in types.items())
    compression = "gzip" if piece.source.format is Format.GZIP else "none"
    missing = ", ".join(literal(spelling) for spelling in MISSING)
    query = (
        f"SELECT {selected} FROM read_csv({file_literal(piece.path)}, auto_detect=false, columns={{{columns}}}, "
        f"header={str(piece.has_header).lower()}, skip={layout.blank_lines if piece.has_header else 0}, "
        f"delim=',', quote='\"', escape='\"', nullstr=[{missing}], compression='{compression}')"
    )
    try:
        yield from _frames(query)
    except duckdb.Error as error:
        raise diagnose(piece, layout, numbers, str(error)) from error


@dataclass(frozen=True)
class ParquetColumns:
    """The kind of each column of a Parquet file (None for times and other types that are no features), and its rows."""

    kinds: Mapping[str, ColumnKind | None]
    rows: int


def parquet_columns(source: Source) -> ParquetColumns:
    """Return the columns and the number of rows of a Parquet file.

    Raises
    ------
    TableError
        If it is damaged, or two names are the same but for their case: the engine would rename one.
    """
    table = _parquet(source)
    try:
        with duckdb.connect() as connection:
            described = connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
            ((rows,),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
            written = f"SELECT name FROM parquet_schema({file_literal(source.path)})"
            names = {name for (name,) in connection.execute(written).fetchall()}
    except duckdb.Error as error:
        raise TableError(
            f"{source} is not a readable Parquet file ({_first_line(error)})",
            expected="a complete Parquet file",
            remedy="Write or copy the file again.",
        ) from error
    renamed = [name for name, *_ in described if name not in names]
    if renamed:
        name = renamed[0].rpartition("_")[0][:60]
        raise TableError(
            f"{source} has columns whose names are the same but for their case ('{name}')",
            expected="names that differ, whatever their case",
            remedy="Rename or drop all but one of them.",
        )
    return ParquetColumns({name: kind_of(kind) for name, kind, *_ in described}, rows)


def parquet_frames(
    source: Source, kinds: Mapping[str, ColumnKind | None], roles: Roles, texts: frozenset[str]
) -> Iterator[pd.DataFrame]:
    """Yield the rows of a Parquet file. Raises `TableError` if a value does not fit its column's kind."""
    is_number = roles.time is not None and kinds[roles.time] is ColumnKind.NUMBER
    time = _as_float64 if is_number else _time_of_text
    places = {name: _quoted(name) for name in kinds}
    selected = _selected(places, roles, time=time, texts=texts)
    try:
        yield from _frames(f"SELECT {selected} FROM {_parquet(source)}")
    except duckdb.Error as error:
        raise TableError(
            f"{source} cannot be read ({_first_line(error)})",
            expected="columns of the same kinds as in the first file, all values within float32",
            remedy="Write the file again with the right types.",
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _selected(places: Mapping[str, str], roles: Roles, *, time: Expression, texts: frozenset[str]) -> str:
    """Return the columns that every frame has, in their order, as SQL."""
    label = f"{places[roles.label]}::VARCHAR AS label"
    times = [] if roles.time is None else [f"{time(places[roles.time])} AS time"]
    features = [
        f"{places[name]}::VARCHAR AS f{place}" if name in texts else f"{_as_float64(places[name])} AS f{place}"
        for place, name in enumerate(roles.features)
    ]
    cards = [] if roles.card is None else [f"{_number_of_card(places[roles.card])} AS card"]
    return ", ".join([label, *times, *cards, *features])


def _number_of_card(column: str) -> str:
    """Return half the MD5 of the card's text: the same number in every file and channel, without a table of cards.

    That two of a million cards share a number has a chance of 1 in 37 million. A whole number is one text whether its
    file holds it as an integer or, beside gaps in other rows, as 7.0.
    """
    text = f"regexp_replace({column}::VARCHAR, '^(-?[0-9]+)[.]0$', '\\1')"
    return f"coalesce(md5_number_lower({text}), 0::UBIGINT)"


def _time_of_text(column: str) -> str:
    """Return seconds since 1970: by the offset that a time has, as UTC where it has none, whatever the machine's zone.

    A cast to TIMESTAMP would pass over the offset of a text, and put a time with a zone into that of the machine. So
    each time is read as text with an offset of nought, which a text that has its own does not bear.
    """
    text = f"{column}::VARCHAR"
    spellings = (f"{text} || '+00'", f"{text} || ' 00:00:00+00'", text)
    return f"epoch(coalesce({', '.join(f'TRY_CAST({spelling} AS TIMESTAMPTZ)' for spelling in spellings)}))"


def _as_float64(column: str) -> str:
    """Leave the rounding to float32 to numpy, as the codecs do: DuckDB would round a text in one step, not in two."""
    return f"{column}::DOUBLE"


def _frames(query: str) -> Iterator[pd.DataFrame]:
    with duckdb.connect() as connection:
        result = connection.execute(query)
        while len(frame := result.fetch_df_chunk(VECTORS_PER_FRAME)):
            yield frame


def _parquet(source: Source) -> str:
    """Return the file as a table; folders such as `day=1` are no columns, as they are none of a CSV file."""
    return f"read_parquet({file_literal(source.path)}, hive_partitioning=false)"


def file_literal(path: Path) -> str:
    """Return a path as SQL text that stands for this file alone, whatever its name."""
    return literal(glob.escape(str(path)))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return `text` as SQL text."""
    return "'" + text.replace("'", "''") + "'"
