"""From files to day files: formats, columns kept, and what is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from fraud_detect.errors import SettingError, TableError
from fraud_detect.features.definitions import HANDBOOK
from fraud_detect.features.duckdb_engine import DuckDB
from fraud_detect.features.write import Written, write_features
from fraud_detect.simulation import files
from fraud_detect.simulation.parameters import Parameters
from fraud_detect.simulation.simulate import COLUMNS, simulate

DAYS = 3


def transactions(folder: Path, file_format: str = "parquet") -> Path:
    parameters = Parameters(customers=50, terminals=100, days=DAYS, radius=20.0)
    tables = simulate(parameters, np.random.default_rng(0))
    list(files.write(tables, files.prepare(folder, file_format, parameters)))
    return folder


def a_file(path: Path, select: str = "*") -> str:
    """One file of simulated transactions, its columns changed by `select`."""
    source = transactions(path.parent / "simulated")
    duckdb.sql(f"SELECT {select} FROM '{source}/*.parquet' ORDER BY TRANSACTION_ID").write_parquet(str(path))
    return str(path)


def features_of(pattern: str | Path, folder: Path) -> Written:
    with DuckDB.running(folder) as engine:
        return write_features(str(pattern), HANDBOOK, engine)


def rows(folder: Path) -> list[Any]:
    return duckdb.sql(f"FROM '{folder}/*.parquet' ORDER BY TRANSACTION_ID").fetchall()


def test_every_input_column_is_kept_and_the_features_follow(tmp_path: Path) -> None:
    features_of(transactions(tmp_path / "in"), tmp_path / "out")
    assert duckdb.sql(f"FROM '{tmp_path}/out/*.parquet'").columns == [*COLUMNS, *HANDBOOK.names]


def test_there_is_one_file_for_each_day(tmp_path: Path) -> None:
    written = features_of(transactions(tmp_path / "in"), tmp_path / "out")
    days = [f"2018-04-0{day}.parquet" for day in (1, 2, 3)]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".features.json", *days]
    assert (written.days, written.rows) == (DAYS, len(rows(tmp_path / "out")))


def test_rows_lie_in_time_order_on_their_day(tmp_path: Path) -> None:
    features_of(transactions(tmp_path / "in"), tmp_path / "out")
    times = duckdb.sql(f"SELECT TX_DATETIME FROM '{tmp_path}/out/2018-04-02.parquet'").fetchnumpy()["TX_DATETIME"]
    assert (np.diff(times) >= np.timedelta64(0)).all()
    assert set(times.astype("datetime64[D]").tolist()) == {date(2018, 4, 2)}


@pytest.mark.parametrize("pattern", ["in", "in/*", "in/**", "in/2018-*.csv"])
def test_csv_gives_the_same_features_as_parquet(tmp_path: Path, pattern: str) -> None:
    features_of(transactions(tmp_path / "parquet"), tmp_path / "expected")
    transactions(tmp_path / "in", "csv")
    features_of(tmp_path / pattern, tmp_path / "out")
    assert rows(tmp_path / "out") == rows(tmp_path / "expected")


def test_columns_may_stand_in_another_order_from_file_to_file(tmp_path: Path) -> None:
    source = transactions(tmp_path / "in")
    features_of(source, tmp_path / "expected")
    day = source / "2018-04-02.parquet"
    duckdb.sql(f"CREATE OR REPLACE TABLE day AS SELECT COLUMNS('^TX_'), COLUMNS('_ID$') FROM '{day}'")
    duckdb.sql("FROM day").write_parquet(str(day))
    features_of(source, tmp_path / "out")
    assert rows(tmp_path / "out") == rows(tmp_path / "expected")


def test_a_success_marker_is_no_transaction(tmp_path: Path) -> None:
    (transactions(tmp_path / "in") / "_SUCCESS").touch()
    assert features_of(tmp_path / "in" / "*", tmp_path / "out").days == DAYS


def test_a_path_that_matches_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="No file matches"):
        features_of(tmp_path / "*.parquet", tmp_path / "out")


def test_files_of_two_formats_are_refused(tmp_path: Path) -> None:
    transactions(tmp_path / "in", "csv")
    transactions(tmp_path / "other")
    with pytest.raises(TableError, match="several kinds"):
        features_of(tmp_path / "*" / "*", tmp_path / "out")


@pytest.mark.parametrize(("pattern", "output"), [("in", "in"), ("in/*.parquet", "in"), ("in", "in/features")])
def test_the_inputs_own_folder_is_no_output(tmp_path: Path, pattern: str, output: str) -> None:
    transactions(tmp_path / "in")
    with pytest.raises(SettingError, match="is in the input's own"):
        features_of(tmp_path / pattern, tmp_path / output)


def test_a_folder_with_other_files_is_no_output(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "2018-05-01.parquet").touch()
    with pytest.raises(SettingError, match="already holds files that are not of an earlier run: 2018-05-01"):
        features_of(transactions(tmp_path / "in"), tmp_path / "out")


def test_too_little_memory_and_disk_is_the_users_to_mend(tmp_path: Path) -> None:
    def with_a_megabyte() -> None:
        with DuckDB.running(tmp_path / "out", memory_gb=0.001) as engine:
            write_features(str(transactions(tmp_path / "in")), HANDBOOK, engine)

    with pytest.raises(SettingError, match=r"do not fit .* Set TMPDIR to a folder on a larger disk"):
        with_a_megabyte()


def test_a_refused_input_leaves_no_output(tmp_path: Path) -> None:
    with pytest.raises(TableError):
        features_of(a_file(tmp_path / "in.parquet", "* EXCLUDE (TX_FRAUD)"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_of_files_and_folders_may_have_any_characters(tmp_path: Path) -> None:
    folder = tmp_path / "a b=ü%20[1]{x}'"
    features_of(transactions(folder / "in"), folder / "out")
    assert len(list((folder / "out").glob("*.parquet"))) == DAYS
