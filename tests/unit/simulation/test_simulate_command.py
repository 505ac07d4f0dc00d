"""`fraud-detect simulate` on the command line, and how it says how far it is."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fraud_detect.entrypoints import progress
from fraud_detect.entrypoints.simulate import command


def simulate(*options: str) -> Result:
    return CliRunner().invoke(command, ["--customers", "50", "--terminals", "100", "--radius", "20", *options])


def test_it_writes_a_file_a_day_in_the_format_asked_for(tmp_path: Path) -> None:
    result = simulate("--days", "2", "--start", "2024-02-28", "--format", "csv", "--output", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2024-02-28.csv", "2024-02-29.csv"]


def test_another_seed_writes_other_rows(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        simulate("--days", "1", "--seed", seed, "--output", str(tmp_path / seed))
    first, second = ((tmp_path / seed / "2018-04-01.parquet").read_bytes() for seed in ("1", "2"))
    assert first != second


@pytest.mark.parametrize(("customers", "warned"), [("40", True), ("2000", False)])
def test_a_world_so_small_that_frauds_are_many_is_warned_of(
    customers: str, warned: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    result = simulate("--days", "10", "--customers", customers, "--terminals", "4000", "--output", str(tmp_path))

    shown = result.output + capfd.readouterr().err
    assert ("of the transactions are frauds: 3 customers and 2 terminals are newly compromised" in shown) is warned


def test_a_value_out_of_range_is_one_message_and_exit_code_1(tmp_path: Path) -> None:
    result = simulate("--days", "0", "--output", str(tmp_path))
    assert result.exit_code == 1
    assert result.output.startswith("Error: `days` is '0'; expected")


def test_a_folder_that_cannot_be_written_is_one_message_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = simulate("--days", "1", "--output", str(tmp_path / "file"))
    assert result.exit_code == 1
    assert result.output.startswith("Error: Cannot write")


def test_a_log_line_comes_when_enough_time_has_passed_and_not_before(caplog: pytest.LogCaptureFixture) -> None:
    times = iter([0.0, 6.0, 12.0, 18.0, 24.0])
    logger = logging.getLogger("fraud_detect.entrypoints.progress")
    logger.addHandler(caplog.handler)
    with caplog.at_level(logging.INFO, logger.name):
        seen = list(progress.lines("abcd", length=4, unit="days", clock=lambda: next(times)))
    logger.removeHandler(caplog.handler)
    assert seen == list("abcd")
    assert list(dict.fromkeys(caplog.messages)) == ["2 of 4 days", "4 of 4 days"]


def test_a_bar_hands_on_every_item(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress.bar("abc", length=3, unit="days")) == list("abc")
    assert "days" in capsys.readouterr().err
