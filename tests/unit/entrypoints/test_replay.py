"""`replay`: pace, what is sent, and what happens when the console asks to wait."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fraud_detect.entrypoints.replay import Desk, DeskFault, Table, Tally, at_rate, by_time, command, plain, replayed
from fraud_detect.errors import SettingError

CSV = "TX_DATETIME,CUSTOMER_ID,TX_AMOUNT,TX_FRAUD\n2026-06-01 00:01:00,7,2.5,1\n2026-06-01 00:00:00,8,1.5,0\n"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        told = self.server  # type: ignore[assignment]
        status = told.statuses.pop(0) if told.statuses else 201  # type: ignore[attr-defined]
        rows = body["transactions"]
        if status == 201:
            told.rows.extend(rows)  # type: ignore[attr-defined]
        answer = json.dumps({"transactions": [{"alert": True} for _ in rows]}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def a_desk(*statuses: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.statuses, server.rows = [*statuses], []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", server.rows  # type: ignore[attr-defined]
        server.shutdown()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "rows.csv").write_text(CSV)
    return tmp_path / "rows.csv"


def test_a_file_is_sent_without_its_labels(table: Path) -> None:
    with a_desk() as (url, rows):
        result = CliRunner().invoke(
            command, ["--input", str(table), "--console", url, "--token", "t", "--rate", "1000", "--name", "n"]
        )
    assert "sent 2 transactions, 2 of them alerts" in result.output
    assert rows[0] == {"id": "n-0", "TX_DATETIME": "2026-06-01T00:01:00", "CUSTOMER_ID": 7, "TX_AMOUNT": 2.5}


def test_by_its_own_times_a_file_is_sent_in_their_order(table: Path) -> None:
    rows = Table(table, None, (), None, by_time=True)
    pace = by_time(60.0, rows)
    assert [pace(number, row) for number, row in enumerate(rows.rows())] == [0.0, 1.0]


def test_a_file_without_times_has_no_speed(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SettingError, match="has no column occurred_at or TX_DATETIME"):
        next(Table(tmp_path, None, (), None, by_time=True).rows())


def test_a_limit_ends_it(table: Path) -> None:
    assert len([*Table(table, None, (), 1, by_time=False).rows()]) == 1


def test_rows_are_sent_when_they_are_due() -> None:
    now, sent = [0.0], []

    class Noting(Desk):
        def send(self, rows: Any, tally: Tally) -> None:
            sent.append((now[0], len(rows)))
            tally.sent += len(rows)

    def sleep(seconds: float) -> None:
        now[0] += seconds

    rows: Any = iter([{}] * 4)
    replayed(rows, at_rate(2.0), Noting("http://localhost", "t"), "n", clock=lambda: now[0], sleep=sleep)
    assert sent == [(0.0, 1), (0.5, 1), (1.0, 1), (1.5, 1)]


def test_a_console_that_asks_to_wait_is_asked_again() -> None:
    waits: list[float] = []
    tally = Tally()
    with a_desk(503, 429, 201) as (url, rows):
        Desk(url, "t", sleep=waits.append).send([{"a": 1}], tally)
    assert (len(rows), tally.waits, waits) == (1, 2, [0.25, 0.5])


@pytest.mark.parametrize("status", [400, 401, 409])
def test_a_console_that_refuses_is_not(status: int) -> None:
    with a_desk(status) as (url, _), pytest.raises(DeskFault, match=f"answered {status}"):
        Desk(url, "t", sleep=lambda _: None).send([{"a": 1}], Tally())


def test_a_console_that_is_not_there_is_given_up() -> None:
    with pytest.raises(DeskFault, match="no connection"):
        Desk("http://127.0.0.1:9", "t", sleep=lambda _: None).send([{"a": 1}], Tally())


@pytest.mark.parametrize(
    ("cell", "value"),
    [(datetime(2026, 6, 1, tzinfo=UTC), "2026-06-01T00:00:00+00:00"), (Decimal("1.5"), 1.5), (float("nan"), None)],
    ids=["time", "decimal", "nan"],
)
def test_cells_become_json(cell: object, value: object) -> None:
    assert plain(cell) == value


def test_what_to_send_is_a_file_or_a_simulation() -> None:
    result = CliRunner().invoke(command, ["--console", "http://localhost", "--token", "t"])
    assert "Give either --input or --simulate" in result.output


def test_simulated_transactions_come_with_features_and_without_their_labels() -> None:
    given = ["--simulate", "--customers", "20", "--days", "3", "--rate", "1000", "--limit", "5", "--token", "t"]
    with a_desk() as (url, rows):
        result = CliRunner().invoke(command, [*given, "--console", url])
    assert "sent 5 transactions" in result.output, result.output
    assert {"TX_AMOUNT", "CUSTOMER_ID", "TX_DATETIME"} <= rows[0].keys()
    assert len(rows[0]) > 15
    assert not {"TX_FRAUD", "TX_FRAUD_SCENARIO"} & rows[0].keys()
