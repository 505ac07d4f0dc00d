"""Features by Spark: on this machine or on a cluster, as Spark's own configuration says.

Knows Spark. Never knows what the features mean. Needs PySpark 3.5 or later and Java 17; nothing else that is installed.
"""

from __future__ import annotations

import re
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from fraud_detect.errors import SettingError, TableError
from fraud_detect.features.checks import mixed_zones
from fraud_detect.features.definitions import LABEL_TIME, REQUIRED, TRANSACTION
from fraud_detect.features.dialect import SPARK
from fraud_detect.features.engine import GIVEN, STATE_FILE, day_file
from fraud_detect.features.files import (
    CSV,
    PARQUET,
    InputFiles,
    files_without_rows,
    find,
    header,
    refuse_equal_names,
    refuse_own_input,
)
from fraud_detect.features.spark_store import FILE_SCHEME, Store, is_remote, open_store
from fraud_detect.features.sql import EVENT_DAY, EVENT_US

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LOCAL_MEMORY_GB = 4.0
MOST_PARTITIONS = 1_000
CSV_SUFFIXES = (".csv", ".csv.gz")
JAVA_CLASS = re.compile(r"^(Caused by)?:? *[\w.$]+(Exception|Error): ")
LONGEST_CAUSE = 400
SETTINGS: Mapping[str, str] = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",  # a sum that overflows is an error, not NULL
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",  # INT96 does not say that it has a time zone
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}


