"""The output folder of features by Spark: a folder of this machine, or one of a file system that Spark reaches.

Knows the file system and Hadoop's. Never knows features, queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fraud_detect.errors import SettingError
from fraud_detect.tables.day_files import DayFiles

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCHEME = "://"
FILE_SCHEME = "file://"


class Store(Protocol):
    """Files by name in one folder."""

    @property
    def uri(self) -> str:
        """What Spark calls the folder."""
        ...

    def held(self) -> AbstractContextManager[None]:
        """Make the folder, and keep other runs out of it, where the file system can. Raises `SettingError` if not."""
        ...

    def sizes(self) -> Mapping[str, int]:
        """Return the sizes in bytes of the files in it that are not hidden, by name."""
        ...

    def read(self, name: str) -> str | None:
        """Return the text of a file, None if there is none."""
        ...

    def write(self, name: str, text: str) -> None:
        """Replace a file of text."""
        ...

    def remove(self, names: Sequence[str]) -> None:
        """Delete files or folders, whether they are there or not."""
        ...

    def adopt(self, folder: str, name: str) -> None:
        """Let the one data file in `folder`, below this one, take the place of the file `name`."""
        ...


def is_remote(path: str) -> bool:
    """Return whether a path is one of another file system than this machine's."""
    return SCHEME in path and not path.startswith(FILE_SCHEME)


def open_store(spark: SparkSession, folder: str) -> Store:
    """Return the store for a path or URI."""
    return RemoteStore(spark, folder) if is_remote(folder) else LocalStore(Path(folder.removeprefix(FILE_SCHEME)))


class LocalStore:
    """A folder of this machine: files are replaced whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._files = DayFiles(folder, "parquet")
        self.uri = f"{FILE_SCHEME}{folder.resolve()}"  # Spark decodes no %20

    def held(self) -> AbstractContextManager[None]:
        """As `Store.held`."""
        self._files.visible()
        return self._files.locked()

    def sizes(self) -> Mapping[str, int]:
        """As `Store.sizes`."""
        return self._files.sizes()

    def read(self, name: str) -> str | None:
        """As `Store.read`."""
        return self._files.read(name)

    def write(self, name: str, text: str) -> None:
        """As `Store.write`."""
        with self._files.replacing_file(name) as path:
            path.write_text(text, encoding="utf-8")

    def remove(self, names: Sequence[str]) -> None:
        """As `Store.remove`."""
        import shutil

        for name in names:
            path = self._files.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def adopt(self, folder: str, name: str) -> None:
        """As `Store.adopt`."""
        (part,) = (self._files.folder / folder).glob("*.parquet")
        with self._files.replacing_file(name) as path:
            part.replace(path)


class RemoteStore:
    """A folder of HDFS, S3 or the like, through Hadoop's file systems.

    There is no replacing there: a file is deleted and another one renamed, which takes a moment. An interrupted run is
    made good by the next one, which does not trust days that it has no note of.
    """

    def __init__(self, spark: SparkSession, folder: str) -> None:
        self.uri = folder.rstrip("/")
        jvm: Any = spark._jvm
        self._path = jvm.org.apache.hadoop.fs.Path
        self._text = jvm.org.apache.commons.io.IOUtils
        try:
            self._system = self._path(self.uri).getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())
        except Exception as error:
            raise SettingError(
                f"Spark reaches no file system for {folder} ({str(error).splitlines()[-1]})",
                expected="a folder of this machine, or a URI such as s3://BUCKET/PREFIX where Spark has its driver",
                remedy="Give Spark the driver's package (for S3: hadoop-aws), or use another folder.",
            ) from error

    def _at(self, name: str) -> Any:
        return self._path(f"{self.uri}/{name}")

    @contextmanager
    def held(self) -> Iterator[None]:
        """As `Store.held`: such file systems know no locks, so that nobody is kept out."""
        self._system.mkdirs(self._path(self.uri))
        yield

    def sizes(self) -> Mapping[str, int]:
        """As `Store.sizes`."""
        found = {
            status.getPath().getName(): status.getLen() for status in self._system.listStatus(self._path(self.uri))
        }
        return {name: size for name, size in found.items() if not name.startswith(".")}

    def read(self, name: str) -> str | None:
        """As `Store.read`."""
        if not self._system.exists(self._at(name)):
            return None
        stream = self._system.open(self._at(name))
        try:
            return str(self._text.toString(stream, "UTF-8"))
        finally:
            stream.close()

    def write(self, name: str, text: str) -> None:
        """As `Store.write`."""
        stream = self._system.create(self._at(name), True)
        try:
            self._text.write(text, stream, "UTF-8")
        finally:
            stream.close()

    def remove(self, names: Sequence[str]) -> None:
        """As `Store.remove`."""
        for name in names:
            self._system.delete(self._at(name), True)

    def adopt(self, folder: str, name: str) -> None:
        """As `Store.adopt`."""
        found = [status.getPath() for status in self._system.listStatus(self._at(folder))]
        (part,) = (path for path in found if path.getName().endswith(".parquet"))
        self._system.delete(self._at(name), False)
        if not self._system.rename(part, self._at(name)):
            raise SettingError(
                f"{self.uri}/{name} could not be put in its place",
                expected="a folder in which files may be renamed",
                remedy="Look at its permissions, and start again.",
            )
