"""Unpack a model.tar.gz that nobody vouches for.

The headers are read one by one here and not by `tarfile.open`, which takes as much memory as a PAX header declares,
and lets links, sparse files and extended headers change what a member is.

Knows tar, gzip and the names that FORMAT.md allows. Never knows what is in the files.
"""

from __future__ import annotations

import gzip
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from tarfile import BLOCKSIZE, HeaderError, TarInfo

from fraud_detect.artifact.bundle import PLAIN_NAME, open_regular, staged
from fraud_detect.artifact.manifest import MANIFEST
from fraud_detect.errors import ArtifactError

MOST_UNPACKED_BYTES = 4 * 2**30
MOST_MEMBERS = 100
MOST_ATTRIBUTE_BYTES = 2**20
"""Bound of one PAX header, which holds times, owners and the like."""
CHUNK_BYTES = 2**20
Unpacked = BufferedReader | gzip.GzipFile
GZIP = b"\x1f\x8b"

HIDDEN_NAME = re.compile(r"\.[A-Za-z0-9_][A-Za-z0-9._-]*")
"""What file managers leave behind: `._model.onnx`, `.DS_Store`."""
REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
ATTRIBUTES = (tarfile.XHDTYPE, tarfile.XGLTYPE)
KINDS: Mapping[bytes, str] = {
    tarfile.SYMTYPE: "the symbolic link",
    tarfile.LNKTYPE: "the hard link",
    tarfile.CHRTYPE: "the device",
    tarfile.BLKTYPE: "the device",
    tarfile.FIFOTYPE: "the pipe",
    tarfile.DIRTYPE: "the folder",
    tarfile.GNUTYPE_SPARSE: "the sparse file",
    tarfile.GNUTYPE_LONGNAME: "a name of more than 100 characters in",
    tarfile.GNUTYPE_LONGLINK: "a link with a name of more than 100 characters in",
}
ATTRIBUTE = re.compile(rb"(\d{1,7}) ([^=\n]{1,200})=")
MEANINGFUL_ATTRIBUTES = ("path", "linkpath", "size", "GNU.sparse.")
"""PAX attributes that would give a member another name, size or content than its header says."""
REPACK = "Copy it again, or pack the model's files again from inside their folder: tar -czf ../model.tar.gz *"
GIVE_ROOM = "Give the right model.tar.gz, or make room for it."


