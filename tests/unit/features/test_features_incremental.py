"""A folder of features is brought up to date: what changed is computed, all else stays, and the whole is right."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from feature_factories import DAY, Row, contents, day_files, noted_days, numbered, rows_of, with_duckdb, with_spark
from fraud_detect.errors import SettingError, TableError
from fraud_detect.features.definitions import EXTENDED, HANDBOOK, LABEL_TIME
from fraud_detect.features.duckdb_engine import DuckDB
from fraud_detect.features.write import write_features
from fraud_detect.tables.day_files import DayFiles

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

START = datetime(2018, 3, 1)
DAYS = 50
HORIZON = HANDBOOK.horizon_days
Edit = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


def some_rows(days: int = DAYS, *, dated: bool = False) -> list[dict[str, Any]]:
    """Return six transactions a day; labels come after some days where they are `dated`."""
    rng = random.Random(5)  # noqa: S311 - a table of tests
    rows = [
        {
            "TX_DATETIME": START + day * DAY + rng.randrange(24) * timedelta(hours=1),
            "CUSTOMER_ID": rng.randrange(3),
            "TERMINAL_ID": rng.randrange(2),
            "TX_AMOUNT": rng.randrange(10_000) / 100,
            "TX_FRAUD": int(rng.random() < 0.3),
        }
        for day in range(days)
        for _ in range(6)
    ]
    if dated:
        rows = [{**row, LABEL_TIME: row["TX_DATETIME"] + rng.choice([1, 7, 20]) * DAY} for row in rows]
    return [dict(row) for row in numbered(rows)]


def input_of(folder: Path, rows: Sequence[Row]) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return day_files(folder, rows)


def name_of(day: int) -> str:
    return f"{(START + day * DAY).date().isoformat()}.parquet"


def times_of(folder: Path) -> Mapping[str, int]:
    """Return when each file was written: one that is replaced by an equal one has another time."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.parquet")}


def a_late_transaction(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*rows, {**rows[3 * 6], "TRANSACTION_ID": 9_999, "TX_AMOUNT": 500.0}]


def a_changed_label(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "TX_FRAUD": 1 - row["TX_FRAUD"]} if row["TRANSACTION_ID"] == 3 * 6 else row for row in rows]


def a_moved_transaction(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    other = START + 3 * DAY + timedelta(hours=12, microseconds=1)
    return [{**row, "TX_DATETIME": other} if row["TRANSACTION_ID"] == 3 * 6 else row for row in rows]


def a_removed_day(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["TX_DATETIME"].date() != (START + 3 * DAY).date()]


@pytest.mark.parametrize(
    ("edit", "days"),
    [
        (a_late_transaction, range(3, 3 + HORIZON + 1)),
        (a_changed_label, range(3, 3 + HORIZON + 1)),
        (a_moved_transaction, range(3, 3 + HORIZON + 1)),
        (a_removed_day, range(4, 3 + HORIZON + 1)),
    ],
)
def test_a_change_computes_the_days_that_it_reaches_and_gives_what_a_full_run_gives(
    tmp_path: Path, edit: Edit, days: range
) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows()), tmp_path / "out")
    times = times_of(tmp_path / "out")
    with_duckdb(input_of(tmp_path / "in", edit(some_rows())), tmp_path / "out")
    with_duckdb(tmp_path / "in", tmp_path / "full")
    found = times_of(tmp_path / "out")
    assert {name for name in found if found[name] != times[name]} == {name_of(day) for day in days}
    assert contents(tmp_path / "out") == contents(tmp_path / "full")


def test_a_new_day_alone_is_written_and_the_folder_is_that_of_a_full_run(tmp_path: Path) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows(DAYS - 1)), tmp_path / "out")
    times = times_of(tmp_path / "out")
    written = with_duckdb(input_of(tmp_path / "in", some_rows()), tmp_path / "out")
    with_duckdb(tmp_path / "in", tmp_path / "full")
    assert (written.computed_days, written.computed_rows, written.days) == (1, 6, DAYS)
    assert times.items() <= times_of(tmp_path / "out").items()
    assert contents(tmp_path / "out") == contents(tmp_path / "full")


def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows()), tmp_path / "out")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert with_duckdb(tmp_path / "in", tmp_path / "out").computed_days == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == times


def test_the_same_transactions_in_other_files_are_nothing_new(tmp_path: Path) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows()), tmp_path / "out")
    duckdb.sql(f"FROM '{tmp_path}/in/*.parquet' ORDER BY TX_AMOUNT").write_parquet(str(tmp_path / "one.parquet"))
    assert with_duckdb(tmp_path / "one.parquet", tmp_path / "out").computed_days == 0


def test_a_label_that_arrives_later_changes_the_days_after_it(tmp_path: Path) -> None:
    rows = some_rows(dated=True)
    waiting = [{**row, "TX_FRAUD": None, LABEL_TIME: None} if row["TRANSACTION_ID"] == 60 else row for row in rows]
    with_duckdb(input_of(tmp_path / "in", waiting), tmp_path / "out")
    written = with_duckdb(input_of(tmp_path / "in", rows), tmp_path / "out")
    with_duckdb(tmp_path / "in", tmp_path / "full")
    assert 0 < written.computed_days < DAYS
    assert contents(tmp_path / "out") == contents(tmp_path / "full")


