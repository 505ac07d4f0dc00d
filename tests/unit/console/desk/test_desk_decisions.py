"""Decisions and notes: who may, what is kept, and what happens when two decide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from console_factories import a_console, logged_in, parts_of, posted
from desk_factories import a_case, at_once, decided
from fraud_detect.console.storage.tables import AuditEntry, Case, Decision, Role


def state_of(app: Any, number: int) -> str:
    with parts_of(app).database.reading() as rows:
        case = rows.get(Case, number)
        assert case is not None
        return case.state


@pytest.mark.parametrize("state", ["confirmed", "cleared", "escalated"])
def test_an_analyst_decides_on_the_page(tmp_path: Path, state: str) -> None:
    app = a_console(tmp_path)
    number, client = a_case(app), logged_in(app)
    answer = posted(client, f"/cases/{number}/decision", page=f"/cases/{number}", seen="0", state=state)
    assert (answer.status_code, answer.location, state_of(app, number)) == (302, f"/cases/{number}", state)


def test_the_page_says_who_decided_and_when(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    number, client = a_case(app), logged_in(app, name="ada")
    decided(client, number, "confirmed")
    page = client.get(f"/cases/{number}").text
    assert "Confirmed by <strong>ada</strong>" in page
    assert "2026-06-01 12:00:00" in page


def test_a_decision_can_be_revised_and_all_are_kept(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    number, client = a_case(app), logged_in(app)
    first = decided(client, number, "confirmed").json["id"]
    decided(client, number, "cleared", seen=first)
    told = client.get(f"/api/cases/{number}").json
    assert (told["state"], [one["state"] for one in told["decisions"]]) == ("cleared", ["confirmed", "cleared"])


def test_who_has_not_seen_the_last_decision_is_shown_it_and_changes_nothing(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    number, client = a_case(app), logged_in(app, name="eve")
    decided(logged_in(app, name="ada"), number, "confirmed")
    answer = posted(client, f"/cases/{number}/decision", page=f"/cases/{number}", seen="0", state="cleared")
    assert (answer.status_code, state_of(app, number)) == (409, "confirmed")
    assert "confirmed as fraud by ada at 12:00:00" in answer.text


def test_the_api_says_the_same(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    number, client = a_case(app), logged_in(app)
    decided(client, number, "escalated")
    assert decided(client, number, "cleared").status_code == 409


@pytest.mark.parametrize("state", ["open", "passed", "", "'; drop table cases; --"])
def test_no_other_state_can_be_decided(tmp_path: Path, state: str) -> None:
    app = a_console(tmp_path)
    number, client = a_case(app), logged_in(app)
    assert (decided(client, number, state).status_code, state_of(app, number)) == (400, "open")


@pytest.mark.parametrize("seen", ["", "x", "-1", "9" * 40])
def test_a_page_that_says_nothing_it_has_seen_decides_nothing(tmp_path: Path, seen: str) -> None:
    app = a_console(tmp_path)
    number, client = a_case(app), logged_in(app)
    answer = posted(client, f"/cases/{number}/decision", page=f"/cases/{number}", seen=seen, state="cleared")
    assert (answer.status_code, state_of(app, number)) == (409, "open")


def test_an_agent_sees_no_buttons_and_cannot_decide(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    number, client = a_case(app), logged_in(app, Role.AGENT)
    assert "Confirm fraud" not in client.get(f"/cases/{number}").text
    assert decided(client, number, "cleared").status_code == 403


def test_a_decision_is_in_the_audit_log(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    number, client = a_case(app), logged_in(app, name="ada")
    decided(client, number, "confirmed")
    with parts_of(app).database.reading() as rows:
        last = rows.query(AuditEntry).order_by(AuditEntry.id.desc()).first()
    assert last is not None
    assert (last.actor, last.action, last.subject) == ("ada", "case confirmed as fraud", f"case {number}")


def test_an_agent_writes_a_note_that_is_shown_as_it_was_written(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    number, client = a_case(app), logged_in(app, Role.AGENT, name="amy")
    posted(client, f"/cases/{number}/notes", page=f"/cases/{number}", text="called back <script>alert(1)</script>")
    page = client.get(f"/cases/{number}").text
    assert "called back &lt;script&gt;" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize("text", ["", "   ", "x" * 4001], ids=["empty", "blank", "long"])
def test_a_note_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    app = a_console(tmp_path)
    number, client = a_case(app), logged_in(app)
    answer = posted(client, f"/cases/{number}/notes", page=f"/cases/{number}", text=text)
    assert (answer.status_code, "The note has" in answer.text) == (400, True)


@pytest.mark.parametrize("path", ["/cases/99", "/api/cases/99"])
def test_a_case_that_is_not_there_is_not_found(tmp_path: Path, path: str) -> None:
    assert logged_in(a_console(tmp_path)).get(path).status_code == 404


def test_nobody_decides_about_a_case_that_is_not_there(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    assert decided(logged_in(app), 99, "cleared").status_code == 404
    with parts_of(app).database.reading() as rows:
        assert rows.query(Decision).count() == 0


def test_of_two_who_decide_at_once_one_is_told_of_the_other(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    number = a_case(app)
    clients = [logged_in(app, name=name) for name in ("ada", "eve", "joe", "kim")]
    calls = [lambda client=client: decided(client, number, "cleared").status_code for client in clients]
    assert sorted(at_once(calls)) == [201, 409, 409, 409]


@pytest.mark.parametrize("path", ["/cases/{}", "/api/cases/{}"])
def test_a_number_that_no_database_can_hold_is_no_case(tmp_path: Path, path: str) -> None:
    assert logged_in(a_console(tmp_path)).get(path.format(10**30)).status_code == 404


def test_nobody_decides_about_a_number_that_no_database_can_hold(tmp_path: Path) -> None:
    assert decided(logged_in(a_console(tmp_path)), 10**30, "cleared").status_code == 404
