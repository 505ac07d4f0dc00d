"""A model.tar.gz gives the files that it should, or nothing at all."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import random
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraud_detect.artifact import bundle
from fraud_detect.artifact.archive import MOST_ATTRIBUTE_BYTES, MOST_MEMBERS, unpack
from fraud_detect.artifact.manifest import MANIFEST, MODEL
from fraud_detect.errors import ArtifactError
from training_factories import DATA, files_of

GOLDEN = DATA / "valid" / "artifact_v1"
END = bytes(2 * tarfile.BLOCKSIZE)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % tarfile.BLOCKSIZE)


def an_entry(name: str, content: bytes = b"{}", *, size: int | None = None, **fields: Any) -> bytes:
    """Return a member of a tar file; `size` is what it declares, `fields` are those of `TarInfo`."""
    member = tarfile.TarInfo(name)
    for field, value in {"size": len(content) if size is None else size, **fields}.items():
        setattr(member, field, value)
    return member.tobuf(tarfile.GNU_FORMAT) + padded(content)


def a_header(*attributes: str, kind: bytes = tarfile.XHDTYPE) -> bytes:
    """Return a PAX header for the member after it, with attributes such as `mtime=1.5`."""
    return an_entry("PaxHeader", b"".join(map(a_record, attributes)), type=kind)


def a_record(attribute: str) -> bytes:
    rest = f" {attribute}\n".encode()
    length = next(size for size in range(len(rest), len(rest) + 9) if size == len(rest) + len(str(size)))
    return str(length).encode() + rest


def a_damaged_entry(place: int) -> bytes:
    entry = bytearray(an_entry(MODEL))
    entry[place] ^= 1
    return bytes(entry)


def an_archive(folder: Path, *entries: bytes, end: bytes = END) -> Path:
    """Write a model.tar.gz of `entries` into `folder` and return its path."""
    path = folder / "model.tar.gz"
    path.write_bytes(gzip.compress(b"".join(entries) + end, mtime=0))
    return path


FIRST = an_entry(MANIFEST)
PLAIN = an_entry(MODEL)
HOSTILE: dict[str, tuple[Sequence[bytes], str]] = {
    "parent": ([an_entry("../model.onnx")], "holds '../model.onnx', which is not at its root"),
    "parent of the root": ([an_entry("./../model.onnx")], "holds './../model.onnx', which is not at its root"),
    "parent itself": ([an_entry("..")], "holds a file with the name '..'"),
    "absolute": ([an_entry("/etc/passwd")], "holds '/etc/passwd', which is not at its root"),
    "below the root": ([an_entry("model/model.onnx")], "holds 'model/model.onnx', which is not at its root"),
    "twice below the root": ([an_entry("././model.onnx")], "holds '././model.onnx', which is not at its root"),
    "folder": ([an_entry("code", b"", type=tarfile.DIRTYPE)], "holds the folder 'code'"),
    "parent folder": ([an_entry("..", b"", type=tarfile.DIRTYPE)], "holds the folder '..'"),
    "old folder": ([an_entry("code/", b"", type=tarfile.AREGTYPE)], "holds the folder 'code'"),
    "root with content": ([an_entry("./", b"{}", type=tarfile.DIRTYPE)], "holds the folder '.'"),
    "symbolic link": (
        [an_entry(MODEL, b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")],
        "holds the symbolic link 'model.onnx'",
    ),
    "hard link": (
        [an_entry(MODEL, b"", type=tarfile.LNKTYPE, linkname=MANIFEST)],
        "holds the hard link 'model.onnx'",
    ),
    "device": ([an_entry(MODEL, b"", type=tarfile.CHRTYPE, devmajor=1, devminor=5)], "holds the device 'model.onnx'"),
    "disk": ([an_entry(MODEL, b"", type=tarfile.BLKTYPE, devmajor=8)], "holds the device 'model.onnx'"),
    "pipe": ([an_entry(MODEL, b"", type=tarfile.FIFOTYPE)], "holds the pipe 'model.onnx'"),
    "sparse": ([an_entry(MODEL, type=tarfile.GNUTYPE_SPARSE)], "holds the sparse file 'model.onnx'"),
    "unknown kind": ([an_entry(MODEL, type=b"Q")], "holds an entry of the unknown kind b'Q', 'model.onnx'"),
    "long name": (
        [an_entry("././@LongLink", b"../x\0", type=tarfile.GNUTYPE_LONGNAME), PLAIN],
        "holds a name of more than 100 characters in '././@LongLink'",
    ),
    "long link": ([an_entry("x", type=tarfile.GNUTYPE_LONGLINK)], "holds a link with a name of more than"),
    "twice": ([PLAIN, PLAIN], "holds 'model.onnx' twice"),
    "twice but for the root": ([PLAIN, an_entry("./model.onnx")], "holds 'model.onnx' twice"),
    "twice but for case": ([PLAIN, an_entry("MODEL.onnx")], "holds 'MODEL.onnx' twice"),
    "manifest twice": ([FIRST], "holds 'manifest.json' twice"),
    "name with a blank": ([an_entry("a model")], "holds a file with the name 'a model'"),
    "name with a line end": ([an_entry("model\n")], r"holds a file with the name 'model\n'"),
    "name for Windows": ([an_entry("..\\model.onnx")], r"holds a file with the name '..\\model.onnx'"),
    "name of an option": ([an_entry("-rf")], "holds a file with the name '-rf'"),
    "name beyond ASCII": ([an_entry("modèle")], "holds a file with the name 'modèle'"),
    "no name": ([an_entry("")], "holds a file with the name ''"),
    "another name": ([a_header("path=../x"), PLAIN], "has a header that sets the 'path' of a member"),
    "another size": ([a_header("mtime=1.5", "size=9"), PLAIN], "has a header that sets the 'size' of a member"),
    "another content": (
        [a_header("GNU.sparse.major=1"), PLAIN],
        "has a header that sets the 'GNU.sparse.major' of a member",
    ),
    "another name for all": ([a_header("path=x", kind=tarfile.XGLTYPE), PLAIN], "has a header that sets the 'path'"),
    "header of no form": ([an_entry("x", b"99 no", type=tarfile.XHDTYPE)], "has a damaged header"),
    "header of no length": ([an_entry("x", b"0 a=b\n", type=tarfile.XHDTYPE)], "has a damaged header"),
    "large header": (
        [an_entry("x", b"", size=3 * 10**9, type=tarfile.XHDTYPE)],
        "has a header of 3,000,000,000 bytes",
    ),
    "damaged header": ([a_damaged_entry(0)], "is no tar file, or a damaged one (bad checksum)"),
    "declared too large": ([an_entry(MODEL, size=2**63)], "unpacks to more than"),
    "declared below zero": ([an_entry(MODEL, size=-1)], "has a member of negative size"),
    "many files": ([an_entry(f"file_{number}", b"") for number in range(MOST_MEMBERS)], "holds more than 100 entries"),
    "many headers": ([a_header("mtime=1")] * MOST_MEMBERS, "holds more than 100 entries"),
    "something behind its end": ([END, PLAIN], "has something behind its end"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_and_nothing_is_left(name: str, tmp_path: Path) -> None:
    entries, got = HOSTILE[name]
    archive = an_archive(tmp_path, FIRST, *entries)

    with pytest.raises(ArtifactError) as caught:
        unpack(archive, tmp_path / "folder")

    assert caught.value.got.startswith(f"model.tar.gz {got}")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "model.tar.gz"]


def a_pack_of_the_golden_model(folder: Path) -> Path:
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        for path in GOLDEN.iterdir():
            archive.add(path, path.name)
    return folder / "model.tar.gz"


def test_a_packed_model_is_whole_again(tmp_path: Path) -> None:
    unpack(a_pack_of_the_golden_model(tmp_path), tmp_path / "folder")

    bundle.read(tmp_path / "folder").verify()
    assert files_of(tmp_path / "folder") == files_of(GOLDEN)


@pytest.mark.skipif(shutil.which("tar") is None, reason="there is no tar")
@pytest.mark.parametrize("options", [["-c"], ["-cz"], ["-cz", "--format=pax"], ["-c", "--format=v7"]])
@pytest.mark.parametrize("what", [["."], ["manifest.json", "model.onnx", "model.ubj"]])
def test_what_tar_packs_is_unpacked(options: list[str], what: list[str], tmp_path: Path) -> None:
    archive = tmp_path / "model.tar.gz"
    subprocess.run(["tar", *options, "-f", str(archive), "-C", str(GOLDEN), *what], check=True)

    unpack(archive, tmp_path / "folder")

    bundle.read(tmp_path / "folder").verify()


def test_hidden_files_of_file_managers_are_left_out(tmp_path: Path) -> None:
    archive = an_archive(tmp_path, an_entry("._manifest.json"), FIRST, an_entry("./.DS_Store", b"x" * 6148))

    unpack(archive, tmp_path / "folder")

    assert [path.name for path in (tmp_path / "folder").iterdir()] == [MANIFEST]


def test_headers_that_change_no_file_are_read_over(tmp_path: Path) -> None:
    headers = a_header("comment=0123", kind=tarfile.XGLTYPE), a_header("mtime=1.5", "LIBARCHIVE.xattr.a=b==")

    unpack(an_archive(tmp_path, *headers, FIRST), tmp_path / "folder")

    assert (tmp_path / "folder" / MANIFEST).read_bytes() == b"{}"


def test_modes_are_not_taken_over(tmp_path: Path) -> None:
    unpack(an_archive(tmp_path, an_entry(MANIFEST, mode=0o6777)), tmp_path / "folder")

    assert (tmp_path / "folder" / MANIFEST).stat().st_mode & 0o7111 == 0


def test_an_earlier_model_is_replaced(tmp_path: Path) -> None:
    unpack(an_archive(tmp_path, FIRST), tmp_path / "folder")
    unpack(an_archive(tmp_path, an_entry(MANIFEST, b"[]")), tmp_path / "folder")

    assert (tmp_path / "folder" / MANIFEST).read_bytes() == b"[]"


def test_a_refused_archive_leaves_an_earlier_model_as_it_was(tmp_path: Path) -> None:
    unpack(an_archive(tmp_path, FIRST), tmp_path / "folder")

    with pytest.raises(ArtifactError):
        unpack(an_archive(tmp_path, an_entry(MANIFEST, b"[]"), end=b""), tmp_path / "folder")

    assert files_of(tmp_path / "folder") == {MANIFEST: b"{}"}


def test_an_archive_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"holds no manifest.json at its root"):
        unpack(an_archive(tmp_path, PLAIN), tmp_path / "folder")


BOUND = 10**6
BOMBS = {
    "one file": [an_entry(MODEL, bytes(2 * BOUND))],
    "many files": [an_entry(f"file_{number}", bytes(BOUND // 10)) for number in range(20)],
    "hidden file": [an_entry(".hidden", bytes(2 * BOUND))],
    "headers": [an_entry("x", a_record("a=" + "x" * (BOUND // 2)), type=tarfile.XHDTYPE)] * 4,
    "zeros behind the end": [END, bytes(2 * BOUND)],
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_put_out_before_its_end_is_read(name: str, tmp_path: Path) -> None:
    """Its end is damaged: whoever reads that far finds another fault."""
    archive = an_archive(tmp_path, FIRST, *BOMBS[name], END, random.Random(0).randbytes(8 * BOUND))  # noqa: S311  no secret
    archive.write_bytes(archive.read_bytes()[:-4])

    with pytest.raises(ArtifactError, match="unpacks to more than 1,000,000 bytes"):
        unpack(archive, tmp_path / "folder", most_bytes=BOUND)

    assert list((tmp_path / "folder").iterdir()) == []


def test_no_more_is_unpacked_than_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = an_archive(tmp_path, FIRST, an_entry(MODEL, bytes(BOUND)))
    monkeypatch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(10 * BOUND, 9 * BOUND, BOUND))

    with pytest.raises(ArtifactError, match="unpacks to more than 1,000,000 bytes"):
        unpack(archive, tmp_path / "folder")


def test_an_archive_may_unpack_to_the_bound(tmp_path: Path) -> None:
    archive = an_archive(tmp_path, FIRST)

    unpack(archive, tmp_path / "folder", most_bytes=len(FIRST) + len(END))

    with pytest.raises(ArtifactError, match="unpacks to more than"):
        unpack(archive, tmp_path / "folder", most_bytes=len(FIRST) + len(END) - 1)


def test_the_largest_header_is_read(tmp_path: Path) -> None:
    longest = "a=" + "x" * (MOST_ATTRIBUTE_BYTES - len("1048576 a=\n"))

    unpack(an_archive(tmp_path, a_header(longest), FIRST), tmp_path / "folder")

    with pytest.raises(ArtifactError, match="has a header of"):
        unpack(an_archive(tmp_path, a_header(longest + "x"), FIRST), tmp_path / "folder")


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b", b"PK\x03\x04" * 200, b"\x1f\x8b" * 400, gzip.compress(b"", mtime=0)]
)
def test_a_file_that_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(content)

    with pytest.raises(ArtifactError, match=r"is cut short|is no tar file|is damaged"):
        unpack(tmp_path / "model.tar.gz", tmp_path / "folder")


def test_a_missing_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="No such file"):
        unpack(tmp_path / "model.tar.gz", tmp_path / "folder")


@pytest.mark.timeout(20)
def test_a_pipe_instead_of_an_archive_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.tar.gz")

    with pytest.raises(ArtifactError, match="not a regular file"):
        unpack(tmp_path / "model.tar.gz", tmp_path / "folder")


@pytest.fixture(scope="module")
def golden_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return a_pack_of_the_golden_model(tmp_path_factory.mktemp("golden")).read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_an_archive_cut_anywhere_is_refused(share: float, golden_bytes: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(golden_bytes[: int(share * len(golden_bytes))])

    with pytest.raises(ArtifactError, match=r"is cut short|is damaged"):
        unpack(tmp_path / "model.tar.gz", tmp_path / "folder")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(changes=st.lists(st.tuples(st.integers(0, 3 * 512), st.integers(1, 255)), min_size=1, max_size=4))
def test_a_changed_archive_gives_plain_files_or_nothing(changes: list[tuple[int, int]], tmp_path: Path) -> None:
    content = bytearray(FIRST + PLAIN + END)
    for place, change in changes:
        content[place] ^= change
    (tmp_path / "model.tar.gz").write_bytes(repaired(content))
    folder = tmp_path / "folder"

    with contextlib.suppress(ArtifactError):
        unpack(tmp_path / "model.tar.gz", folder)

    assert all(bundle.PLAIN_NAME.fullmatch(path.name) and path.is_file() for path in folder.iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "model.tar.gz"}
    shutil.rmtree(folder)


def repaired(content: bytearray) -> bytes:
    """Return `content` with right checksums in its first header, so that a change of it is not found too easily."""
    header = content[: tarfile.BLOCKSIZE]
    header[148:156] = b"%06o\0 " % (256 + sum(header[:148]) + sum(header[156:]))
    return io.BytesIO(header + content[tarfile.BLOCKSIZE :]).getvalue()
