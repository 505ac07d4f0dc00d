"""Which files of transactions a path means.

Knows the file system. Never knows engines, columns.
"""

from __future__ import annotations

import csv
import glob
import gzip
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, cast

from fraud_detect.errors import SettingError, TableError
from fraud_detect.tables.files import DRIFT, GZIP_MAGIC, SKIPPED, Format, sources

PARQUET, CSV = "parquet", "csv"
_KINDS: Mapping[Format, str] = {Format.PARQUET: PARQUET, Format.CSV: CSV, Format.GZIP: CSV}


@dataclass(frozen=True)
class InputFiles:
    """Files with transactions, all `PARQUET` or all `CSV` (plain or compressed), sorted; and files of no byte."""

    paths: Sequence[Path]
    kind: str
    empty: Sequence[Path]


def find(pattern: str) -> InputFiles:
    """Return the files that `pattern` means: a Parquet or CSV file, a folder of them, or a glob.

    Raises
    ------
    TableError
        If there are none, or of several kinds, or a pipe.
    """
    try:
        named = [Path(pattern)] if Path(pattern).exists() else _matches(pattern)
    except OSError as error:
        raise TableError(
            f"The input cannot be looked at ({error.strerror})", expected="a path", remedy="Correct the path."
        ) from error
    if not named and "://" in pattern:
        raise TableError(
            f"{pattern} is no place on this machine",
            expected="a path of this machine, or --engine spark, which reads such addresses",
            remedy="Copy the files here, or use Spark.",
        )
    if not named:
        raise TableError(
            f"No file matches {pattern}",
            expected="a Parquet or CSV file, a folder of them, or a glob",
            remedy="Correct the path; quote a glob, so that the shell leaves it alone.",
        )
    empty = [path for each in named for path in _within(each) if path.is_file() and path.stat().st_size == 0]
    with_rows = [path for path in named if path not in empty] or named
    found = {source.path.resolve(): source for path in sorted(with_rows) for source in sources(path)}
    kinds = {_KINDS.get(source.format) for source in found.values()}
    kind = kinds.pop()
    if kinds or kind is None:
        raise TableError(
            f"{pattern} means files of several kinds, or a pipe",
            expected="either Parquet or CSV files",
            remedy="Name the files of one kind by a glob, such as 'folder/*.parquet'.",
        )
    return InputFiles([source.path for source in found.values()], kind, empty)


def _matches(pattern: str) -> Sequence[Path]:
    paths = (Path(path) for path in glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    return [path for path in paths if path.name not in (SKIPPED, DRIFT)]


def _within(path: Path) -> Sequence[Path]:
    return [each for each in path.rglob("*") if not each.name.startswith((".", "_"))] if path.is_dir() else [path]


def is_header_alone(path: Path) -> bool:
    """Return whether a CSV file, plain or compressed, has one line at most."""
    with _opened(path) as file, io.TextIOWrapper(file, encoding="latin-1", newline=None) as lines:
        return not any(line.strip() for line in islice(lines, 1, None))


def header(path: Path) -> Sequence[str]:
    """Return the names in the first line of a CSV file, plain or compressed."""
    with _opened(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline=None) as lines:
        line = lines.readline()
    return [name.strip() for name in next(csv.reader([line]), [])]


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as raw:
        compressed = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    return cast("IO[bytes]", gzip.open(path) if compressed else path.open("rb"))


def refuse_equal_names(names: Mapping[Path, Sequence[str]]) -> None:
    """Raise `TableError` for a file with columns of the same name, whatever their case: engines would rename one."""
    for path, found in names.items():
        twice = [name for name, count in Counter(name.lower() for name in found).items() if count > 1]
        if twice:
            raise TableError(
                f"{path.name} has the column '{twice[0]}' twice, whatever its case",
                expected="names that differ, whatever their case",
                remedy="Rename or drop all but one of them.",
            )


def files_without_rows(paths: Sequence[Path]) -> Sequence[str]:
    """Return a sentence on files that have no rows, if there are any."""
    names = ", ".join(path.name for path in paths[:5]) + (", ..." if len(paths) > 5 else "")
    return [f"{len(paths)} files have no rows: {names}"] if paths else []


def missing_columns(names: Mapping[Path, Sequence[str]]) -> Sequence[str]:
    """Return sentences on the columns that some files have and others have not."""
    everywhere = {name.lower(): name for found in names.values() for name in found}
    sentences = []
    for lower, name in sorted(everywhere.items()):
        without = [path.name for path, found in names.items() if lower not in {each.lower() for each in found}]
        if without:
            shown = f"{', '.join(without[:3])}{', ...' if without[3:] else ''}"
            sentences.append(f"the column {name} is missing in {len(without)} of {len(names)} files, so empty: {shown}")
    return sentences


def refuse_own_input(pattern: str, found: InputFiles, folder: Path) -> None:
    """Raise `SettingError` if the output `folder` holds, or lies within, what is read."""
    read = {path.resolve().parent for path in found.paths}
    if folder.resolve() in read or (
        Path(pattern).is_dir() and folder.resolve().is_relative_to(Path(pattern).resolve())
    ):
        raise SettingError(
            f"The output folder {folder} is in the input's own",
            expected="another folder, whose files are not taken for transactions",
            remedy="Choose an output folder outside.",
        )
