"""Server-sent events: what a browser hears, now and when it comes again, and what if it does not keep up."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console_factories import a_console, logged_in, parts_of
from desk_factories import Program, a_transaction, decided
from fraud_detect.console.desk import feed, hub
from fraud_detect.console.desk.feed import Place
from fraud_detect.console.desk.hub import Hub, TooManyListen
from fraud_detect.console.desk.part import desk_of
from fraud_detect.console.storage.tables import Role


def told(messages: Iterator[bytes]) -> dict[str, Any]:
    """Return the next message that says something."""
    for message in messages:
        if b"data: {" in message:
            said: dict[str, Any] = json.loads(message.partition(b"data: ")[2])
            return said
    raise AssertionError("the stream ended")


def stream(client: Any, query: str = "", **headers: str) -> Any:
    return client.get(f"/desk/events{query}", headers=headers, buffered=False)


def test_a_listener_hears_of_a_transaction(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    answer = stream(logged_in(app))
    number = Program(app).send().json["id"]
    assert [case["id"] for case in told(iter(answer.response))["cases"]] == [number]
    assert answer.mimetype == "text/event-stream"


def test_a_listener_hears_of_anothers_decision(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    Program(app).send()
    answer = stream(logged_in(app, Role.AGENT))
    decided(logged_in(app, name="ada"), 1, "confirmed")
    (decision,) = told(iter(answer.response))["decisions"]
    assert (decision["by"], decision["was"], decision["case"]["state"]) == ("ada", "open", "confirmed")


@pytest.mark.parametrize("how", ["header", "query"])
def test_who_comes_again_hears_what_was_missed(tmp_path: Path, how: str) -> None:
    app = a_console(tmp_path)
    client, program = logged_in(app), Program(app)
    for _ in range(3):
        program.send()
    answer = stream(client, **{"Last-Event-ID": "1-0"}) if how == "header" else stream(client, "?after=1-0")
    assert [case["id"] for case in told(iter(answer.response))["cases"]] == [2, 3]


def test_nothing_is_heard_twice_and_nothing_is_left_out(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    client, program = logged_in(app), Program(app)
    program.send({"transactions": [a_transaction()] * 30})
    messages = iter(stream(client, "?after=10-0").response)
    program.send({"transactions": [a_transaction()] * 30})
    heard: list[int] = []
    while len(heard) < 50:
        heard += [case["id"] for case in told(messages)["cases"]]
    assert heard == [*range(11, 61)]


def test_a_place_that_is_none_is_now(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    program = Program(app)
    program.send()
    answer = stream(logged_in(app), "?after=lost")
    program.send()
    assert [case["id"] for case in told(iter(answer.response))["cases"]] == [2]


def test_who_missed_too_much_loads_the_page_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MOST_BEHIND", 2)
    app = a_console(tmp_path)
    Program(app).send({"transactions": [a_transaction()] * 3})
    messages = iter(stream(logged_in(app), "?after=0-0").response)
    assert [next(messages) for _ in range(2)][1].startswith(b"id: 3-0\nevent: reload")


def test_with_all_places_taken_the_answer_says_so_and_changes_can_be_asked_for(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    client = logged_in(app)
    open_streams = [desk_of(app).hub.stream(None) for _ in range(hub.MOST_LISTENERS)]
    answer = stream(client)
    assert (answer.status_code, len(open_streams)) == (503, 64)
    Program(app).send()
    assert [case["id"] for case in client.get("/desk/changes?after=0-0").json["cases"]] == [1]


def test_browsers_that_have_left_take_no_place(tmp_path: Path) -> None:
    live = Hub(parts_of(a_console(tmp_path)).database, most_listeners=1)
    left = live.stream(None, is_gone=lambda: True)
    staying = live.stream(None)
    with pytest.raises(TooManyListen):
        live.stream(None)
    assert [[*left][-1], live.listeners] == [hub.GREETING, 1]
    staying.close()  # type: ignore[attr-defined]  # it is a generator


def test_a_stream_that_is_closed_gives_its_place_back(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    stream(logged_in(app)).close()
    assert desk_of(app).hub.listeners == 0


def test_a_listener_that_does_not_keep_up_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MOST_MESSAGES", 1)
    monkeypatch.setattr(hub, "EVERY_SECONDS", 0.01)
    app = a_console(tmp_path)
    program, live = Program(app), desk_of(app).hub
    messages = live.stream(None)
    next(messages)
    while live.listeners:
        program.send()
    assert len([*messages]) <= 1


def test_stopping_ends_every_stream_at_once(tmp_path: Path) -> None:
    live = Hub(parts_of(a_console(tmp_path)).database)
    messages = [live.stream(None) for _ in range(5)]
    live.stop()
    began = time.monotonic()
    assert [len([*one]) for one in messages] == [1] * 5
    assert time.monotonic() - began < 5


def test_customers_hear_nothing(tmp_path: Path) -> None:
    assert stream(logged_in(a_console(tmp_path), Role.CUSTOMER)).status_code == 403


def test_a_decision_never_comes_before_its_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MOST_ROWS", 2)
    app = a_console(tmp_path)
    Program(app).send({"transactions": [a_transaction()] * 3})
    decided(logged_in(app), 3, "cleared")
    with parts_of(app).database.reading() as rows:
        first = feed.since(rows, Place())
        second = feed.since(rows, first.place)
    assert (len(first.cases), len(first.decisions), len(second.decisions)) == (2, 0, 1)
