"""What the log and /metrics say, whatever goes wrong: every request, and no value of a feature."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from factories import an_artifact
from running_server import ROW, Answer, Server, alone, behind_nginx, wait_until

pytestmark = pytest.mark.alone

MODES = [behind_nginx, alone]
MARKER = "987654.125"
"""A value that stands nowhere but in requests."""
FIELDS = {
    "time",
    "level",
    "message",
    "id",
    "method",
    "path",
    "status",
    "rows",
    "alerts",
    "probability_sum",
    "milliseconds",
}
CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"
BODIES: Mapping[str, tuple[str, str]] = {
    "a good row": (CSV, f"{MARKER},3\n"),
    "good JSON": (JSON, f'{{"instances": [[{MARKER}, 3]]}}'),
    "good JSON Lines": (JSON_LINES, f"[{MARKER}, 3]\n"),
    "a row too wide": (CSV, f"{MARKER},3,4\n"),
    "a cell that is no number": (CSV, f"{MARKER}x,3\n"),
    "a cell as a name": (CSV, f"amount,{MARKER}\n1,2\n"),
    "an open quote": (CSV, f'"{MARKER},3\n'),
    "broken JSON": (JSON, f'{{"instances": [[{MARKER}, 3]'),
    "a column that is not known": (JSON, f'{{"instances": [{{"{MARKER}": 1}}]}}'),
    "a value of another kind": (JSON, f'{{"instances": [{{"amount": ["{MARKER}"], "hour": 3}}]}}'),
    "broken JSON Lines": (JSON_LINES, f"[{MARKER}, 3\n"),
    "a type that is not known": (f"text/x-{MARKER}", f"{MARKER},3\n"),
    "Parquet that is none": ("application/x-parquet", f"PAR1{MARKER}PAR1"),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    an_artifact(folder / "model")
    return folder


@pytest.fixture(params=MODES)
def server(request: pytest.FixtureRequest, root: Path, tmp_path: Path) -> Iterator[Server]:
    """Give a server that logs all it can, both workers there."""
    with Server(root, request.param, log=tmp_path / "log", SAGEMAKER_CONTAINER_LOG_LEVEL="DEBUG") as server:
        wait_until(lambda: len(server.workers()) == 2)
        yield server


def requests_of(log: str) -> Sequence[Mapping[str, Any]]:
    """Return the lines of requests but for pings, in their order."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line for line in lines if line["message"] == "request" and line["path"] != "/ping"]


def stopped_log(server: Server) -> str:
    """Stop the server, so that it has written all, and return its log."""
    assert server.stop() == 0
    return server.log()


def test_every_request_has_its_line_under_the_id_of_its_answer(server: Server) -> None:
    answers = [server.post(ROW * rows) for rows in (1, 2, 300)]
    answers += [server.post(b"0\n"), server.get("/nowhere"), server.get("/invocations")]
    lines = requests_of(stopped_log(server))

    assert [line["id"] for line in lines] == [answer.headers["X-Request-Id"] for answer in answers]
    assert [line["status"] for line in lines] == [200, 200, 200, 400, 404, 405]
    assert [line["rows"] for line in lines] == [1, 2, 300, None, None, None]
    assert [line["alerts"] for line in lines] == [1, 2, 300, None, None, None]
    assert [line["probability_sum"] for line in lines] == [0.5, 1, 150, None, None, None]
    assert [line["method"] for line in lines] == ["POST"] * 4 + ["GET"] * 2
    assert all(line.keys() >= FIELDS and 0 <= line["milliseconds"] < 60_000 for line in lines)


def test_alerts_are_told_apart_from_other_rows(server: Server) -> None:
    """Scores are the sigmoid of the first value: .5, .881, .269, .269, and alerts begin at .5."""
    answer = server.post(b"0,3\n2,3\n-1,3\n-1,3\n")
    (line,) = requests_of(stopped_log(server))

    assert (line["rows"], line["alerts"]) == (4, 2)
    assert line["probability_sum"] == pytest.approx(1.91868, abs=1e-6)
    assert not {"X-Tally", "X-Rows"} & set(answer.headers)


def test_no_line_holds_a_feature(server: Server) -> None:
    answers = [server.post(body.encode(), content_type) for content_type, body in BODIES.values()]
    server.get(f"/invocations?amount={MARKER}")
    for half in (f"{MARKER},", f'{{"instances": [[{MARKER}'):
        send_half(server, half.encode())
    os.kill(server.workers()[0], signal.SIGKILL)
    server.post(BODIES["a good row"][1].encode())
    log = stopped_log(server)

    assert {answer.status for answer in answers} == {200, 400, 415}
    assert len(requests_of(log)) >= len(answers)
    assert MARKER not in log
    assert "987654" not in log


def send_half(server: Server, half: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\n" + half)


def test_metrics_count_every_request_whichever_worker_answered(server: Server) -> None:
    with ThreadPoolExecutor(8) as clients:
        answers: list[Answer] = list(clients.map(lambda _: server.post(ROW * 2), range(200)))
    server.post(b"0\n")

    assert {answer.status for answer in answers} == {200}
    assert counted(server, 'requests_total{route="/invocations",status="200"}') == 200
    assert counted(server, 'requests_total{route="/invocations",status="400"}') == 1
    assert counted(server, "rows_total") == 400
    assert counted(server, "alerts_total") == 400
    assert counted(server, "probability_total") == 200
    assert counted(server, 'request_seconds_count{route="/invocations"}') == 201


def test_metrics_keep_what_a_killed_worker_had_counted(server: Server) -> None:
    for _ in range(2):
        for _ in range(50):
            server.post(ROW)
        before = server.workers()
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda before=before: len(server.workers()) == 2 and server.workers() != before)  # type: ignore[misc]

    wait_until(lambda: counted_if_answered(server) == 100)


def counted_if_answered(server: Server) -> float:
    """Return what is counted; without nginx a request may go to the worker that is dying."""
    with suppress(OSError):
        return counted(server, 'requests_total{route="/invocations",status="200"}')
    time.sleep(0.05)
    return -1


def counted(server: Server, name: str) -> float:
    """Return a number of /metrics."""
    text = server.get("/metrics").body.decode()
    (value,) = re.findall(rf"^fraud_detect_{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(value)
