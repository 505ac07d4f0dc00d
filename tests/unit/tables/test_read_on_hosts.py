"""A channel that several hosts read is the table that one host would have read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fraud_detect.hosts import Hosts
from fraud_detect.tables.read import read_more, read_training
from fraud_detect.tables.request import ColumnRequest
from fraud_detect.tables.share import Share
from fraud_detect.tables.table import Table
from host_factories import on_hosts
from training_factories import a_channel, a_mixed_table, as_bytes

REQUEST = ColumnRequest(label="kind", positive_label="bad", time="when", unlabelled_left_out=True)
COUNT, FILES = 3, 5


def pieces() -> list[pd.DataFrame]:
    """Return a table in pieces; only the last has gaps in `amount` and a country of its own, the second no label."""
    table = a_mixed_table()
    table["amount"] = table["amount"].fillna(0.0)
    table.loc[table.index[-5:], "country"] = "Atlantis"
    table.loc[table.index[-3:], "amount"] = np.nan
    table.loc[table.index[70:75], "kind"] = None
    return [table.iloc[place * 60 : (place + 1) * 60] for place in range(FILES)]


def divided(folder: Path) -> list[Path]:
    """Write the pieces for each host in turn; host 1 gets none."""
    for place, piece in enumerate(pieces()):
        channel = folder / str(2 * (place % 2)) / "train"
        channel.mkdir(parents=True, exist_ok=True)
        (channel / f"part-{place}.csv").write_bytes(as_bytes(piece))
    return [folder / str(rank) / "train" for rank in range(COUNT)]


def whole(folder: Path) -> Path:
    return a_channel(folder / "train", *pieces())


def in_one(tables: list[Table]) -> Table:
    rows = tables[0].rows
    for table in tables[1:]:
        rows = rows.joined(table.rows)
    order = np.argsort(rows.numbers)
    left_out = sum(table.left_out_rows for table in tables)
    return Table(rows.take(order), tables[0].schema, tables[0].labels, left_out)


def assert_same(tables: list[Table], expected: Table) -> None:
    assert {table.schema for table in tables} == {expected.schema}
    assert {(table.labels.negative, table.labels.positive) for table in tables} == {("good", "bad")}
    found = in_one(tables)
    assert found.left_out_rows == expected.left_out_rows == 5
    for name in ("features", "labels", "times", "numbers"):
        np.testing.assert_array_equal(getattr(found.rows, name), getattr(expected.rows, name))


def test_divided_files_are_read_as_one_host_would(tmp_path: Path) -> None:
    places = divided(tmp_path / "hosts")

    def read(hosts: Hosts) -> Table:
        return read_training(places[hosts.rank], REQUEST, share=Share(hosts, has_files=hosts.rank != 1))

    assert_same(on_hosts(COUNT, read), read_training(whole(tmp_path), REQUEST))


def test_copied_files_are_read_once(tmp_path: Path) -> None:
    channel = whole(tmp_path)

    tables = on_hosts(COUNT, lambda hosts: read_training(channel, REQUEST, share=Share(hosts, copied=True)))

    assert_same(tables, read_training(channel, REQUEST))
    assert min(len(table.rows) for table in tables) > 90


def test_another_channel_may_be_on_one_host_alone(tmp_path: Path) -> None:
    channel = whole(tmp_path)

    def read(hosts: Hosts) -> int:
        like = read_training(channel, REQUEST, share=Share(hosts, copied=True))
        return len(read_more(channel, REQUEST, like, share=Share(hosts, has_files=hosts.rank == 1)).rows)

    assert on_hosts(COUNT, read) == [0, 295, 0]


@pytest.mark.parametrize("hosts_of_files", [(0, 1, 0, 1), (1, 0, 0, 1), (1, 1, 0, 0)], ids=str)
def test_rows_are_numbered_by_their_files_wherever_those_are(hosts_of_files: tuple[int, ...]) -> None:
    rows = [3, 1, 4, 2]

    def numbered(hosts: Hosts) -> list[int]:
        own = [(f"train/part-{place}", rows[place]) for place in range(4) if hosts_of_files[place] == hosts.rank]
        count = sum(each for _, each in own)
        return Share(hosts).numbered(np.arange(1, count + 1, dtype=np.uint32), own).tolist()

    expected = {0: [], 1: []}
    for place, host in enumerate(hosts_of_files):
        expected[host] += range(sum(rows[:place]) + 1, sum(rows[: place + 1]) + 1)
    assert on_hosts(2, numbered) == [expected[0], expected[1]]
