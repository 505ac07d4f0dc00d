"""Run the features' SQL in DuckDB, from files to one Parquet file a day.

Knows DuckDB and files of transactions. Never knows what the features mean.
"""

from __future__ import annotations

import glob
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from fraud_detect.errors import SettingError, TableError
from fraud_detect.features.definitions import AMOUNT, CUSTOMER, LABEL, TERMINAL, TIME, TRANSACTION, FeatureSet
from fraud_detect.features.sql import DUCKDB, EVENT_US, LARGEST_AMOUNT, TRANSACTIONS, US_PER_DAY, features_query
from fraud_detect.tables.day_files import DayFiles
from fraud_detect.tables.engine import file_literal, literal
from fraud_detect.tables.files import SKIPPED, Format, sources

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SUFFIX = "parquet"
COMPUTED = "computed"
LINE_END = "\n"
DAY_ZERO = date(1970, 1, 1)
REQUIRED = (TRANSACTION, TIME, CUSTOMER, TERMINAL, AMOUNT, LABEL)
NEVER_MISSING = tuple(name for name in REQUIRED if name != LABEL)  # the label of a recent transaction is not known yet
TIME_TYPES = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE")
WHOLE_TYPES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
NUMBER_TYPES = (*WHOLE_TYPES, *(f"U{kind}" for kind in WHOLE_TYPES), "FLOAT", "DOUBLE", "DECIMAL")


@dataclass(frozen=True)
class Written:
    """What a run left behind: rows and day files."""

    rows: int
    days: int


def write_features(pattern: str, folder: Path, features: FeatureSet) -> Written:
    """Write the transactions of `pattern` with their `features` into `folder`, one Parquet file a day.

    `pattern` is a Parquet or CSV file, a folder of them, or a glob. All input columns are kept.

    Raises
    ------
    TableError
        If there are no transactions, files cannot be read, or columns are missing, of a wrong type, or empty.
    SettingError
        If `folder` cannot be written to, or holds other files.
    """
    paths, reader = _input(pattern)
    _refuse_own_input(pattern, paths, folder)
    files = DayFiles(folder, SUFFIX)
    with _connection() as connection, _room():
        _load(connection, reader.format(_list(paths)))
        kinds = _kinds(connection, TRANSACTIONS)
        _check_columns(kinds, features, pattern)
        files.prepare(_days(connection, pattern))
        connection.execute(f"CREATE TEMP TABLE {COMPUTED} AS {features_query(features, DUCKDB)}")
        return _write_days(connection, (*kinds, *features.names), files)


def _input(pattern: str) -> tuple[Sequence[Path], str]:
    """Return the files that `pattern` means, and the SQL that reads a list of such files."""
    found = [Path(pattern)] if Path(pattern).exists() else _matches(pattern)
    if not found:
        raise TableError(
            f"No file matches {pattern}",
            expected="a Parquet or CSV file, a folder of them, or a glob",
            remedy="Correct the path; quote a glob, so that the shell leaves it alone.",
        )
    files = {source.path.resolve(): source for path in sorted(found) for source in sources(path)}
    kinds = {_READERS.get(source.format) for source in files.values()}
    reader = kinds.pop()
    if kinds or reader is None:
        raise TableError(
            f"{pattern} means files of several kinds, or a pipe",
            expected="either Parquet or CSV files",
            remedy="Name the files of one kind by a glob, such as 'folder/*.parquet'.",
        )
    return [source.path for source in files.values()], reader


def _matches(pattern: str) -> Sequence[Path]:
    paths = (Path(path) for path in glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    return [path for path in paths if path.name != SKIPPED]


# The layout is fixed, or one ragged line would make the reader guess another.
_CSV = """read_csv({}, header = true, delim = ',', quote = '"', escape = '"', union_by_name = true)"""
_READERS: Mapping[Format, str] = {
    Format.PARQUET: "read_parquet({}, union_by_name = true)",
    Format.CSV: _CSV,
    Format.GZIP: _CSV,
}


def _refuse_own_input(pattern: str, paths: Sequence[Path], folder: Path) -> None:
    read = {path.resolve().parent for path in paths}
    if folder.resolve() in read or (
        Path(pattern).is_dir() and folder.resolve().is_relative_to(Path(pattern).resolve())
    ):
        raise SettingError(
            f"The output folder {folder} is in the input's own",
            expected="another folder, whose files are not taken for transactions",
            remedy="Choose an output folder outside.",
        )


@contextmanager
def _connection() -> Iterator[DuckDBPyConnection]:
    """Give a connection whose overflow goes to the system's temporary folder, not into the current one."""
    import duckdb

    with tempfile.TemporaryDirectory(prefix="fraud-detect-") as spill, duckdb.connect() as connection:
        connection.execute(f"SET temp_directory = {literal(spill)}")
        yield connection


@contextmanager
def _room() -> Iterator[None]:
    """Say what to do when neither memory nor the temporary folder is large enough."""
    import duckdb

    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        raise SettingError(
            f"The transactions do not fit ({str(error).partition(LINE_END)[0]})",
            expected=f"room for a copy of them in memory and {tempfile.gettempdir()}",
            remedy="Set TMPDIR to a folder on a larger disk, or give fewer days at a time.",
        ) from error


def _load(connection: DuckDBPyConnection, files: str) -> None:
    """Read the SQL table function `files` once into the table `TRANSACTIONS`."""
    import duckdb

    try:
        connection.execute(f"CREATE TEMP TABLE {TRANSACTIONS} AS SELECT * FROM {files}")
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException) as error:
        raise TableError(
            f"The transactions cannot be read ({str(error).partition(LINE_END)[0]})",
            expected="complete files with the same types in the same columns",
            remedy="Write the file that the message names again.",
        ) from error