def unpack(archive: Path, folder: Path, *, most_bytes: int = MOST_UNPACKED_BYTES) -> None:
    """Write the files of `archive`, a tar file with or without gzip, into `folder`: all of them or none.

    All files lie at the archive's root; a leading `./` is taken off their names, and hidden files are left out.
    No more than `most_bytes`, nor what is free in `folder`, is ever unpacked, whatever the archive says of itself.
    Modes, owners and times are not taken over. What the files hold is for `bundle.read` to check.

    Raises
    ------
    ArtifactError
        If the archive is damaged, too large, lacks a manifest, or holds anything else than plain files at its root.
    OSError
        If `folder` cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    with staged(folder) as staging, _opened(archive) as stream:
        source = _Source(stream, min(most_bytes, free), archive.name)
        names = _extract(source, staging)
        if MANIFEST not in names:
            raise source.refusal("holds no manifest.json at its root")
        for name in sorted(names, key=lambda name: name == MANIFEST):
            (staging / name).replace(folder / name)


@contextmanager
def _opened(archive: Path) -> Iterator[Unpacked]:
    """Give the unpacked bytes of `archive`, of any length."""
    try:
        file = open_regular(archive.resolve())
    except OSError as error:
        raise ArtifactError(
            f"Cannot read {archive} ({error.strerror})", expected="a model.tar.gz", remedy="Name the right file."
        ) from error
    with file:
        zipped = file.peek(len(GZIP)).startswith(GZIP)
        yield gzip.GzipFile(fileobj=file) if zipped else file


class _Source:
    """The unpacked bytes of the archive `name`, of which at most `most_bytes` are read."""

    def __init__(self, stream: Unpacked, most_bytes: int, name: str) -> None:
        self._stream, self._most, self._left, self._name = stream, most_bytes, most_bytes, name

    def refusal(self, got: str) -> ArtifactError:
        """Return the error of an archive that `got`."""
        return ArtifactError(
            f"{self._name} {got}", expected="a tar file with the model's files at its root", remedy=REPACK
        )

    def too_large(self) -> ArtifactError:
        """Return the error of an archive that holds more than there is room for."""
        return ArtifactError(
            f"{self._name} unpacks to more than {self._most:,} bytes",
            expected=f"at most {MOST_UNPACKED_BYTES:,} bytes, and no more than are free",
            remedy=GIVE_ROOM,
        )

    def chunks(self, size: int) -> Iterator[bytes]:
        """Give the next `size` bytes in pieces."""
        if not 0 <= size <= self._left:
            raise self.too_large() if size > 0 else self.refusal("has a member of negative size")
        while size > 0:
            piece = self._read(min(size, CHUNK_BYTES))
            if not piece:
                raise self.refusal("is cut short")
            size -= len(piece)
            yield piece

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        return b"".join(self.chunks(size))

    def expect_end(self) -> None:
        """Raise unless only zeros follow, to the end of the stream, where gzip keeps its checksum."""
        while piece := self._read(min(CHUNK_BYTES, self._left + 1)):
            if piece.count(0) != len(piece):
                raise self.refusal("has something behind its end")

    def _read(self, size: int) -> bytes:
        try:
            piece = self._stream.read(size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise self.refusal(f"is damaged or cut short ({error})") from error
        self._left -= len(piece)
        if self._left < 0:
            raise self.too_large()
        return piece


def _extract(source: _Source, folder: Path) -> set[str]:
    """Write the files into `folder` and return their names."""
    seen: set[str] = set()
    written: set[str] = set()
    for member in _members(source):
        name = _name_of(member, source)
        if name.lower() in seen:  # some file systems take both for one
            raise source.refusal(f"holds {name!r} twice")
        seen.add(name.lower())
        if HIDDEN_NAME.fullmatch(name):
            for _ in source.chunks(member.size):
                pass
        else:
            with (folder / name).open("xb") as file:
                file.writelines(source.chunks(member.size))
            written.add(name)
        source.take(-member.size % BLOCKSIZE)
    source.expect_end()
    return written


def _members(source: _Source) -> Iterator[TarInfo]:
    """Give the headers of the files; whoever takes one reads its content before the next."""
    for _ in range(MOST_MEMBERS):
        block = source.take(BLOCKSIZE)
        if block.count(0) == BLOCKSIZE:
            return
        try:
            member = TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except HeaderError as error:
            raise source.refusal(f"is no tar file, or a damaged one ({error})") from error
        if member.type in ATTRIBUTES:
            _check_attributes(member, source)
        elif member.type != tarfile.DIRTYPE or member.name not in ("", ".") or member.size != 0:
            yield member
    raise source.refusal(f"holds more than {MOST_MEMBERS} entries")


def _check_attributes(header: TarInfo, source: _Source) -> None:
    """Read over a PAX header, which is for the next member. Raise if it would change what that is."""
    if header.size > MOST_ATTRIBUTE_BYTES:
        raise source.refusal(f"has a header of {header.size:,} bytes")
    block = source.take(header.size)
    source.take(-header.size % BLOCKSIZE)
    place = 0
    while place < len(block):
        record = ATTRIBUTE.match(block, place)
        if record is None or place + int(record[1]) < record.end():
            raise source.refusal("has a damaged header")
        keyword = record[2].decode(errors="replace")
        if keyword.startswith(MEANINGFUL_ATTRIBUTES):
            raise source.refusal(f"has a header that sets the {keyword!r} of a member")
        place += int(record[1])


def _name_of(member: TarInfo, source: _Source) -> str:
    """Return the file name of `member`. Raise unless it is a plain file at the root."""
    name = member.name.removeprefix("./")
    shown = repr(member.name)
    if member.type not in REGULAR:
        raise source.refusal(
            f"holds {KINDS.get(member.type, f'an entry of the unknown kind {member.type!r},')} {shown}"
        )
    if "/" in name:
        raise source.refusal(f"holds {shown}, which is not at its root")
    if PLAIN_NAME.fullmatch(name) is None and HIDDEN_NAME.fullmatch(name) is None:
        raise source.refusal(f"holds a file with the name {shown}")
    return name
