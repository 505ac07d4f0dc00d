"""Features by DuckDB: one machine, as much memory as is given, the rest on disk.

Knows DuckDB and the file system. Never knows what the features mean.
"""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraud_detect.errors import SettingError, TableError
from fraud_detect.features.checks import calendar_day, mixed_zones
from fraud_detect.features.definitions import CUSTOMER, LABEL_TIME, REQUIRED, TERMINAL, TIME, TRANSACTION
from fraud_detect.features.dialect import DUCKDB
from fraud_detect.features.engine import GIVEN, STATE_FILE, SUFFIX
from fraud_detect.features.files import (
    CSV,
    PARQUET,
    InputFiles,
    files_without_rows,
    find,
    header,
    is_header_alone,
    missing_columns,
    refuse_equal_names,
    refuse_own_input,
)
from fraud_detect.features.sql import EVENT_DAY, EVENT_US, TRANSACTIONS
from fraud_detect.tables.day_files import DayFiles
from fraud_detect.tables.engine import file_literal, literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LINE_END = "\n"
MOST_MEMORY_GB = 6.0  # more makes it hardly faster
MEMORY_SHARE = 0.6  # of what the machine or the container has
SECONDS_BETWEEN_LINES = 10.0

logger = logging.getLogger(__name__)


class DuckDB:
    """An `Engine` whose overflow goes to the system's temporary folder; `running` opens one."""

    dialect = DUCKDB

    def __init__(self, connection: DuckDBPyConnection, folder: Path, scratch: Path, held: ExitStack) -> None:
        import duckdb

        self.name = f"duckdb {duckdb.__version__}"
        self._connection = connection
        self._files = DayFiles(folder, SUFFIX, faults=(OSError, duckdb.IOException))
        self._staged = scratch / "staged"
        self._held = held
        self._input = InputFiles((), PARQUET, ())
        self._names: Mapping[Path, Sequence[str]] = {}

    @classmethod
    @contextmanager
    def running(cls, folder: Path, *, memory_gb: float | None = None) -> Iterator[DuckDB]:
        """Give an engine that writes into `folder`.

        It takes `memory_gb` of memory; without, six tenths of what there is and at most `MOST_MEMORY_GB`.

        Raises
        ------
        SettingError
            If neither memory nor the temporary folder is large enough.
        """
        import duckdb

        with tempfile.TemporaryDirectory(prefix="fraud-detect-") as scratch, duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"SET temp_directory = {literal(str(Path(scratch) / 'spilled'))}")
            connection.execute(f"SET memory_limit = '{memory_gb or _usual_memory_gb(connection):.3f}GB'")
            with _room(), ExitStack() as held:
                yield cls(connection, folder, Path(scratch), held)

    @property
    def is_text(self) -> bool:
        """As `Engine.is_text`."""
        return self._input.kind == CSV

    def open(self, pattern: str) -> None:
        """As `Engine.open`."""
        self._input = find(pattern)
        refuse_own_input(pattern, self._input, self._files.folder)
        with _readable():
            self._names = self._names_by_file()
            refuse_equal_names(self._names)
            if self.is_text:
                # Read once: to read it again for each query would take longer than the queries.
                self._connection.execute(f"CREATE TEMP TABLE {GIVEN} AS SELECT * FROM {self._csv()}")
            else:
                self._check_zones()
                self._check_ids()
                self.view(GIVEN, f"SELECT * FROM {self._parquet()}")

    def types(self, view: str) -> Mapping[str, str]:
        """As `Engine.types`."""
        with _readable():
            return {name: type_name for name, type_name, *_ in self.rows(f"DESCRIBE {view}")}

    def _names_by_file(self) -> Mapping[Path, Sequence[str]]:
        if self._input.kind == CSV:
            return {path: header(path) for path in self._input.paths}
        listed = self.rows(
            f"SELECT file_name, list(name) FROM parquet_schema({self._list()}) "
            "WHERE type IS NOT NULL GROUP BY file_name"
        )
        return {Path(name): names for name, names in listed}

    def _parquet(self) -> str:
        return f"read_parquet({self._list()}, union_by_name = true, hive_partitioning = false)"

    def _csv(self) -> str:
        # The layout is fixed, or one ragged line would make the reader guess another. The columns that features need
        # stay text, and the types of the others are guessed from all rows: what does not fit a type would be rounded.
        layout = "header = true, delim = ',', quote = '\"', escape = '\"', comment = '', sample_size = -1"
        present = {name for names in self._names.values() for name in names}
        texts = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in (*REQUIRED, LABEL_TIME) if name in present)
        types = f", types = {{{texts}}}" if texts else ""
        return f"read_csv({self._list()}, {layout}, union_by_name = true, hive_partitioning = false{types})"

    def _list(self) -> str:
        return f"[{', '.join(file_literal(path) for path in self._input.paths)}]"

    def _check_zones(self) -> None:
        """Raise `TableError` if a column's times have a time zone in some files and none in others."""
        zone = "regexp_extract(logical_type, 'isAdjustedToUTC=([a-z]+|[01])', 1)"
        names = ", ".join(map(literal, (TIME, LABEL_TIME)))
        found = self.rows(
            f"SELECT name, COUNT(DISTINCT {zone}) FROM parquet_schema({self._list()}) "
            f"WHERE name IN ({names}) GROUP BY name"
        )
        for name, zones in found:
            if zones > 1:
                raise mixed_zones(f"{name} has a time zone in some files and none in others", "the transactions")

    def _check_ids(self) -> None:
        """Raise `TableError` if ids are of different kinds from file to file: 1 and 1.0 would become two customers."""
        text = "WHEN type LIKE '%BYTE_ARRAY' THEN 'text'"
        kind = f"CASE WHEN type LIKE 'INT%' THEN 'whole numbers' {text} ELSE 'numbers' END"
        names = ", ".join(map(literal, (TRANSACTION, CUSTOMER, TERMINAL)))
        found = self.rows(
            f"SELECT name, list_sort(list(DISTINCT {kind})) FROM parquet_schema({self._list()}) "
            f"WHERE name IN ({names}) GROUP BY name ORDER BY name"
        )
        for name, kinds in found:
            if len(kinds) > 1:
                raise TableError(
                    f"{name} holds {' in some files and '.join(kinds)} in others",
                    expected="ids of one kind in all files",
                    remedy="Write the column as text, or as whole numbers, in all files.",
                )

    def rows(self, query: str) -> Sequence[Sequence[Any]]:
        """As `Engine.rows`."""
        with _readable():
            return self._connection.execute(query).fetchall()

    def view(self, name: str, query: str) -> None:
        """As `Engine.view`."""
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {query}")

    def remarks(self) -> Sequence[str]:
        """As `Engine.remarks`."""
        without_rows = [*self._input.empty, *self._files_without_rows()]
        ((disordered,),) = self.rows(
            f"SELECT COUNT(*) FROM (SELECT {DUCKDB.name(TIME)} < LAG({DUCKDB.name(TIME)}) OVER () AS late "
            f"FROM {TRANSACTIONS}) WHERE late"
        )
        return [
            *files_without_rows(without_rows),
            *missing_columns(self._names),
            *([f"{disordered:,} transactions stand after a later one: they are put in order"] if disordered else []),
        ]

    def _files_without_rows(self) -> Sequence[Path]:
        if self._input.kind == CSV:
            return [path for path in self._input.paths if is_header_alone(path)]
        counted = self.rows(f"SELECT file_name FROM parquet_file_metadata({self._list()}) WHERE num_rows = 0")
        return [Path(name) for (name,) in counted]

    def prepare_output(self) -> None:
        """As `Engine.prepare_output`."""
        self._files.visible()
        self._held.enter_context(self._files.locked())

    def files(self) -> Mapping[str, int]:
        """As `Engine.files`."""
        return self._files.sizes()

    def read_state(self) -> str | None:
        """As `Engine.read_state`."""
        return self._files.read(STATE_FILE)

    def write_state(self, text: str) -> None:
        """As `Engine.write_state`."""
        with self._files.replacing_file(STATE_FILE) as path:
            path.write_text(text, encoding="utf-8")

    def remove_days(self, days: Sequence[int]) -> None:
        """As `Engine.remove_days`."""
        for day in days:
            (self._files.folder / self._files.name(calendar_day(day))).unlink(missing_ok=True)

    def write_days(
        self, query: str, columns: Sequence[str], days: Sequence[int], on_day: Callable[[int], None]
    ) -> None:
        """As `Engine.write_days`.

        The rows go to scratch files by day first, as they come, and are then put in order day by day: nothing of the
        size of the table is ever sorted.
        """
        with self._telling():
            self._connection.execute("SET preserve_insertion_order = false")
            self._connection.execute(
                f"COPY ({query}) TO {literal(str(self._staged))} "
                f"(FORMAT parquet, COMPRESSION lz4, PARTITION_BY ({EVENT_DAY}))"
            )
            self._connection.execute("SET preserve_insertion_order = true")
        names = DUCKDB.names(columns)
        for done, day in enumerate(days, start=1):
            staged = literal(str(self._staged / f"{EVENT_DAY}={day}" / "*.parquet"))
            ordered = f"SELECT {names} FROM read_parquet({staged}) ORDER BY {EVENT_US}, {DUCKDB.name(TRANSACTION)}"
            with self._files.replacing(calendar_day(day)) as path:
                self._connection.execute(f"COPY ({ordered}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)")
            on_day(done)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Log how far the query at hand is, now and then."""
        ended = threading.Event()

        def tell() -> None:
            began = time.monotonic()
            while not ended.wait(SECONDS_BETWEEN_LINES):
                share = max(self._connection.query_progress(), 0.0)
                logger.info("computing: %.0f %% after %.0f s", share, time.monotonic() - began)

        teller = threading.Thread(target=tell, name="progress", daemon=True)
        teller.start()
        try:
            yield
        finally:
            ended.set()
            teller.join()


def _usual_memory_gb(connection: DuckDBPyConnection) -> float:
    """Return the memory to use: DuckDB's own limit is eight tenths of what the container or machine has."""
    ((limit,),) = connection.execute(
        "SELECT CAST(SUM(CAST(regexp_extract(value, '[0-9.]+') AS DOUBLE) * "
        "CASE WHEN value LIKE '%GiB' THEN 1.073741824 WHEN value LIKE '%MiB' THEN 0.001048576 ELSE 1000 END) "
        "AS DOUBLE) "
        "FROM duckdb_settings() WHERE name = 'memory_limit'"
    ).fetchall()
    return float(min(MOST_MEMORY_GB, limit * MEMORY_SHARE / 0.8))


