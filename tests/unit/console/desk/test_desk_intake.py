"""The intake: what alerts are explained with, and what becomes of requests that wait together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from console_factories import SigmoidEndpoint, a_console, logged_in, parts_of, settings_for
from console_file_factories import ServedHere
from desk_factories import Program, a_transaction
from fraud_detect.console.desk import intake
from fraud_detect.console.desk.filing import KeyTaken
from fraud_detect.console.desk.intake import Waiting
from fraud_detect.console.desk.part import desk_of
from fraud_detect.console.desk.transactions import Transaction
from fraud_detect.console.endpoint import EndpointError, RowsRefused, Score, Unreachable, exchange
from fraud_detect.console.storage.database import Database
from fraud_detect.console.storage.tables import Case
from fraud_detect.entrypoints.console import Server

SAID = {"expected": "an answer", "remedy": "Look after it."}


def cases(app: Any) -> list[Case]:
    with parts_of(app).database.reading() as rows:
        return [*rows.query(Case).order_by(Case.id)]


@dataclass
class Explaining(SigmoidEndpoint):
    """Notes how many rows it has to explain at a time; raises `cannot` after the first `good` of such calls."""

    cannot: Exception | None = None
    good: int = 0
    explained: list[int] = field(default_factory=list)

    def score(self, rows: Sequence[Any], *, reasons: int = 0) -> Sequence[Score]:
        """Return the scores of `rows`."""
        if reasons:
            self.explained.append(len(rows))
            if self.cannot is not None and len(self.explained) > self.good:
                raise self.cannot
        return super().score(rows, reasons=reasons)


@pytest.mark.parametrize("kind", [Unreachable, EndpointError, RowsRefused])
def test_an_alert_whose_explanation_fails_is_filed_without_reasons(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: type[Exception]
) -> None:
    app = a_console(tmp_path, endpoint=Explaining(cannot=kind("It explains nothing", **SAID)))
    with caplog.at_level(logging.WARNING):
        assert Program(app).send().status_code == 201
    assert [case.reasons for case in cases(app)] == [[]]
    assert "alerts filed without reasons: 1; It explains nothing" in caplog.text


def test_the_page_of_an_alert_says_that_the_endpoint_gave_no_reasons(tmp_path: Path) -> None:
    app = a_console(tmp_path, endpoint=Explaining(cannot=Unreachable("No answer", **SAID)))
    Program(app).send()
    assert "The endpoint gave none." in logged_in(app).get("/cases/1").text


def test_keys_that_clash_are_told_apart_without_another_question(tmp_path: Path) -> None:
    endpoint = SigmoidEndpoint()
    here = desk_of(a_console(tmp_path, endpoint=endpoint)).intake
    group = [Waiting([Transaction({"amount": -3.0, "hour": hour}, {}, key="a")]) for hour in (1.0, 2.0)]
    here.take(group)
    assert [type(one.outcome.exception()) for one in group] == [type(None), KeyTaken]
    assert len(endpoint.seen) == 2


class Held(SigmoidEndpoint):
    """Answers when `go` is set."""

    go = threading.Event()

    def score(self, rows: Sequence[Any], *, reasons: int = 0) -> Sequence[Score]:
        """Return the scores of `rows`."""
        self.go.wait()
        return super().score(rows, reasons=reasons)


def test_what_was_given_up_is_not_filed_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(Held, "go", threading.Event())
    app = a_console(tmp_path, endpoint=Held())
    program = Program(app)
    late = program.send()
    monkeypatch.setattr(intake, "PATIENCE_SECONDS", 30.0)
    Held.go.set()
    program.send(id="next")
    assert (late.status_code, [case.key for case in cases(app)]) == (503, ["next"])


def test_requests_under_way_count_among_those_that_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "MOST_WAITING", 3)
    monkeypatch.setattr(Held, "go", threading.Event())
    app = a_console(tmp_path, endpoint=Held())
    programs = [Program(app, f"shop{number}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        try:
            answers = as_completed([pool.submit(program.send) for program in programs], timeout=20)
            assert [next(answers).result().status_code for _ in range(5)] == [503] * 5
        finally:
            Held.go.set()
        assert [answer.result().status_code for answer in answers] == [201] * 3


def test_the_desk_has_turns_of_its_own_at_the_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(exchange, "CONNECTIONS", 1)
    go, came = threading.Event(), threading.Event()
    busy = ServedHere(tmp_path, before=lambda _: (came.set(), go.wait()))
    app = a_console(tmp_path, endpoint=busy, desk_endpoint=ServedHere(tmp_path))
    asking = threading.Thread(target=parts_of(app).endpoint.score, args=([{"amount": 1.0, "hour": 1.0}],))
    asking.start()
    came.wait(20)
    answer = Program(app).send()
    go.set()
    asking.join()
    assert answer.status_code == 201


def test_the_console_opens_the_endpoint_once_more_for_the_desk(tmp_path: Path) -> None:
    a_console(tmp_path)
    here = parts_of(Server(settings_for(tmp_path), "http://localhost:1", {}).load())
    assert here.endpoint is not here.desk_endpoint


def slowly(monkeypatch: pytest.MonkeyPatch, until: threading.Event) -> None:
    """Let nothing be written before `until` is set."""

    def writing(self: Database) -> Any:
        until.wait()
        return write(self)

    write = Database.writing
    monkeypatch.setattr(Database, "writing", writing)


def test_what_is_being_written_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "PATIENCE_SECONDS", 0.5)
    program, until = Program(a_console(tmp_path)), threading.Event()
    slowly(monkeypatch, until)
    threading.Timer(1.0, until.set).start()
    assert program.send().status_code == 201


def test_what_is_written_too_slowly_may_have_been_filed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(intake, "WRITING_SECONDS", 0.05)
    program, until = Program(a_console(tmp_path)), threading.Event()
    slowly(monkeypatch, until)
    late = program.send(id="a")
    until.set()
    assert (late.status_code, late.headers["Retry-After"]) == (504, "2")
    assert "with the same `id`" in late.json["message"]
    monkeypatch.setattr(intake, "PATIENCE_SECONDS", 30.0)
    assert program.send(id="a").json["id"] == 1


def test_alerts_are_explained_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "EXPLAINED_A_REQUEST", 2)
    endpoint = Explaining()
    app = a_console(tmp_path, endpoint=endpoint)
    Program(app).send({"transactions": [a_transaction(hour=float(hour)) for hour in range(5)]})
    assert (endpoint.explained, [len(case.reasons) for case in cases(app)]) == ([2, 2, 1], [1] * 5)


def test_what_was_explained_before_a_call_failed_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "EXPLAINED_A_REQUEST", 2)
    app = a_console(tmp_path, endpoint=Explaining(cannot=Unreachable("No answer", **SAID), good=1))
    Program(app).send({"transactions": [a_transaction(hour=float(hour)) for hour in range(5)]})
    assert [len(case.reasons) for case in cases(app)] == [1, 1, 0, 0, 0]
