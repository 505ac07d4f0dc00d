"""A channel's files are found at any depth, in one order, and are what their names say."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import duckdb
import pytest

from fraud_detect.errors import TableError
from fraud_detect.tables.files import Format, head, sources

CSV = b"Class,x\n0,1\n"


def put(folder: Path, *names: str, content: bytes = CSV) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def names_of(channel: Path) -> list[str]:
    return [str(source) for source in sources(channel)]


def test_files_are_found_at_any_depth_and_sorted(tmp_path: Path) -> None:
    put(tmp_path / "train", "b.csv", "day=2/a.csv", "day=1/hour=3/z.csv", "a.csv")

    assert names_of(tmp_path / "train") == [
        "train/a.csv",
        "train/b.csv",
        "train/day=1/hour=3/z.csv",
        "train/day=2/a.csv",
    ]


@pytest.mark.parametrize("name", [".hidden.csv", "_SUCCESS", ".ipynb_checkpoints/a.csv", "deep/.git/a.csv", "deep/.DS"])
def test_hidden_files_and_markers_are_passed_over(name: str, tmp_path: Path) -> None:
    put(tmp_path / "train", "a.csv", name)

    assert names_of(tmp_path / "train") == ["train/a.csv"]


def test_empty_files_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path / "train", "a.csv")
    put(tmp_path / "train", "part-1.csv", content=b"")

    assert names_of(tmp_path / "train") == ["train/a.csv"]


def test_a_file_may_be_the_channel_itself(tmp_path: Path) -> None:
    put(tmp_path, "data.csv")

    assert [source.path for source in sources(tmp_path / "data.csv")] == [tmp_path / "data.csv"]


def test_links_to_folders_are_followed(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", "a.csv")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "linked").symlink_to(tmp_path / "elsewhere")

    assert names_of(tmp_path / "train") == ["train/linked/a.csv"]


@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a", "a.CSV", "part-00000"])
def test_text_is_csv_whatever_its_name(name: str, tmp_path: Path) -> None:
    assert [source.format for source in sources(put(tmp_path / "train", name))] == [Format.CSV]


@pytest.mark.parametrize("name", ["a.csv.gz", "a.gz", "a"])
def test_gzip_is_known_by_its_content(name: str, tmp_path: Path) -> None:
    put(tmp_path / "train", name, content=gzip.compress(CSV))

    assert [source.format for source in sources(tmp_path / "train")] == [Format.GZIP]


@pytest.mark.parametrize("name", ["a.parquet", "a.pq", "a"])
def test_parquet_is_known_by_its_content(name: str, tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    duckdb.sql("SELECT 0 AS Class, 1.5 AS x").write_parquet(str(tmp_path / "train" / name))

    assert [source.format for source in sources(tmp_path / "train")] == [Format.PARQUET]


def test_a_named_pipe_is_a_source_of_its_own(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train_0")

    assert [(str(source), source.format) for source in sources(tmp_path / "train_0")] == [("train_0", Format.PIPE)]


def test_a_channel_that_does_not_exist_has_no_data(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no data files"):
        sources(tmp_path / "train")


def test_a_head_is_decompressed(tmp_path: Path) -> None:
    put(tmp_path / "train", "a.csv.gz", content=gzip.compress(CSV))

    assert head(sources(tmp_path / "train")[0]) == (CSV, True)


@pytest.mark.parametrize(("size", "expected"), [(len(CSV) - 1, (CSV[:-1], False)), (len(CSV), (CSV, True))])
def test_a_head_says_whether_it_is_all(size: int, expected: tuple[bytes, bool], tmp_path: Path) -> None:
    assert head(sources(put(tmp_path / "train", "a.csv"))[0], size) == expected
