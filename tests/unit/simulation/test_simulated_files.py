"""Day files: names, formats, and what happens when they cannot be written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from fraud_detect.errors import SettingError
from fraud_detect.simulation import files
from fraud_detect.simulation.parameters import Parameters
from fraud_detect.simulation.simulate import COLUMNS, DayTable, simulate
from fraud_detect.tables.day_files import DayFiles


def written(folder: Path, file_format: str = "parquet", **overrides: Any) -> list[DayTable]:
    parameters = Parameters(**{"customers": 50, "terminals": 100, "days": 3, "radius": 20.0, **overrides})
    day_files = files.prepare(folder, file_format, parameters)
    return list(files.write(simulate(parameters, np.random.default_rng(0)), day_files))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_there_is_one_file_a_day_named_by_its_date(tmp_path: Path) -> None:
    written(tmp_path / "new" / "folder")
    assert names(tmp_path / "new" / "folder") == ["2018-04-01.parquet", "2018-04-02.parquet", "2018-04-03.parquet"]


@pytest.mark.parametrize("file_format", files.FORMATS)
def test_a_file_holds_the_rows_of_its_day(tmp_path: Path, file_format: str) -> None:
    table = written(tmp_path, file_format)[1]
    read = duckdb.sql(f"FROM '{tmp_path}/2018-04-02.{file_format}'").fetchnumpy()
    assert list(read) == list(COLUMNS)
    for name, values in table.columns.items():
        np.testing.assert_array_equal(read[name], values)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    written(tmp_path / "a")
    written(tmp_path / "b")
    for name in names(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_quote_in_the_folder_is_no_trouble(tmp_path: Path) -> None:
    written(tmp_path / "Ann's", days=1)
    assert names(tmp_path / "Ann's") == ["2018-04-01.parquet"]


def test_the_same_days_are_replaced(tmp_path: Path) -> None:
    written(tmp_path)
    written(tmp_path)
    assert len(names(tmp_path)) == 3


def test_a_folder_with_days_that_would_stay_behind_is_refused(tmp_path: Path) -> None:
    written(tmp_path, days=3)
    with pytest.raises(SettingError, match=r"already holds other files: 2018-04-03\.parquet"):
        written(tmp_path, days=2)


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match="Cannot write"):
        written(tmp_path / "file")


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_full_disk_is_the_users_to_mend_and_leaves_nothing_behind(tmp_path: Path) -> None:
    def fill() -> None:
        with DayFiles(tmp_path, "parquet").replacing(date(2018, 4, 1)) as path:
            path.symlink_to("/dev/full")
            path.write_bytes(b"some rows")

    with pytest.raises(SettingError, match="No space left"):
        fill()
    assert names(tmp_path) == []


def test_a_day_that_fails_half_way_leaves_the_earlier_file(tmp_path: Path) -> None:
    def fail() -> None:
        with DayFiles(tmp_path, "csv").replacing(date(2018, 4, 1)) as path:
            path.write_text("half")
            raise RuntimeError

    (tmp_path / "2018-04-01.csv").write_text("earlier")
    with pytest.raises(RuntimeError):
        fail()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"2018-04-01.csv": "earlier"}


def test_days_are_written_as_they_come(tmp_path: Path) -> None:
    def tables() -> Iterator[DayTable]:
        for table in simulate(Parameters(customers=50, days=2, radius=50.0), np.random.default_rng(0)):
            seen.append(len(names(tmp_path)))
            yield table

    seen: list[int] = []
    list(files.write(tables(), DayFiles(tmp_path, "csv")))
    assert seen == [0, 1]
