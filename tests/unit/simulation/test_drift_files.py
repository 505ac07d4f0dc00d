"""Changes as JSON: what is refused, and what `drift.json` says afterwards."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from drifting import MINIMAL, SMALL, a_change, a_world, column, touched
from fraud_detect.entrypoints.simulate import command
from fraud_detect.errors import SettingError
from fraud_detect.simulation import drift, files
from fraud_detect.simulation.changes import Change
from fraud_detect.simulation.parameters import Parameters
from fraud_detect.tables.files import sources

PARAMETERS = Parameters(**SMALL)
RATE = {"kind": "fraud_rate", "start": "2018-04-07", "factor": 2.0}


def read(folder: Path, *contents: Any) -> list[Change]:
    """Read files `drift-0.json` and so on of `contents`: text as it is, anything else as JSON."""
    paths = [folder / f"drift-{number}.json" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return list(drift.read(paths, PARAMETERS))


def simulate(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(
        command, ["--customers", "50", "--terminals", "100", "--radius", "20", "--output", str(folder), *options]
    )


def a_file(folder: Path, *changes: dict[str, Any]) -> str:
    path = folder / "changes.json"
    path.write_text(json.dumps(changes))
    return str(path)


@pytest.mark.parametrize("kind", MINIMAL)
def test_every_kind_can_be_read(tmp_path: Path, kind: str) -> None:
    declared = {"kind": kind, "start": "2018-04-07", **MINIMAL[kind]}
    assert read(tmp_path, [declared]) == [a_change(kind, 6)]


def test_files_are_read_in_order_as_one_list(tmp_path: Path) -> None:
    changes = read(tmp_path, [RATE, RATE], [{**RATE, "start": "2018-04-08"}])
    assert [change.start for change in changes] == [date(2018, 4, 7), date(2018, 4, 7), date(2018, 4, 8)]


def test_a_file_may_begin_with_a_mark_of_its_encoding(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeff" + json.dumps([RATE])) == read(tmp_path, [RATE])


FAULTS: dict[str, tuple[Any, str]] = {
    "not JSON": ("[{", r"drift-0\.json is not JSON"),
    "too deep": ("[" * 100_000, r"drift-0\.json is not JSON"),
    "no list": ({}, r"the file holds \{\}; expected a list"),
    "no object": ([7], r"`changes\[0\].*` is 7; expected"),
    "no kind": ([{"start": "2018-04-07"}], r"`changes\[0\]\.kind` is null; expected one of fraud_rate, "),
    "unknown kind": ([RATE, {"kind": "war"}], r"`changes\[1\]\.kind` is \"war\"; expected one of fraud_rate, "),
    "unknown field": (
        [{**RATE, "rate": 1}],
        r"`changes\[0\]\.rate` is unknown; expected only start, end, kind, factor",
    ),
    "missing field": ([{"kind": "fraud_rate", "start": "2018-04-07"}], r"`changes\[0\]\.factor` is missing"),
    "out of range": (
        [RATE, {**RATE, "factor": -2}],
        r"`changes\[1\]\.factor` is -2; expected a number greater than or equal",
    ),
    "number as text": ([{**RATE, "factor": "2"}], r"`changes\[0\]\.factor` is \"2\"; expected a valid number"),
    "truth for a number": ([{**RATE, "factor": True}], r"`changes\[0\]\.factor` is true; expected a valid number"),
    "not finite": ('[{"kind": "fraud_rate", "start": "2018-04-07", "factor": NaN}]', r"`changes\[0\]\.factor` is NaN"),
    "no date": ([{**RATE, "start": "April"}], r"`changes\[0\]\.start` is \"April\""),
    "name twice": ('[{"kind": "fraud_rate", "kind": "fraud_rate"}]', r"drift-0\.json: `kind` is given twice"),
    "before the days": (
        [{**RATE, "start": "2018-03-31"}],
        r"`changes\[0\]\.start` is 2018-03-31; expected .*2018-04-12",
    ),
    "after the days": ([RATE, {**RATE, "start": "2018-04-13"}], r"drift-0\.json: `changes\[1\]\.start` is 2018-04-13"),
    "end after the days": ([{**RATE, "end": "2018-04-14"}], r"`changes\[0\]\.end` is 2018-04-14; .* up to 2018-04-13"),
    "end at the start": ([{**RATE, "end": "2018-04-07"}], r"an `end` after `start`, 2018-04-07"),
    "number of a published scenario": (
        [{"kind": "new_fraud_scenario", "start": "2018-04-07", "number": 3}],
        r"`changes\[0\]\.number` is 3; expected a number greater than 3",
    ),
    "one number twice": (
        [{"kind": "new_fraud_scenario", "start": "2018-04-07"}] * 2,
        "Two changes of the kind new_fraud_scenario have the `number` 4",
    ),
    "amounts out of order": (
        [{"kind": "new_fraud_scenario", "start": "2018-04-07", "lowest_amount": 9.0}],
        "a `highest_amount` of at least `lowest_amount`, 9",
    ),
    "rate and factor": (
        [{"kind": "amount_inflation", "start": "2018-04-07", "yearly_rate": 0.1, "factor": 2}],
        "exactly one of `yearly_rate` and `factor`",
    ),
    "days without factor": (
        [{"kind": "amount_inflation", "start": "2018-04-07", "yearly_rate": 0.1, "over_days": 3}],
        "`over_days` only with `factor`",
    ),
    "nulls with a factor": (
        [{"kind": "broken_feature", "start": "2018-04-07", "fault": "nulls", "factor": 2}],
        "a `factor` with the fault unit_change",
    ),
    "unit of an id": (
        [
            {
                "kind": "broken_feature",
                "start": "2018-04-07",
                "fault": "unit_change",
                "factor": 2,
                "column": "TERMINAL_ID",
            }
        ],
        "the `column` TX_AMOUNT",
    ),
    "label broken": (
        [{"kind": "broken_feature", "start": "2018-04-07", "fault": "nulls", "column": "TX_FRAUD"}],
        r"`changes\[0\]\.column` is \"TX_FRAUD\"",
    ),
    "too many": ([RATE] * 64, "64 changes are declared; expected at most 63"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file_is_refused_naming_the_change_and_the_field(tmp_path: Path, fault: str) -> None:
    content, message = FAULTS[fault]
    with pytest.raises(SettingError, match=message):
        read(tmp_path, content)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "drift.json").write_bytes(b"\xff\xfe[")
    with pytest.raises(SettingError, match="is not JSON in UTF-8"):
        drift.read([tmp_path / "drift.json"], PARAMETERS)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="Cannot read"):
        drift.read([tmp_path / "none.json"], PARAMETERS)


def test_a_change_that_ends_with_the_last_day_is_in_order(tmp_path: Path) -> None:
    assert read(tmp_path, [{**RATE, "end": "2018-04-13"}])[0].end == date(2018, 4, 13)


def recorded(*changes: Change) -> dict[str, Any]:
    record = drift.Record(PARAMETERS, 5, changes)
    for table in a_world(*changes):
        record.add(table)
    loaded: dict[str, Any] = json.loads(record.as_json())
    return loaded


def test_the_record_says_what_was_declared() -> None:
    record = recorded(a_change("fraud_rate", 6, until=9, factor=2.0))
    assert (record["seed"], record["parameters"]["customers"]) == (5, 150)
    (change,) = record["changes"]
    assert {name: change[name] for name in ("kind", "start", "end", "concepts", "numbers")} == {
        "kind": "fraud_rate",
        "start": "2018-04-07",
        "end": "2018-04-10",
        "concepts": ["prior"],
        "numbers": {"factor": 2.0},
    }


def test_the_record_counts_the_rows_and_frauds_that_each_change_touched() -> None:
    changes = a_change("sudden_habits", 3, until=5), a_change("broken_feature", 8, share=0.5)
    tables, record = a_world(*changes), recorded(*changes)
    for number, change in enumerate(record["changes"]):
        rows = touched(tables, number)
        assert change["touched"]["rows"] == rows.sum()
        assert change["touched"]["frauds"] == column("TX_FRAUD", tables)[rows].sum()


def test_the_record_names_the_first_and_last_day_that_a_change_touched() -> None:
    (change,) = recorded(a_change("sudden_habits", 3, until=5))["changes"]
    assert (change["touched"]["first_day"], change["touched"]["last_day"]) == ("2018-04-04", "2018-04-05")


def test_a_change_that_touched_nothing_has_no_days() -> None:
    (change,) = recorded(a_change("fraud_rate", factor=1.0))["changes"]
    assert change["touched"] == {"rows": 0, "frauds": 0, "first_day": None, "last_day": None}


def test_the_record_names_the_column_that_broke() -> None:
    (change,) = recorded(a_change("broken_feature", column="TERMINAL_ID"))["changes"]
    assert change["columns"] == ["TERMINAL_ID"]


def test_the_record_says_the_usual_delay_of_labels_where_late_labels_imply_it() -> None:
    assert recorded(a_change("late_labels"))["parameters"]["label_delay_days"] == 7


def test_the_record_lies_beside_the_days_and_counts_them(tmp_path: Path) -> None:
    result = simulate(tmp_path / "out", "--days", "2", "--drift", a_file(tmp_path, {**RATE, "start": "2018-04-02"}))
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["2018-04-01.parquet", "2018-04-02.parquet", "drift.json"]


def test_a_reader_of_the_folder_does_not_take_the_record_for_a_table(tmp_path: Path) -> None:
    simulate(tmp_path / "out", "--days", "2", "--drift", a_file(tmp_path, {**RATE, "start": "2018-04-02"}))
    assert [source.path.suffix for source in sources(tmp_path / "out")] == [".parquet"] * 2


def test_a_run_without_drift_removes_the_record_of_an_earlier_one(tmp_path: Path) -> None:
    simulate(tmp_path / "out", "--days", "1", "--drift", a_file(tmp_path, {**RATE, "start": "2018-04-01"}))
    assert simulate(tmp_path / "out", "--days", "1").exit_code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["2018-04-01.parquet"]


def test_a_faulty_file_is_one_message_and_nothing_is_written(tmp_path: Path) -> None:
    result = simulate(tmp_path / "out", "--days", "1", "--drift", a_file(tmp_path, {**RATE, "factor": -1}))
    assert (result.exit_code, (tmp_path / "out").exists()) == (1, False)
    assert result.output.startswith("Error: changes.json: `changes[0].factor` is -1; expected")


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_missing_values_and_label_times_are_written(tmp_path: Path, file_format: str) -> None:
    import duckdb

    broken = {"kind": "broken_feature", "start": "2018-04-01", "fault": "nulls", "share": 0.5, "column": "CUSTOMER_ID"}
    options = ["--days", "1", "--label-delay-days", "2", "--format", file_format]
    simulate(tmp_path / "out", *options, "--drift", a_file(tmp_path, broken))
    rows = duckdb.sql(f"FROM '{tmp_path}/out/2018-04-01.{file_format}'")
    missing, waited = rows.aggregate("avg((CUSTOMER_ID IS NULL)::INT), min(LABEL_TIME - TX_DATETIME)").fetchall()[0]
    assert (0.3 < missing < 0.7, waited.days) == (True, 2)


def test_a_negative_delay_of_labels_is_refused(tmp_path: Path) -> None:
    result = simulate(tmp_path, "--label-delay-days", "-1")
    assert result.output.startswith("Error: `label_delay_days` is '-1'; expected")


def test_changes_are_told_apart_up_to_the_last_bit() -> None:
    changes = [a_change("sudden_habits", 11, factor=1.0, shift_hours=0.0)] * 62 + [a_change("broken_feature", 11)]
    assert recorded(*changes)["changes"][62]["touched"]["rows"] == np.sum(len(a_world()[11]))


def test_the_page_of_changes_is_the_declared_one() -> None:
    """`fraud-detect simulate --list-changes > docs/drift.md` mends it."""
    page = (Path(__file__).parents[3] / "docs" / "drift.md").read_text(encoding="utf-8")
    assert CliRunner().invoke(command, ["--list-changes"]).output == page


def test_the_example_of_the_page_can_be_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "drift.md").read_text(encoding="utf-8")
    (tmp_path / "example.json").write_text(page.partition("```json")[2].partition("```")[0])
    assert len(drift.read([tmp_path / "example.json"], Parameters())) == 2


def test_a_refused_run_leaves_the_record_of_the_earlier_one(tmp_path: Path) -> None:
    simulate(tmp_path / "out", "--days", "2", "--drift", a_file(tmp_path, {**RATE, "start": "2018-04-01"}))
    assert simulate(tmp_path / "out", "--days", "1").exit_code == 1
    assert (tmp_path / "out" / "drift.json").exists()


def test_a_record_that_cannot_be_written_whole_is_not_written(tmp_path: Path) -> None:
    day_files = files.prepare(tmp_path, "csv", PARAMETERS)
    with pytest.raises(UnicodeEncodeError):
        files.write_record("half" * 10_000 + "\ud800", day_files)
    assert list(tmp_path.iterdir()) == []
