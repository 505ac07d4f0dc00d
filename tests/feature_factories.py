"""Transactions for the tests of features, and their features by either engine."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pytest

from fraud_detect.features.definitions import HANDBOOK, LABEL_TIME, FeatureSet
from fraud_detect.features.dialect import DUCKDB
from fraud_detect.features.duckdb_engine import DuckDB
from fraud_detect.features.sql import TRANSACTIONS, Input, features_query
from fraud_detect.features.write import Written, write_features

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MONDAY = datetime(2018, 4, 2, 12)
DAY, SECOND, MICROSECOND = timedelta(days=1), timedelta(seconds=1), timedelta(microseconds=1)
LINE = "1,2018-04-02 12:00:00,1,2,10.0,0"
HEADER = "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD"

Row = Mapping[str, Any]
Compute = Callable[..., Written]

TYPES: Mapping[str, str] = {
    "TRANSACTION_ID": "BIGINT",
    "TX_DATETIME": "TIMESTAMP",
    "CUSTOMER_ID": "BIGINT",
    "TERMINAL_ID": "BIGINT",
    "TX_AMOUNT": "DOUBLE",
    "TX_FRAUD": "INTEGER",
    LABEL_TIME: "TIMESTAMP",
}


def a_transaction(at: datetime = MONDAY, **overrides: Any) -> Row:
    usual = {"TX_DATETIME": at, "CUSTOMER_ID": 1, "TERMINAL_ID": 2, "TX_AMOUNT": 10.0, "TX_FRAUD": 0}
    return {**usual, **overrides}


def numbered(rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows with a TRANSACTION_ID where they have none: their place."""
    return [{"TRANSACTION_ID": number, **row} for number, row in enumerate(rows)]


def table(rows: Sequence[Row], **types: str) -> duckdb.DuckDBPyRelation:
    """Return rows as a relation of a connection of its own, whose columns have the `TYPES` or those given."""
    frame = pd.DataFrame(numbered(rows), dtype=object)
    kinds = {**TYPES, **types}
    casts = ", ".join(f'CAST("{name}" AS {kinds.get(name, "VARCHAR")}) AS "{name}"' for name in frame.columns)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("frame", frame)
    return connection.sql(f"SELECT {casts} FROM frame")


def a_file(path: Path, rows: Sequence[Row], **types: str) -> Path:
    """Write rows as one Parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table(rows, **types).write_parquet(str(path))
    return path


def a_csv(path: Path, *lines: str, header: str = HEADER) -> Path:
    """Write lines of text below a header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in (header, *lines)), encoding="utf-8")
    return path


def day_files(folder: Path, rows: Sequence[Row], **types: str) -> Path:
    """Write numbered rows as one file a day."""
    by_day: dict[str, list[Row]] = {}
    for row in numbered(rows):
        by_day.setdefault(row["TX_DATETIME"].date().isoformat(), []).append(row)
    for day, those in by_day.items():
        a_file(folder / f"{day}.parquet", those, **types)
    return folder


def with_duckdb(pattern: Path | str, folder: Path, features: FeatureSet = HANDBOOK, *, full: bool = False) -> Written:
    with DuckDB.running(folder) as engine:
        return write_features(str(pattern), features, engine, full=full)


def with_spark(pattern: Path | str, folder: Path, features: FeatureSet = HANDBOOK, *, full: bool = False) -> Written:
    from fraud_detect.features.spark_engine import Spark

    with Spark.running(str(folder)) as engine:
        return write_features(str(pattern), features, engine, full=full)


def skip_without_spark() -> None:
    """Skip where Spark cannot run, unless CI says that it must."""
    absent = [
        *(["PySpark"] if find_spec("pyspark") is None else []),
        *(["Java"] if shutil.which("java") is None and "JAVA_HOME" not in os.environ else []),
    ]
    if absent:
        assert os.environ.get("CI") != "true", f"{absent} must be there"
        pytest.skip(f"{' and '.join(absent)} not installed")


@contextmanager
def a_spark_session() -> Iterator[SparkSession]:
    """Give a small session, which the engine uses."""
    skip_without_spark()
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("tests of features")
    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-Duser.timezone=Europe/Berlin",  # the machine's zone must not matter
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1500m",
        "spark.log.level": "FATAL",
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()


def rows_of(folder: Path) -> list[Any]:
    """Return the rows of day files by TRANSACTION_ID."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.sql(f"FROM '{folder}/*.parquet' ORDER BY TRANSACTION_ID").fetchall()


def columns(folder: Path, *names: str) -> list[Any]:
    """Return columns of day files, as rows by TRANSACTION_ID."""
    query = f"SELECT {', '.join(names)} FROM '{folder}/*.parquet' ORDER BY TRANSACTION_ID"
    return duckdb.sql(query).fetchall()


def column(folder: Path, name: str) -> list[Any]:
    """Return the values of a column of day files by TRANSACTION_ID."""
    return [value for (value,) in columns(folder, name)]


def contents(folder: Path) -> Mapping[str, bytes]:
    """Return the bytes of every file in a folder, hidden ones, too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def noted_days(folder: Path) -> Sequence[str]:
    """Return the days of which the folder has a note."""
    return list(json.loads((folder / ".features.json").read_text())["days"])


def computed(rows: Sequence[Row], features: FeatureSet) -> Mapping[int, Mapping[str, Any]]:
    """Return the features of numbered rows by TRANSACTION_ID, straight from the query, without files."""
    relation = table(rows)
    query = features_query(features, Input(tuple(relation.columns)), DUCKDB)
    result = relation.query(TRANSACTIONS, query)
    names = result.columns
    found = (dict(zip(names, values, strict=True)) for values in result.fetchall())
    return {row["TRANSACTION_ID"]: {name: row[name] for name in features.names} for row in found}