def test_labels_that_come_after_the_horizon_are_followed(tmp_path: Path) -> None:
    late = [{**row, LABEL_TIME: row["TX_DATETIME"] + 45 * DAY} for row in some_rows(dated=True)]
    with_duckdb(input_of(tmp_path / "in", late), tmp_path / "out")
    with_duckdb(input_of(tmp_path / "in", a_changed_label(late)), tmp_path / "out")
    with_duckdb(tmp_path / "in", tmp_path / "full")
    assert contents(tmp_path / "out") == contents(tmp_path / "full")


def test_a_new_day_counts_labels_that_came_of_transactions_before_its_horizon(tmp_path: Path) -> None:
    late = [{**row, LABEL_TIME: row["TX_DATETIME"] + 45 * DAY} for row in some_rows(60, dated=True)]
    with_duckdb(input_of(tmp_path / "in", late[:-6]), tmp_path / "out")
    assert with_duckdb(input_of(tmp_path / "in", late), tmp_path / "out").computed_days == 1
    with_duckdb(tmp_path / "in", tmp_path / "full")
    assert contents(tmp_path / "out") == contents(tmp_path / "full")


def test_a_deleted_output_file_comes_back(tmp_path: Path) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows()), tmp_path / "out")
    before = contents(tmp_path / "out")
    (tmp_path / "out" / name_of(20)).unlink()
    assert with_duckdb(tmp_path / "in", tmp_path / "out").computed_days == 1
    assert contents(tmp_path / "out") == before


def test_files_without_a_note_are_taken_for_somebodys(tmp_path: Path) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows(3)), tmp_path / "out")
    (tmp_path / "out" / ".features.json").unlink()
    before = contents(tmp_path / "out")
    with pytest.raises(SettingError, match="not of an earlier run: 2018-03-01"):
        with_duckdb(tmp_path / "in", tmp_path / "out", full=True)
    assert contents(tmp_path / "out") == before


def test_a_damaged_note_computes_everything_again(tmp_path: Path) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows(3)), tmp_path / "out")
    before = contents(tmp_path / "out")
    (tmp_path / "out" / ".features.json").write_text("{")
    assert with_duckdb(tmp_path / "in", tmp_path / "out").computed_days == 3
    assert contents(tmp_path / "out") == before


def test_days_that_the_input_lacks_are_not_mixed_with_those_of_another_set(tmp_path: Path) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows(4)), tmp_path / "out")
    source = input_of(tmp_path / "in", some_rows(4)[6:])
    with pytest.raises(SettingError, match=r"made with other features, and the input lacks days .* 2018-03-01.parquet"):
        with_duckdb(source, tmp_path / "out", EXTENDED)


def test_an_input_of_the_last_weeks_adds_to_the_folder(tmp_path: Path) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows(DAYS - 1)), tmp_path / "out")
    weeks = [row for row in some_rows() if row["TX_DATETIME"] >= START + (DAYS - 1 - HORIZON) * DAY]
    assert with_duckdb(input_of(tmp_path / "weeks", weeks), tmp_path / "out").computed_days == 1
    with_duckdb(input_of(tmp_path / "in", some_rows()), tmp_path / "full")
    assert contents(tmp_path / "out") == contents(tmp_path / "full")


def test_an_input_that_lacks_history_is_refused_and_leaves_the_folder_as_it_is(tmp_path: Path) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows(DAYS - 1)), tmp_path / "out")
    before = contents(tmp_path / "out")
    days = [row for row in some_rows() if row["TX_DATETIME"] >= START + (DAYS - HORIZON) * DAY]
    with pytest.raises(
        TableError, match=r"2018-04-19 need transactions since 2018-03-13.*begins on 2018-03-14.*--full"
    ):
        with_duckdb(input_of(tmp_path / "days", days), tmp_path / "out")
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("dated", [False, True], ids=["another set", "another column"])
def test_another_set_or_other_columns_compute_everything(tmp_path: Path, *, dated: bool) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows(4, dated=not dated)), tmp_path / "out")
    source = input_of(tmp_path / "in", some_rows(4, dated=True))
    features = HANDBOOK if dated else EXTENDED
    assert with_duckdb(source, tmp_path / "out", features).computed_days == 4
    with_duckdb(source, tmp_path / "full", features)
    assert contents(tmp_path / "out") == contents(tmp_path / "full")


def test_full_computes_everything(tmp_path: Path) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows(4)), tmp_path / "out")
    assert with_duckdb(tmp_path / "in", tmp_path / "out", full=True).computed_days == 4


