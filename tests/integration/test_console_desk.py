"""The desk of a real console over a real server: load, stop, kill, replay, and labels that a job trains on."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from console_factories import SigmoidEndpoint, a_console, logged_in
from console_process import ConsoleProcess
from desk_factories import Program, a_token_in, a_transaction, decided
from desk_load import Load, a_cookie, outcome
from factories import an_artifact
from fraud_detect.console.storage.tables import Case
from fraud_detect.entrypoints.cli import main
from running_server import PATIENCE_SECONDS, Server
from training_factories import REPOSITORY, a_root, metrics_of, train

PAGE = REPOSITORY / "docs" / "console-desk.md"
pytestmark = [pytest.mark.slow, pytest.mark.alone]
RATE, SECONDS, BROWSERS = 50, 5, 10


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ConsoleProcess]:
    """Give a console and the server that it scores with."""
    (tmp_path / "model").mkdir()
    an_artifact(tmp_path / "model")
    log = tmp_path / "server.log"
    with (
        Server(tmp_path, "alone", log=log) as server,
        ConsoleProcess(tmp_path, f"http://127.0.0.1:{server.port}") as console,
    ):
        yield console


def sent(console: ConsoleProcess, token: str, body: Any) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=PATIENCE_SECONDS)
    connection.request("POST", "/api/transactions", json.dumps(body), {"Authorization": f"Bearer {token}"})
    return json.loads(connection.getresponse().read())


def cases(console: ConsoleProcess) -> list[int]:
    with console.database.reading() as rows:
        return [number for (number,) in rows.query(Case.id).order_by(Case.id)]


def test_no_alert_is_lost_on_its_way_to_many_browsers(desk: ConsoleProcess) -> None:
    """Every third transaction is an alert; browsers hear of it while the rest comes in."""
    bodies = [
        json.dumps(a_transaction(id=str(n), amount=-3.0 if n % 3 else 3.0)).encode() for n in range(RATE * SECONDS)
    ]
    load = Load(desk.port, a_token_in(desk.database, "shop"), a_cookie(desk))
    with ThreadPoolExecutor(1) as thread:  # Playwright's loop, if it was there before, is the main thread's
        answers = thread.submit(asyncio.run, load.run(bodies, a_second=RATE, browsers=BROWSERS)).result()
    found = outcome(answers, load.heard)
    assert (found.sent, found.refused, found.lost, found.unheard) == (250, 0, 0, 0)
    assert found.alerts == 84


def test_a_stop_ends_open_streams_within_seconds(desk: ConsoleProcess) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=PATIENCE_SECONDS)
    connection.request("GET", "/desk/events", headers={"Cookie": a_cookie(desk)})
    answer = connection.getresponse()
    began = time.monotonic()
    assert desk.stop() == 0
    assert (answer.status, answer.read().endswith(b"\n\n")) == (200, True)
    assert time.monotonic() - began < 10


def test_what_was_answered_is_there_after_a_kill(desk: ConsoleProcess) -> None:
    token = a_token_in(desk.database, "shop")
    numbers = [sent(desk, token, a_transaction(id=str(n)))["id"] for n in range(20)]
    desk.kill()
    assert cases(desk) == numbers


def test_who_listened_before_a_restart_goes_on_where_it_was(desk: ConsoleProcess) -> None:
    token, cookie = a_token_in(desk.database, "shop"), a_cookie(desk)
    first = sent(desk, token, a_transaction())["id"]
    desk.stop()
    desk.start()
    second = sent(desk, token, a_transaction())["id"]
    connection = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=PATIENCE_SECONDS)
    connection.request("GET", "/desk/events", headers={"Cookie": cookie, "Last-Event-ID": f"{first}-0"})
    answer = connection.getresponse()
    lines = iter(answer.readline, b"")
    said = next(json.loads(line.removeprefix(b"data: ")) for line in lines if line.startswith(b"data: "))
    assert [case["id"] for case in said["cases"]] == [second]


def test_a_file_is_replayed_once_however_often_it_is_sent(desk: ConsoleProcess, tmp_path: Path) -> None:
    rows = "".join(f"2026-06-01 00:00:{n:02d},{n % 3},{3 - n % 2 * 6},{n}\n" for n in range(60))
    (tmp_path / "rows.csv").write_text(f"TX_DATETIME,customer,amount,hour\n{rows}")
    command = [sys.executable, "-c", "from fraud_detect.entrypoints.cli import main; main()", "replay"]
    given = ["--input", str(tmp_path / "rows.csv"), "--console", desk.url, "--speed", "60", "--name", "night"]
    token = a_token_in(desk.database, "shop")
    for _ in range(2):
        done = subprocess.run([*command, *given, "--token", token], capture_output=True, text=True, check=False)
        assert "sent 60 transactions, 30 of them alerts" in done.stdout, done.stderr
    assert len(cases(desk)) == 60


def test_a_job_trains_on_labels_beside_its_table(tmp_path: Path) -> None:
    """Decisions about transactions with the columns of the table become rows that the next job has more."""
    table = "amount,hour,when,fraud\n" + "".join(
        f"{n % 17 - 8},{n % 24},2026-05-{1 + n % 28:02d} 10:00:00,{'bad' if n % 17 > 12 else 'good'}\n"
        for n in range(300)
    )
    given = {"label_column": "fraud", "positive_label": "bad", "time_column": "when", "num_round": "3"}
    root = tmp_path / "first"
    a_root(root, given, train=table)
    assert train(root).returncode == 0
    app = a_console(root, endpoint=SigmoidEndpoint())
    rows = [a_transaction(amount=amount, when="2026-06-01 11:00:00") for amount in (3.0, 4.0, 5.0)]
    Program(app).send({"transactions": rows})
    client = logged_in(app)
    for number, state in ((1, "confirmed"), (2, "cleared"), (3, "escalated")):
        decided(client, number, state)
    file = root / "input/data/train/feedback.csv"
    main(["feedback", "--root", str(root), "--output", str(file)], standalone_mode=False)
    assert file.read_text().splitlines()[1:] == [
        "2026-06-01 11:00:00,3.0,12.0,bad",
        "2026-06-01 11:00:00,4.0,12.0,good",
    ]
    before = _rows(root)
    shutil.rmtree(root / "model")
    (root / "model").mkdir()
    again = train(root)
    assert again.returncode == 0, again.stderr
    assert _rows(root) == before + 2


def _rows(root: Path) -> int:
    """Return how many rows a job read: those that it trained on, and those that it held out."""
    return sum(metrics_of(root)[part]["rows"] for part in ("train", "validation"))


def test_the_pages_command_files_a_transaction(desk: ConsoleProcess) -> None:
    (command,) = re.findall(r"<!-- a test runs this -->\n```bash\n(.*?)```", PAGE.read_text(), re.S)
    environment = {**os.environ, "CONSOLE": desk.url, "FRAUD_DETECT_TOKEN": a_token_in(desk.database, "shop")}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["case"] == "/cases/1"
