"""Write day tables to Parquet or CSV, and beside them what their changes did.

Knows DuckDB. Never knows how the rows came about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from fraud_detect.simulation.parameters import Parameters
from fraud_detect.simulation.simulate import DayTable
from fraud_detect.tables.day_files import DayFiles
from fraud_detect.tables.files import DRIFT

FORMATS: Mapping[str, str] = {"parquet": "FORMAT parquet, COMPRESSION zstd", "csv": "FORMAT csv, HEADER"}
"""DuckDB's options of COPY by the ending of the file."""


def prepare(folder: Path, file_format: str, parameters: Parameters) -> DayFiles:
    """Return the files that a simulation will write; an earlier record of drift is gone.

    Raises
    ------
    SettingError
        If `folder` cannot be made, or holds files of something else.
    """
    import duckdb

    files = DayFiles(folder, file_format, beside=DRIFT, faults=(OSError, duckdb.IOException))
    files.prepare(parameters.start + timedelta(days=day) for day in range(parameters.days))
    return files


def write(tables: Iterable[DayTable], files: DayFiles) -> Iterator[DayTable]:
    """Write each table to its file, whole or not at all, and hand it on.

    Raises
    ------
    SettingError
        If the disk is full or the folder cannot be written to.
    """
    import duckdb

    options = FORMATS[files.suffix]
    with duckdb.connect() as connection:
        for table in tables:
            connection.register("day", dict(table.columns))
            with files.replacing(table.date) as path:
                connection.execute(f"COPY day TO {_literal(path)} ({options})")
            yield table


def write_record(record: str, files: DayFiles) -> None:
    """Write the record of drift beside the days, whole or not at all.

    Raises
    ------
    SettingError
        If the disk is full or the folder cannot be written to.
    """
    with files.replacing_beside() as path:
        path.write_text(record, encoding="utf-8")


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