@contextmanager
def _room() -> Iterator[None]:
    """Say what to do when neither memory nor the temporary folder is large enough."""
    import duckdb

    try:
        yield
    except RuntimeError as error:
        if "interrupted" in str(error):
            raise KeyboardInterrupt from error  # what DuckDB makes of Ctrl-C
        raise
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        raise SettingError(
            f"The transactions do not fit ({str(error).partition(LINE_END)[0]})",
            expected=f"room for two copies of them in memory and {tempfile.gettempdir()}",
            remedy="Set TMPDIR to a folder on a larger disk, or give --memory-gb more.",
        ) from error
    except duckdb.OutOfRangeException as error:
        raise TableError(
            f"The amounts are too large for exact sums ({str(error).partition(LINE_END)[0]})",
            expected="sums of squares of 38 digits at most",
            remedy="Give the amounts in a larger unit.",
        ) from error


@contextmanager
def _readable() -> Iterator[None]:
    import duckdb

    try:
        yield
    except (
        duckdb.InvalidInputException,
        duckdb.ConversionException,
        duckdb.IOException,
        duckdb.BinderException,
    ) as error:
        raise TableError(
            f"The transactions cannot be read ({_cause(str(error))})",
            expected="complete files, Parquet or CSV (UTF-8, commas, decimal points), of the same columns and types",
            remedy="Write the file that the message names again.",
        ) from error


def _cause(message: str) -> str:
    """Return the first line of DuckDB's message, and the file that a later one names."""
    first, *others = message.splitlines() or [""]
    file = next((line.partition("=")[2].strip() for line in others if line.strip().startswith("file =")), "")
    return f"{first}; file {Path(file).name}" if file else first
