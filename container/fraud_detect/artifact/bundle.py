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
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fraud_detect.artifact.manifest import FORMAT_VERSION, MANIFEST, FileEntry, Manifest
from fraud_detect.errors import ArtifactError

PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
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
        entry = self.manifest.files.get(name)
        if entry is None:
            raise ArtifactError(f"The manifest lists no {name}", expected=f"{name} in the model", remedy=RETRAIN)
        try:
            content = _bytes_of(self.folder / name)
        except OSError as error:
            raise ArtifactError(
                f"Cannot read {self.folder / name} ({error.strerror})",
                expected="the file that manifest.json lists",
                remedy=RETRAIN,
            ) from error
        _check(name, content, entry)
        return content

    def verify(self) -> None:
        """Raise `ArtifactError` unless every file is there and as the manifest says."""
        for name in self.manifest.files:
            self.content(name)


def _bytes_of(path: Path) -> bytes:
    """Return what the regular file at `path` holds; a pipe there would never end."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return path.read_bytes()


def _check(name: str, content: bytes, entry: FileEntry) -> None:
    if len(content) != entry.bytes:
        raise ArtifactError(
            f"{name} has {len(content)} bytes", expected=f"{entry.bytes} as in the manifest", remedy=RETRAIN
        )
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != entry.sha256:
        raise ArtifactError(
            f"{name} has the sha256 {sha256[:12]}...",
            expected=f"{entry.sha256[:12]}... as in the manifest",
            remedy=RETRAIN,
        )


def read(folder: Path) -> Artifact:
    """Return the artifact in `folder`; its other files are checked when their content is taken.

    Raises
    ------
    ArtifactError
        If there is no manifest, it is not one, or its format is unknown.
    """
    path = folder / MANIFEST
    try:
        text = _bytes_of(path)
    except OSError as error:
        raise ArtifactError(
            f"Cannot read {path} ({error.strerror})",
            expected="a model made by `train`, its files at the root of the folder",
            remedy="Train a model first, or mount the folder that holds its manifest.json.",
        ) from error
    return Artifact(_parse(text, path), folder)


def _parse(text: bytes, path: Path) -> Manifest:
    try:
        document = json.loads(text)
        version = document["format_version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ArtifactError(
            f"{path} is not a manifest", expected="JSON with a format_version", remedy=RETRAIN
        ) from None
    if version != FORMAT_VERSION:
        raise ArtifactError(
            f"{path} has the format version {version!r}",
            expected=f"{FORMAT_VERSION}, which this version of fraud-detect reads",
            remedy="Serve the model with the version of fraud-detect that trained it, or a later one.",
        )
    try:
        manifest = Manifest.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ArtifactError(
            f"{path} does not fit its format at {where}", expected=first["msg"], remedy=RETRAIN
        ) from None
    for name in manifest.files:
        if PLAIN_NAME.fullmatch(name) is None or name == MANIFEST:
            raise ArtifactError(f"{path} lists the file {name!r}", expected="plain file names", remedy=RETRAIN)
    return manifest


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


def write_atomically(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` into `folder` in their order: first all of them beside their places, then each renamed."""
    folder.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".incoming-", dir=folder))
    try:
        for name, content in files.items():
            _write_durably(staging / name, content)
        for name in files:
            (staging / name).replace(folder / name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