class Spark:
    """An `Engine` on a Spark session; `running` opens one."""

    dialect = SPARK

    def __init__(self, session: SparkSession, store: Store, held: ExitStack) -> None:
        self.name = f"spark {session.version}"
        self._session = session
        self._store = store
        self._held = held
        self._input: InputFiles | None = None
        self._kind = PARQUET
        self._frame: DataFrame | None = None

    @classmethod
    @contextmanager
    def running(cls, output: str, *, memory_gb: float | None = None) -> Iterator[Spark]:
        """Give an engine that writes to `output`, a folder or a URI that Spark can write to.

        Without a master in Spark's configuration it runs in this process, on all CPUs, with `memory_gb` of memory.

        Raises
        ------
        SettingError
            If there is no PySpark, no Java, or no such file system.
        """
        session, own = _session(memory_gb or LOCAL_MEMORY_GB)
        try:
            with _faults(), ExitStack() as held, warnings.catch_warnings():
                # It does not concern us: nothing here goes through pandas.
                warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
                yield cls(session, open_store(session, output), held)
        finally:
            if own:
                session.stop()

    @property
    def is_text(self) -> bool:
        """As `Engine.is_text`."""
        return self._kind == CSV

    def open(self, pattern: str) -> None:
        """As `Engine.open`."""
        if is_remote(pattern):
            paths, self._kind = [pattern], CSV if pattern.endswith(CSV_SUFFIXES) else PARQUET
        else:
            self._input = find(pattern)
            if self._store.uri.startswith(FILE_SCHEME):
                refuse_own_input(pattern, self._input, Path(self._store.uri.removeprefix(FILE_SCHEME)))
            paths, self._kind = [_named(path) for path in self._input.paths], self._input.kind
            if self.is_text:
                refuse_equal_names({path: header(path) for path in self._input.paths})
        self._frame = self._csv(paths) if self.is_text else self._parquet(paths)
        self._frame.createOrReplaceTempView(GIVEN)

    def types(self, view: str) -> Mapping[str, str]:
        """As `Engine.types`."""
        return {field.name: field.dataType.simpleString() for field in self._session.table(view).schema.fields}

    def _parquet(self, paths: Sequence[str]) -> DataFrame:
        from py4j.protocol import Py4JJavaError
        from pyspark.errors import PySparkException

        reader = self._session.read.option("mergeSchema", "true").option("recursiveFileLookup", "true")
        try:
            return reader.parquet(*paths)
        except (PySparkException, Py4JJavaError) as error:
            if "TIMESTAMP_NTZ" in str(error) and "CANNOT_MERGE" in str(error):
                raise mixed_zones(
                    "times have a time zone in some files and none in others", "the transactions"
                ) from error
            raise

    def _csv(self, paths: Sequence[str]) -> DataFrame:
        from pyspark.sql.types import StringType, StructField, StructType

        def reader() -> Any:
            options = {"header": "true", "quote": '"', "escape": '"', "mode": "FAILFAST", "enforceSchema": "false"}
            return self._session.read.options(**options, multiLine="true", recursiveFileLookup="true")

        inferred = reader().csv(paths, inferSchema=True).schema
        fields = [
            StructField(field.name, StringType() if field.name in (*REQUIRED, LABEL_TIME) else field.dataType)
            for field in inferred.fields
        ]
        frame: DataFrame = reader().csv(paths, schema=StructType(fields))
        return frame

    def rows(self, query: str) -> Sequence[Sequence[Any]]:
        """As `Engine.rows`."""
        return [tuple(row) for row in self._session.sql(query).collect()]

    def view(self, name: str, query: str) -> None:
        """As `Engine.view`."""
        self._session.sql(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS {query}")

    def remarks(self) -> Sequence[str]:
        """As `Engine.remarks`. Spark does not keep the order of rows, so that it says nothing of it."""
        if self._input is None or self._frame is None:
            return []
        found = self._frame.select("_metadata.file_path").distinct().collect()
        with_rows = {Path(unquote(urlsplit(row[0]).path)) for row in found}
        without_rows = [*self._input.empty, *(path for path in self._input.paths if path.resolve() not in with_rows)]
        return files_without_rows(without_rows)

    def prepare_output(self) -> None:
        """As `Engine.prepare_output`."""
        self._held.enter_context(self._store.held())

    def files(self) -> Mapping[str, int]:
        """As `Engine.files`."""
        return self._store.sizes()

    def read_state(self) -> str | None:
        """As `Engine.read_state`."""
        return self._store.read(STATE_FILE)

    def write_state(self, text: str) -> None:
        """As `Engine.write_state`."""
        self._store.write(STATE_FILE, text)

    def remove_days(self, days: Sequence[int]) -> None:
        """As `Engine.remove_days`."""
        self._store.remove([day_file(day) for day in days])

    def write_days(
        self, query: str, columns: Sequence[str], days: Sequence[int], on_day: Callable[[int], None]
    ) -> None:
        """As `Engine.write_days`.

        Spark writes the days into a hidden folder beside their places, each as one file, which then takes its place.
        """
        staged = f".incoming-{uuid.uuid4().hex}"
        ordered = (
            self._session.sql(query)
            .repartition(min(len(days), MOST_PARTITIONS), EVENT_DAY)
            .sortWithinPartitions(EVENT_DAY, EVENT_US, SPARK.name(TRANSACTION))
            .select(*map(SPARK.name, columns), EVENT_DAY)
        )
        try:
            ordered.write.partitionBy(EVENT_DAY).option("compression", "zstd").parquet(f"{self._store.uri}/{staged}")
            for done, day in enumerate(days, start=1):
                self._store.adopt(f"{staged}/{EVENT_DAY}={day}", day_file(day))
                on_day(done)
        finally:
            self._store.remove([staged])


def _named(path: Path) -> str:
    """Return what Spark calls a file of this machine: it takes some characters for a pattern, and decodes none."""
    return FILE_SCHEME + re.sub(r"([\[\]{}*?\\])", r"\\\1", str(path.resolve()))


def _session(memory_gb: float) -> tuple[SparkSession, bool]:
    """Return the session that is there, or one of our own, and whether it is."""
    try:
        from pyspark import SparkConf
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise SettingError(
            "PySpark is not installed",
            expected="PySpark 3.5 or later",
            remedy="Install it (in a checkout: scripts/setup full), and Java 17.",
        ) from error
    active = SparkSession.getActiveSession()
    builder = SparkSession.builder.appName("fraud-detect features")
    if active is None and not SparkConf().contains("spark.master"):
        usual = {
            "spark.driver.memory": f"{int(memory_gb * 1024)}m",
            "spark.sql.shuffle.partitions": "32",
            "spark.ui.enabled": "false",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.log.level": "FATAL",  # what fails is raised to us: Java's stack beside it would bury what to do
            "spark.ui.showConsoleProgress": str(sys.stderr.isatty()).lower(),
        }
        builder = builder.master("local[*]")
        for name, value in usual.items():
            builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except (PySparkException, OSError) as error:
        raise SettingError(
            f"Spark did not start ({str(error).splitlines()[0]})",
            expected="Java 17 or later, as `java` or under JAVA_HOME",
            remedy="Install it (Debian: apt-get install default-jre-headless), or use --engine duckdb.",
        ) from error
    for name, value in SETTINGS.items():
        session.conf.set(name, value)
    return session, active is None


@contextmanager
def _faults() -> Iterator[None]:
    """Say what Spark's errors mean, without Java's stack."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        text = str(error)
        if "ARITHMETIC_OVERFLOW" in text or "NUMERIC_VALUE_OUT_OF_RANGE" in text:
            raise TableError(
                "The amounts are too large for exact sums",
                expected="sums of squares of 38 digits at most",
                remedy="Give the amounts in a larger unit.",
            ) from error
        raise TableError(
            f"Spark could not read or write the transactions ({_cause(text)})",
            expected="complete files with the same columns and types, and room for the result",
            remedy="Mend what the message names.",
        ) from error


def _cause(text: str) -> str:
    """Return what a Java error says first, and what caused it, without the names of classes."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and "An error occurred" not in line]
    causes = [line for line in lines if line.startswith("Caused by:")]
    return "; ".join(JAVA_CLASS.sub("", line) for line in (*lines[:1], *causes[-1:]))[:LONGEST_CAUSE]
