"""A DuckDB that reads one thing: the bytes it is lent, at a path that no other process sees.

Knows DuckDB. Never knows columns' meaning, the schema.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock, Timer
from typing import IO, Any

import numpy as np

from fraud_detect.codecs.parquet_footer import damaged
from fraud_detect.errors import PayloadTooLarge, RequestError
from fraud_detect.schema import Float64Matrix

MEMORY_LIMIT_MB = 256
DECODE_SECONDS = 10
"""Long enough for every table within the limits; short of the time after which a worker is taken for dead."""
REMEDY = "Send fewer rows in a request, in smaller row groups."
SETTINGS: Mapping[str, Any] = {
    "threads": 1,
    "async_threads": 1,
    "memory_limit": f"{MEMORY_LIMIT_MB}MB",
    "allocator_flush_threshold": "1MB",  # else up to 128 MB of what a request took stays with the worker
    "allocator_bulk_deallocation_flush_threshold": "1MB",
    "temp_directory": "",
    "enable_external_file_cache": False,  # the same path holds another body next time
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}


@lru_cache(maxsize=1)
def engine() -> Engine:
    """Return this process's engine, opened on the first call: after the fork, and only where Parquet arrives."""
    return Engine()


class Engine:
    """One connection and one file in memory, which serve one request at a time.

    Columns are called c0, c1, ... as `parquet_footer` writes them.
    """

    def __init__(self) -> None:
        self._file = _private_file()
        self._path = f"/proc/self/fd/{self._file.fileno()}" if _in_memory() else self._file.name
        self._connection = _connect(self._path)
        self._lock = Lock()
        self._is_late = False

    @contextmanager
    def holding(self, *parts: bytes | memoryview) -> Iterator[None]:
        """Hold a Parquet file made of `parts` until the block ends.

        Raises
        ------
        BadRequest
            If a query in the block finds it damaged.
        PayloadTooLarge
            If one takes too much time or memory.
        """
        import duckdb

        with self._lock:
            timer = self._timer()
            try:
                self._file.writelines(parts)
                self._file.flush()
                yield
            except duckdb.Error as error:
                self._connection.close()  # some faults leave the database unusable
                self._connection = _connect(self._path)
                raise self._fault(error) from error
            finally:
                timer.cancel()
                self._file.seek(0)
                self._file.truncate()

    def _timer(self) -> Timer:
        self._is_late = False
        timer = Timer(DECODE_SECONDS, self._stop)
        timer.start()
        return timer

    def _stop(self) -> None:
        self._is_late = True
        self._connection.interrupt()

    def _fault(self, error: Exception) -> RequestError:
        import duckdb

        if self._is_late:
            return _too_large(f"takes more than {DECODE_SECONDS} seconds to read")
        if isinstance(error, duckdb.OutOfMemoryException):
            return _too_large(f"needs more than {MEMORY_LIMIT_MB} MB to unpack")
        return damaged("its data cannot be read")

    def _run(self, query: str) -> Any:
        if self._is_late:
            raise _too_large(f"takes more than {DECODE_SECONDS} seconds to read")
        return self._connection.execute(query)

    def _query(self, selected: str) -> str:
        return f"SELECT {selected} FROM read_parquet('{self._path}')"  # noqa: S608  # every name in it is ours

    def types(self) -> list[str]:
        """Return DuckDB's names for the types of the columns, in order."""
        return [kind for _, kind, *_ in self._run(f"DESCRIBE {self._query('*')}").fetchall()]

    def numbers(self, places: Sequence[int], rows: int) -> Float64Matrix:
        """Return the columns at `places`, float64, shape (rows, len(places)); NaN is missing."""
        selected = ", ".join(f"c{place}::DOUBLE AS c{place}" for place in places)
        columns = self._run(self._query(selected)).fetchnumpy()
        values = np.empty((rows, len(places)))
        for index, place in enumerate(places):
            column = columns[f"c{place}"]
            if len(column) != rows:
                raise damaged("its row groups and columns differ in length")
            values[:, index] = np.ma.filled(column, np.nan)
        return values

    def texts(self, places: Sequence[int], longest: Sequence[int], *, rows_per_block: int) -> Iterator[Sequence[Any]]:
        """Yield blocks of rows of the columns at `places` as text, None where missing, each cut at its `longest`."""
        selected = ", ".join(
            f"left(c{place}::VARCHAR, {length})" for place, length in zip(places, longest, strict=True)
        )
        result = self._run(self._query(selected))
        while block := result.fetchmany(rows_per_block):
            yield block


def _connect(path: str) -> Any:
    """Return a connection to an empty database that can open `path` and nothing else."""
    import duckdb

    connection = duckdb.connect(":memory:", config=dict(SETTINGS))
    connection.execute(f"SET allowed_paths = ['{path}']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _too_large(how: str) -> PayloadTooLarge:
    return PayloadTooLarge(f"The Parquet body {how}", expected="a table that fits a request", remedy=REMEDY)


def _in_memory() -> bool:
    return hasattr(os, "memfd_create")


def _private_file() -> IO[bytes]:
    """Return a file in memory, so that a read-only file system will do, or a temporary one where Linux is not."""
    if _in_memory():
        return os.fdopen(os.memfd_create("body"), "w+b")
    return tempfile.NamedTemporaryFile(suffix=".parquet")
