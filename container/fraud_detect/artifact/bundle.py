"""Write, verify and read the files of an artifact.

Knows the manifest and the file system. Never knows what is in the model files.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from math import isfinite
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fraud_detect.artifact.manifest import FORMAT_VERSION, MANIFEST, FileEntry, Manifest
from fraud_detect.errors import ArtifactError

PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
MOST_MANIFEST_BYTES = 64 * 10**6
LONGEST_KEY_SHOWN = 60
STAGING = ".incoming-"
"""What the names of hidden folders begin with that are written in; a kill leaves one behind."""
RETRAIN = "Restore the file from model.tar.gz, or train the model again."


@dataclass(frozen=True)
class Artifact:
    """A manifest that was read and understood, and the folder of its files."""

    manifest: Manifest
    folder: Path

    def content(self, name: str) -> bytes:
        """Return the bytes of the file `name`.

        Raises
        ------
        ArtifactError
            If the file is missing or differs from the manifest in size or sha256.
        """
        with self._opened(name) as file:
            content = file.read(self.manifest.files[name].bytes + 1)
        self._check_size(name, len(content))
        self._check_sha256(name, hashlib.sha256(content).hexdigest())
        return content

    def verify(self) -> None:
        """Raise `ArtifactError` unless every file is there and as the manifest says."""
        for name in self.manifest.files:
            with self._opened(name) as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            self._check_sha256(name, sha256)

    @contextmanager
    def _opened(self, name: str) -> Iterator[BufferedReader]:
        """Give the file `name` once its size is found right: the content of a larger one is never read."""
        if name not in self.manifest.files:
            raise ArtifactError(f"The manifest lists no {name}", expected=f"{name} in the model", remedy=RETRAIN)
        try:
            with open_regular(self.folder / name) as file:
                self._check_size(name, os.fstat(file.fileno()).st_size)
                yield file
        except OSError as error:
            raise ArtifactError(
                f"Cannot read {self.folder / name} ({error.strerror})",
                expected="the file that manifest.json lists",
                remedy=RETRAIN,
            ) from error

    def _check_size(self, name: str, size: int) -> None:
        expected = self.manifest.files[name].bytes
        if size != expected:
            raise ArtifactError(f"{name} has {size} bytes", expected=f"{expected} as in the manifest", remedy=RETRAIN)

    def _check_sha256(self, name: str, sha256: str) -> None:
        expected = self.manifest.files[name].sha256
        if sha256 != expected:
            raise ArtifactError(
                f"{name} has the sha256 {sha256[:12]}...",
                expected=f"{expected[:12]}... as in the manifest",
                remedy=RETRAIN,
            )


def open_regular(path: Path) -> BufferedReader:
    """Return the file at `path`, to be read. Raises `OSError` for a link, or a pipe, which would never end."""
    if path.is_symlink():
        raise OSError(errno.ELOOP, "a symbolic link, which may lead anywhere", str(path))
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def read(folder: Path) -> Artifact:
    """Return the artifact in `folder`; its other files are checked when their content is taken.

    Raises
    ------
    ArtifactError
        If there is no manifest, it is not one, or its format is unknown.
    """
    path = folder / MANIFEST
    try:
        with open_regular(path) as file:
            content = file.read(MOST_MANIFEST_BYTES + 1)
    except OSError as error:
        raise ArtifactError(
            f"Cannot read {path} ({error.strerror})",
            expected="a model made by `train`, its files at the root of the folder",
            remedy="Train a model first, or mount the folder that holds its manifest.json.",
        ) from error
    if len(content) > MOST_MANIFEST_BYTES:
        raise ArtifactError(f"{path} is too large", expected=f"at most {MOST_MANIFEST_BYTES:,} bytes", remedy=RETRAIN)
    return Artifact(_parse(content, path), folder)


def _parse(content: bytes, path: Path) -> Manifest:
    try:
        document = _strict_json(content)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is not a manifest ({error})", expected="JSON in UTF-8", remedy=RETRAIN) from None
    if not isinstance(document, dict) or "format_version" not in document:
        raise ArtifactError(f"{path} is not a manifest", expected="a JSON object with a format_version", remedy=RETRAIN)
    version = document["format_version"]
    if version != FORMAT_VERSION or isinstance(version, bool):
        raise ArtifactError(
            f"{path} has the format version {version!r}",
            expected=f"{FORMAT_VERSION}, which this version of fraud-detect reads",
            remedy="Serve the model with the version of fraud-detect that trained it, or a later one.",
        )
    try:
        manifest = Manifest.model_validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "its root"
        raise ArtifactError(
            f"{path} does not fit its format at {where}",
            expected=first["msg"].removeprefix("Value error, "),
            remedy=RETRAIN,
        ) from None
    for name in manifest.files:
        if PLAIN_NAME.fullmatch(name) is None or name == MANIFEST:
            raise ArtifactError(f"{path} lists the file {name!r}", expected="plain file names", remedy=RETRAIN)
    return manifest


def _strict_json(content: bytes) -> Any:
    """Return the document in `content`, UTF-8. Raises `ValueError` where readers of JSON would disagree on it."""
    return json.loads(content.decode(), object_pairs_hook=_distinct, parse_float=_finite, parse_constant=_finite)


def _distinct(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        name, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {name[:LONGEST_KEY_SHOWN]!r} stands twice")
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text[:LONGEST_KEY_SHOWN]} is not a finite number")
    return number


def write(folder: Path, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Manifest:
    """Write `files` and their manifest into `folder`, all of it or nothing, and return the manifest.

    `manifest` holds the manifest's fields but for `files`. Everything is written to a hidden folder first,
    so that a full disk or a kill leaves an earlier model as it was.
    """
    entries = {
        name: FileEntry(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in files.items()
    }
    complete = Manifest.model_validate({**manifest, "files": entries})
    text = json.dumps(complete.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(folder, {**files, MANIFEST: (text + "\n").encode()})
    return complete


def write_atomically(folder: Path, files: Mapping[str, bytes | Iterator[bytes]]) -> None:
    """Write `files` into `folder` in their order: first all of them beside their places, then each renamed.

    A large file may come piece by piece.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with staged(folder) as staging:
        for name, content in files.items():
            _write_durably(staging / name, content)
        for name in files:
            (staging / name).replace(folder / name)


def clear_up(folder: Path, prefix: str = STAGING) -> None:
    """Delete what a kill left in `folder` of the hidden folders whose names begin with `prefix`."""
    for left in folder.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Give a new hidden folder in `folder` to write in, which goes away with what is left in it."""
    staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=folder))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _write_durably(path: Path, content: bytes | Iterator[bytes]) -> None:
    with path.open("wb") as file:
        file.writelines([content] if isinstance(content, bytes) else content)
        file.flush()
        os.fsync(file.fileno())