def test_full_removes_a_day_that_is_gone(tmp_path: Path) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows(4)), tmp_path / "out")
    rows = [row for row in some_rows(4) if row["TX_DATETIME"].date() != (START + 2 * DAY).date()]
    with_duckdb(input_of(tmp_path / "in", rows), tmp_path / "out", full=True)
    assert name_of(2) not in times_of(tmp_path / "out")


def test_a_damaged_output_file_is_made_again(tmp_path: Path) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows(4)), tmp_path / "out")
    before = contents(tmp_path / "out")
    with (tmp_path / "out" / name_of(1)).open("r+b") as file:
        file.truncate(100)
    assert with_duckdb(tmp_path / "in", tmp_path / "out").computed_days == 1
    assert contents(tmp_path / "out") == before


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    source = input_of(tmp_path / "in", some_rows(4))
    (tmp_path / "out").mkdir()
    with DayFiles(tmp_path / "out", "parquet").locked(), pytest.raises(SettingError, match="Another run is writing"):
        with_duckdb(source, tmp_path / "out")


@pytest.mark.parametrize("name", ["notes.txt", "2018-03-01.csv", "2017-03-01.parquet"])
def test_a_file_that_is_no_day_of_the_table_is_refused_and_all_stays(tmp_path: Path, name: str) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows(4)), tmp_path / "out")
    (tmp_path / "out" / name).write_text("somebody's")
    before = contents(tmp_path / "out")
    with pytest.raises(SettingError, match=f"already holds other files: {name}"):
        with_duckdb(input_of(tmp_path / "in", some_rows(5)), tmp_path / "out")
    assert contents(tmp_path / "out") == before


class Interrupted(BaseException):
    """A stop from outside."""


def interrupted_after(days: int, source: Path, folder: Path) -> None:
    def stop(done: int, _of: int) -> None:
        if done == days:
            raise Interrupted

    with pytest.raises(Interrupted), DuckDB.running(folder) as engine:
        write_features(str(source), HANDBOOK, engine, on_day=stop)


@pytest.mark.parametrize("edit", [a_late_transaction, a_removed_day])
def test_after_an_interruption_the_next_run_makes_it_right(tmp_path: Path, edit: Edit) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows()), tmp_path / "out")
    source = input_of(tmp_path / "in", edit(some_rows()))
    interrupted_after(5, source, tmp_path / "out")
    with_duckdb(source, tmp_path / "out")
    with_duckdb(source, tmp_path / "full")
    assert contents(tmp_path / "out") == contents(tmp_path / "full")


def test_an_interruption_leaves_whole_files_and_a_note_of_those_that_are_right(tmp_path: Path) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows()), tmp_path / "out")
    interrupted_after(5, input_of(tmp_path / "in", a_late_transaction(some_rows())), tmp_path / "out")
    assert sorted(contents(tmp_path / "out")) == [".features.json", *(name_of(day) for day in range(DAYS))]
    assert len(rows_of(tmp_path / "out")) == DAYS * 6 + 1
    assert len(noted_days(tmp_path / "out")) == DAYS - HORIZON - 1


def test_a_change_taken_back_after_an_interruption_is_computed_again(tmp_path: Path) -> None:
    """Half of the files are of the change by then: their days' transactions alone would not tell."""
    with_duckdb(input_of(tmp_path / "in", some_rows()), tmp_path / "out")
    before = contents(tmp_path / "out")
    interrupted_after(5, input_of(tmp_path / "in", a_late_transaction(some_rows())), tmp_path / "out")
    with_duckdb(input_of(tmp_path / "in", some_rows()), tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_days_that_go_are_known_as_ours_if_the_run_ends_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows(6)), tmp_path / "out")
    source = input_of(tmp_path / "in", a_removed_day(some_rows(6)))

    def stopped(*_: object) -> None:
        raise Interrupted

    with monkeypatch.context() as patched:
        patched.setattr(DuckDB, "remove_days", stopped)
        with pytest.raises(Interrupted):
            with_duckdb(source, tmp_path / "out")
    with_duckdb(source, tmp_path / "out")
    assert name_of(3) not in contents(tmp_path / "out")


@pytest.mark.usefixtures("spark")
def test_spark_keeps_days_as_well(tmp_path: Path) -> None:
    with_spark(input_of(tmp_path / "in", some_rows(6)), tmp_path / "out")
    times = times_of(tmp_path / "out")
    written = with_spark(input_of(tmp_path / "in", some_rows(7)), tmp_path / "out")
    with_spark(tmp_path / "in", tmp_path / "full")
    assert (written.computed_days, times.items() <= times_of(tmp_path / "out").items()) == (1, True)
    assert rows_of(tmp_path / "out") == rows_of(tmp_path / "full")


def test_days_of_another_engine_are_computed_again(tmp_path: Path, spark: SparkSession) -> None:
    with_duckdb(input_of(tmp_path / "in", some_rows(4)), tmp_path / "out")
    assert with_spark(tmp_path / "in", tmp_path / "out").computed_days == 4
    assert f"spark {spark.version}" in (tmp_path / "out" / ".features.json").read_text()
