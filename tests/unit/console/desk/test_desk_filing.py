"""Ids of cases grow in the order in which cases can be seen, whoever writes them."""

from __future__ import annotations

import threading
from pathlib import Path

from console_factories import NOON, a_console, parts_of
from fraud_detect.console.desk.filing import Judged, filed
from fraud_detect.console.desk.transactions import Transaction
from fraud_detect.console.endpoint import Score

ONE = Judged(Transaction({"amount": 3.0}, {}), Score(0.9, 1), threshold=0.5, model="0" * 64)


def test_who_files_later_gets_no_id_before_the_one_under_way_can_be_seen(tmp_path: Path) -> None:
    first, second = (parts_of(a_console(tmp_path)).database for _ in range(2))
    done, ids = threading.Event(), []

    def file_too() -> None:
        with second.writing() as rows:
            ids.extend(case.id for case in filed(rows, [ONE], now=NOON))
        done.set()

    with first.writing() as rows:
        (under_way,) = filed(rows, [ONE], now=NOON)
        other = threading.Thread(target=file_too)
        other.start()
        assert not done.wait(0.5)
    other.join()
    assert ids == [under_way.id + 1]