def _kinds(connection: DuckDBPyConnection, table: str) -> Mapping[str, str]:
    """Return the type of each column of `table` in order."""
    return {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE {table}").fetchall()}


def _check_columns(kinds: Mapping[str, str], features: FeatureSet, pattern: str) -> None:
    absent = [name for name in REQUIRED if name not in kinds]
    if absent:
        raise TableError(
            f"{pattern} has no column {', '.join(absent)}",
            expected=f"the columns {', '.join(REQUIRED)}, in a header if it is CSV",
            remedy="Rename the columns of your table to these.",
        )
    taken = [name for name in (EVENT_US, *features.names) if name in kinds]
    if taken:
        raise TableError(
            f"{pattern} already has the columns {', '.join(taken)}",
            expected="transactions without features",
            remedy="Start from the transactions, or rename these columns.",
        )
    for name, types, what in (
        (TIME, TIME_TYPES, "timestamps, such as 2018-04-01 00:00:31"),
        (AMOUNT, NUMBER_TYPES, "numbers"),
        (LABEL, (*NUMBER_TYPES, "BOOLEAN"), "1 for a fraud and 0 otherwise"),
    ):
        if kinds[name].partition("(")[0] not in types:
            raise TableError(
                f"The column {name} of {pattern} is of the type {kinds[name]}",
                expected=what,
                remedy="Correct the values that are something else.",
            )


def _days(connection: DuckDBPyConnection, pattern: str) -> Sequence[date]:
    """Return the days that have transactions, in order, after a look at every value that must not be missing."""
    _check_missing(connection, pattern)
    _check_amounts(connection, pattern)
    moment = DUCKDB.microseconds.format(DUCKDB.name(TIME))
    days = connection.execute(f"SELECT DISTINCT {moment} // {US_PER_DAY} AS day FROM {TRANSACTIONS} ORDER BY day")
    return [DAY_ZERO + timedelta(days=day) for (day,) in days.fetchall()]


def _check_missing(connection: DuckDBPyConnection, pattern: str) -> None:
    counts = ", ".join(f"COUNT(*) - COUNT({DUCKDB.name(name)})" for name in NEVER_MISSING)
    rows, *missing = connection.execute(f"SELECT COUNT(*), {counts} FROM {TRANSACTIONS}").fetchall()[0]
    if rows == 0:
        raise TableError(
            f"{pattern} has no transactions", expected="at least one row", remedy="Name files that have rows."
        )
    faults = [f"{name} in {count:,}" for name, count in zip(NEVER_MISSING, missing, strict=True) if count]
    if faults:
        raise TableError(
            f"Of the {rows:,} transactions of {pattern}, values are missing: {', '.join(faults)}",
            expected=f"a value for each of {', '.join(NEVER_MISSING)}",
            remedy="Fill them in, or leave these transactions out.",
        )


def _check_amounts(connection: DuckDBPyConnection, pattern: str) -> None:
    amount = DUCKDB.name(AMOUNT)
    # NaN is greater than every number here, so that it fails this, too.
    unfit = f"NOT (ABS(CAST({amount} AS DOUBLE)) < {LARGEST_AMOUNT})"
    ((count,),) = connection.execute(f"SELECT COUNT(*) FROM {TRANSACTIONS} WHERE {unfit}").fetchall()
    if count:
        raise TableError(
            f"{AMOUNT} is infinite, not a number or too large in {count:,} transactions of {pattern}",
            expected=f"amounts below {LARGEST_AMOUNT:,.0f}",
            remedy="Correct the amounts, or leave these transactions out.",
        )


def _write_days(connection: DuckDBPyConnection, names: Sequence[str], files: DayFiles) -> Written:
    columns = ", ".join(DUCKDB.name(name) for name in names)
    counted = connection.execute(
        f"SELECT {EVENT_US} // {US_PER_DAY} AS day, COUNT(*) FROM {COMPUTED} GROUP BY day ORDER BY day"
    ).fetchall()
    for day, _ in counted:
        rows = f"SELECT {columns} FROM {COMPUTED} WHERE {EVENT_US} // {US_PER_DAY} = {day}"
        with files.replacing(DAY_ZERO + timedelta(days=day)) as path:
            connection.execute(f"COPY ({rows}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)")
    return Written(sum(count for _, count in counted), len(counted))


def _list(paths: Sequence[Path]) -> str:
    return f"[{', '.join(file_literal(path) for path in paths)}]"
