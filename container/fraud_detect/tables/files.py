"""Which files a channel holds, and what each is.

Knows the file system. Never knows what columns mean.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import zlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from fraud_detect.errors import TableError

PARQUET_MAGIC = b"PAR1"
ZIP_MAGIC = b"PK\x03\x04"
GZIP_MAGIC = b"\x1f\x8b"
PARQUET_SUFFIXES = (".parquet", ".pq")
CSV_SUFFIXES = (".csv", ".txt")
SKIPPED = "_SUCCESS"
DRIFT = "drift.json"  # what a simulation writes beside its days
HEAD_BYTES = 1 << 20


class Format(StrEnum):
    """How a source is encoded."""

    CSV = "CSV"
    GZIP = "gzip-compressed CSV"
    PARQUET = "Parquet"
    PIPE = "CSV pipe"


@dataclass(frozen=True)
class Source:
    """One file or named pipe of a channel; `name` is what messages call it, such as `train/day-1/part-0.csv`."""

    path: Path
    format: Format
    name: str

    def __str__(self) -> str:
        return self.name


def sources(channel: Path) -> list[Source]:
    """Return the sources of the folder, file or named pipe `channel`, sorted by path.

    Hidden files, `_SUCCESS` markers and records of drift are skipped, at any depth.

    Raises
    ------
    TableError
        If there is nothing to read, or a file is not what its name says.
    """
    if channel.exists() and stat.S_ISFIFO(channel.stat().st_mode):
        return [Source(channel, Format.PIPE, channel.name)]
    paths = [channel] if channel.is_file() else _files_below(channel)
    found = [
        Source(path, _format_of(path), str(path.relative_to(channel.parent)))
        for path in paths
        if path.stat().st_size > 0
    ]
    if not found:
        empty = f", only empty ones ({paths[0].name})" if paths else ""
        raise TableError(
            f"{channel} has no data files{empty}",
            expected="at least one CSV or Parquet file with rows",
            remedy="Put the data there, or correct the path.",
        )
    if len({source.format is Format.PARQUET for source in found}) > 1:
        raise TableError(
            f"{channel} mixes Parquet and CSV files",
            expected="files of one kind",
            remedy="Convert or separate them.",
        )
    return found


def marks(channel: Path) -> list[tuple[str, int, str]]:
    """Return the relative path, size in bytes and a fingerprint of each file with data in `channel`, sorted by path.

    The fingerprint is of the first and last bytes: with name and size alike that tells copies from shards. A pipe,
    which can be read once, has none.
    """
    if channel.exists() and stat.S_ISFIFO(channel.stat().st_mode):
        return [(channel.name, 0, "")]
    paths = [channel] if channel.is_file() else _files_below(channel)
    sizes = {path: path.stat().st_size for path in paths}
    found = [(path, size) for path, size in sizes.items() if size > 0]
    return [(str(path.relative_to(channel.parent)), size, _fingerprint(path, size)) for path, size in found]


def _fingerprint(path: Path, size: int) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(HEAD_BYTES))
        file.seek(max(0, size - HEAD_BYTES))
        digest.update(file.read(HEAD_BYTES))
    return digest.hexdigest()[:16]


def _files_below(folder: Path) -> list[Path]:
    """Return the files below `folder`, each once, however many links lead to it or to a folder above it."""
    found: dict[Path, Path] = {}
    seen: set[Path] = set()
    for directory, subdirectories, names in os.walk(folder, followlinks=True):
        if (real := Path(directory).resolve()) in seen:
            subdirectories.clear()
            continue
        seen.add(real)
        subdirectories[:] = sorted(name for name in subdirectories if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".") and name not in (SKIPPED, DRIFT)):
            found.setdefault(Path(directory, name).resolve(), Path(directory, name))
    return sorted(path for path in found.values() if path.is_file())


def _format_of(path: Path) -> Format:
    with path.open("rb") as file:
        magic = file.read(4)
    if magic == ZIP_MAGIC:
        raise TableError(
            f"{path.name} is a zip archive or an Excel workbook",
            expected="CSV or Parquet",
            remedy="Unpack it, or save the sheet as CSV with commas.",
        )
    if magic == PARQUET_MAGIC:
        return _claimed(path, Format.PARQUET, refused=(*CSV_SUFFIXES, ".gz"))
    if magic.startswith(GZIP_MAGIC):
        return _claimed(path, Format.GZIP, refused=(*CSV_SUFFIXES, *PARQUET_SUFFIXES))
    return _claimed(path, Format.CSV, refused=(*PARQUET_SUFFIXES, ".gz"))


def _claimed(path: Path, content: Format, *, refused: tuple[str, ...]) -> Format:
    """Return `content` unless the file's name promises something else."""
    if path.suffix.lower() in refused:
        raise TableError(
            f"{path.name} holds {content if content is not Format.CSV else 'neither Parquet nor gzip data'}",
            expected=f"what the name ends in, {path.suffix}",
            remedy="Rename the file to what it is (.csv, .csv.gz or .parquet), or write it again.",
        )
    return content


def head(source: Source, size: int = HEAD_BYTES) -> tuple[bytes, bool]:
    """Return up to `size` first bytes of a CSV file, decompressed, and whether that is all of it."""
    opener = gzip.open if source.format is Format.GZIP else open
    try:
        with opener(source.path, "rb") as file:
            content = file.read(size + 1)
    except (EOFError, zlib.error, OSError) as error:
        raise unreadable(source, error) from error
    return content[:size], len(content) <= size


def unreadable(source: Source, error: Exception) -> TableError:
    """Return the error for a file that cannot be read to its end."""
    if isinstance(error, EOFError | gzip.BadGzipFile | zlib.error):
        return TableError(
            f"{source} is a damaged or truncated gzip file ({error})",
            expected="a complete gzip file",
            remedy="Copy or compress the file again.",
        )
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return TableError(
        f"Cannot read {source.path} ({reason})", expected="a readable file", remedy="Check its permissions."
    )
