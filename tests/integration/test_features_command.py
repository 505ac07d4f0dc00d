"""`fraud-detect features`, as a user calls it."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from feature_factories import DAY, LINE, MONDAY, a_csv, a_file, a_transaction, contents, skip_without_spark
from fraud_detect.entrypoints.cli import main
from fraud_detect.features.definitions import EXTENDED, HANDBOOK

DAYS = 3


def transactions(folder: Path, days: int = DAYS) -> Path:
    """Return a folder with a file of four transactions for each day."""
    for day in range(days):
        moments = [MONDAY + day * DAY + hour * timedelta(hours=1) for hour in range(4)]
        rows = [a_transaction(at, TRANSACTION_ID=4 * day + place) for place, at in enumerate(moments)]
        a_file(folder / f"{day}.parquet", rows)
    return folder


def called(*arguments: object) -> Result:
    logging.getLogger("fraud_detect").handlers.clear()  # a call before this one left its own
    return CliRunner().invoke(main, ["features", *map(str, arguments)])


def in_a_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    code = f"from fraud_detect.entrypoints.cli import main; main({['features', *map(str, arguments)]!r})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)


def columns(folder: Path) -> Sequence[str]:
    return duckdb.sql(f"FROM '{folder}/*.parquet'").columns


def test_it_writes_a_file_a_day_with_the_handbooks_features(tmp_path: Path) -> None:
    result = called("--input", transactions(tmp_path / "in"), "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").glob("*.parquet")) == [
        "2018-04-02.parquet",
        "2018-04-03.parquet",
        "2018-04-04.parquet",
    ]
    assert columns(tmp_path / "out")[-len(HANDBOOK.names) :] == list(HANDBOOK.names)


def test_the_extended_set_is_an_option(tmp_path: Path) -> None:
    called("--input", transactions(tmp_path / "in"), "--output", tmp_path / "out", "--set", "extended")
    assert columns(tmp_path / "out")[-len(EXTENDED.names) :] == list(EXTENDED.names)


def test_it_says_what_it_wrote_and_what_was_there(tmp_path: Path) -> None:
    first = called("--input", transactions(tmp_path / "in"), "--output", tmp_path / "out")
    again = called("--input", transactions(tmp_path / "in", DAYS + 1), "--output", tmp_path / "out")
    assert "wrote 12 transactions with 14 features each, as 3 files into" in first.stderr
    assert "wrote 4 transactions with 14 features each, as 1 files into" in again.stderr
    assert "; 3 days were there already" in again.stderr


def test_full_computes_what_is_there_already(tmp_path: Path) -> None:
    options = ("--input", transactions(tmp_path / "in"), "--output", tmp_path / "out")
    called(*options)
    assert "as 3 files into" in called(*options, "--full").stderr


def test_warnings_are_lines_of_the_log(tmp_path: Path) -> None:
    a_file(tmp_path / "in.parquet", [a_transaction(TX_AMOUNT=-1.0)])
    result = called("--input", tmp_path / "in.parquet", "--output", tmp_path / "out")
    assert "WARNING 1 of 1 transactions have a negative amount" in result.stderr


@pytest.mark.parametrize("memory_gb", ["0.5", "2"])
def test_memory_may_be_given(tmp_path: Path, memory_gb: str) -> None:
    source = transactions(tmp_path / "in")
    assert called("--input", source, "--output", tmp_path / "out", "--memory-gb", memory_gb).exit_code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--input", "x"], "Missing option '--output'"),
        (["--output", "x"], "Missing option '--input'"),
        (["--input", "x", "--output", "y", "--set", "small"], "'small' is not one of 'handbook', 'extended'"),
        (["--input", "x", "--output", "y", "--engine", "dask"], "'dask' is not one of 'duckdb', 'spark'"),
        (["--input", "x", "--output", "y", "--memory-gb", "0.1"], "0.1 is not in the range 0.5<=x<="),
    ],
)
def test_options_that_do_not_fit_are_named_with_exit_code_2(options: Sequence[str], words: str) -> None:
    result = called(*options)
    assert (result.exit_code, words in result.output) == (2, True), result.output


def test_a_users_fault_is_one_message_with_exit_code_1(tmp_path: Path) -> None:
    result = called("--input", tmp_path / "none", "--output", tmp_path / "out")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert result.output.startswith("Error: No file matches")


def test_a_process_of_its_own_ends_with_1_and_without_a_traceback(tmp_path: Path) -> None:
    a_csv(tmp_path / "in.csv", LINE, "2,2018-04-02 12:00:00,1")
    outcome = in_a_process("--input", tmp_path / "in.csv", "--output", tmp_path / "out")
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("Error: The transactions cannot be read (")
    assert "Traceback" not in outcome.stderr


def test_an_output_that_cannot_be_written_to_is_the_users_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    result = called("--input", transactions(tmp_path / "in"), "--output", tmp_path / "file")
    assert (result.exit_code, "Error: Cannot write" in result.output) == (1, True), result.output


def test_spark_runs_by_itself_and_gives_what_duckdb_gives(tmp_path: Path) -> None:
    skip_without_spark()
    source = transactions(tmp_path / "in")
    outcome = in_a_process("--input", source, "--output", tmp_path / "spark", "--engine", "spark", "--memory-gb", "1")
    assert outcome.returncode == 0, outcome.stderr
    called("--input", source, "--output", tmp_path / "duckdb")
    found = [duckdb.sql(f"FROM '{tmp_path}/{name}/*.parquet' ORDER BY 1").fetchall() for name in ("spark", "duckdb")]
    assert found[0] == found[1]
    assert set(contents(tmp_path / "spark")) == set(contents(tmp_path / "duckdb"))


def test_a_fault_found_by_spark_is_told_without_javas_stack(tmp_path: Path) -> None:
    skip_without_spark()
    a_csv(tmp_path / "in.csv", LINE, "2,2018-04-02 12:00:00,1")
    outcome = in_a_process("--input", tmp_path / "in.csv", "--output", tmp_path / "out", "--engine", "spark")
    assert outcome.returncode == 1
    assert "Malformed CSV record: 2,2018-04-02 12:00:00,1" in outcome.stderr.splitlines()[-1]
    assert ("Traceback" in outcome.stderr, "\tat " in outcome.stderr) == (False, False)


def test_spark_without_java_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without_spark()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "none"))
    source = transactions(tmp_path / "in")
    outcome = in_a_process("--input", source, "--output", tmp_path / "out", "--engine", "spark")
    assert outcome.returncode == 1
    assert "expected Java 17 or later" in outcome.stderr.splitlines()[-1]


def test_spark_that_is_not_installed_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    result = called("--input", transactions(tmp_path / "in"), "--output", tmp_path / "out", "--engine", "spark")
    assert (result.exit_code, "Error: PySpark is not installed" in result.output) == (1, True), result.output
