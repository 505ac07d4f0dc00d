"""Times are instants: what a file says of their zone counts, and the machine's zone does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from fraud_detect.tables.read import read_training
from fraud_detect.tables.request import ColumnRequest
from training_factories import a_channel

NOON = 43_200
ELSEWHERE = """
import sys
from pathlib import Path
from fraud_detect.tables.read import read_training
from fraud_detect.tables.request import ColumnRequest
print(read_training(Path(sys.argv[1]), ColumnRequest(time="when")).rows.times.tolist())
"""


def a_parquet_channel(folder: Path, time: str) -> Path:
    """Return a channel of two rows whose time is the SQL expression `time`."""
    folder.mkdir()
    rows = f"SELECT * FROM (VALUES (0, 1.5, {time}), (1, 2.5, {time})) AS rows (Class, x, when_)"
    query = f'SELECT Class, x, when_ AS "when" FROM ({rows})'
    duckdb.execute(f"COPY ({query}) TO '{folder}/part.parquet' (FORMAT parquet)")
    return folder


def times_elsewhere(channel: Path, zone: str) -> str:
    """Return the times as they are read on a machine in another time zone."""
    command = [sys.executable, "-c", ELSEWHERE, str(channel)]
    return subprocess.run(command, env={"TZ": zone}, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    "text",
    [
        "1970-01-01 12:00:00",
        "1970-01-01T12:00:00Z",
        "1970-01-01 14:00:00+02:00",
        "1970-01-01T06:30:00-0530",
        "1970-01-01 12:00:00 UTC",
    ],
)
def test_the_offset_of_a_time_counts(text: str, tmp_path: Path) -> None:
    channel = a_channel(tmp_path, f"Class,x,when\n0,1,{text}\n1,2,{text}\n")

    assert times_elsewhere(channel, "America/New_York") == f"[{NOON:.1f}, {NOON:.1f}]"


@pytest.mark.parametrize(
    "time",
    ["TIMESTAMP '1970-01-01 12:00:00'", "TIMESTAMPTZ '1970-01-01 14:00:00+02'", "TIMESTAMP_NS '1970-01-01 12:00:00'"],
)
def test_times_of_parquet_are_the_same_on_every_machine(time: str, tmp_path: Path) -> None:
    channel = a_parquet_channel(tmp_path / "train", time)

    assert times_elsewhere(channel, "America/New_York") == f"[{NOON:.1f}, {NOON:.1f}]"


def test_a_date_is_its_midnight_in_utc(tmp_path: Path) -> None:
    channel = a_parquet_channel(tmp_path / "train", "DATE '1970-01-02'")

    times = read_training(channel, ColumnRequest(time="when")).rows.times

    assert times is not None
    assert times.tolist() == [86_400, 86_400]
