"""Log-in: who comes in, who does not, and how long it lasts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from console_factories import NOON, PASSWORD, Turned, a_console, an_account, form_token, logged_in, parts_of, posted
from fraud_detect.console import access
from fraud_detect.console.storage.tables import AuditEntry, Role, User


def test_nobody_sees_a_page_without_log_in(tmp_path: Path) -> None:
    answer = a_console(tmp_path).test_client().get("/")
    assert (answer.status_code, answer.location) == (302, "/log-in?next=/")


def test_a_right_password_opens_a_session(tmp_path: Path) -> None:
    assert "ada <span" in logged_in(a_console(tmp_path), Role.ADMIN, name="ada").get("/", follow_redirects=True).text


def test_a_wrong_password_does_not(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    answer = posted(app.test_client(), "/log-in", name=an_account(app), password="wrong horse battery")
    assert (answer.status_code, "The name or the password is wrong" in answer.text) == (401, True)


def test_what_is_typed_as_a_name_of_no_account_is_not_in_the_audit_log(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    posted(app.test_client(), "/log-in", name=PASSWORD, password="wrong horse battery")
    with parts_of(app).database.reading() as rows:
        entry = rows.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert (entry.action, entry.subject, entry.detail) == ("password refused", "account unknown", "{}")


def test_an_address_that_is_none_leads_nowhere_after_log_in(tmp_path: Path) -> None:
    client = a_console(tmp_path).test_client()
    pages = [client.get(f"{page}?next=//[") for page in ("/log-in", "/log-in/code")]
    assert [(page.status_code, page.location) for page in pages] == [(200, None), (302, "/log-in")]


def test_five_wrong_passwords_lock_the_account_for_a_quarter_of_an_hour(tmp_path: Path) -> None:
    clock = Turned()
    app = a_console(tmp_path, clock=clock)
    name, client = an_account(app), app.test_client()
    for _ in range(5):
        posted(client, "/log-in", name=name, password="wrong horse battery")
    assert posted(client, "/log-in", name=name, password=PASSWORD).status_code == 401
    clock.turn(minutes=15)
    assert posted(client, "/log-in", name=name, password=PASSWORD).status_code == 302


@pytest.mark.parametrize(
    ("failures", "minutes"), [(4, 15), (9, 60), (14, 240), (19, 1440), (24, 1440)], ids=[5, 10, 15, 20, 25]
)
def test_every_fifth_wrong_password_in_a_row_locks_for_longer(tmp_path: Path, failures: int, minutes: int) -> None:
    app = a_console(tmp_path)
    name = an_account(app)
    with parts_of(app).database.writing() as rows:
        rows.query(User).filter_by(name=name).one().failures = failures
    posted(app.test_client(), "/log-in", name=name, password="wrong horse battery")
    with parts_of(app).database.reading() as rows:
        assert rows.query(User).one().locked_until == NOON + timedelta(minutes=minutes)


def test_a_log_in_sets_the_count_of_wrong_passwords_back(tmp_path: Path) -> None:
    clock = Turned()
    app = a_console(tmp_path, clock=clock)
    name, client = an_account(app), app.test_client()
    for password in (*["wrong horse battery"] * 5, PASSWORD):
        posted(client, "/log-in", name=name, password=password)
        clock.turn(minutes=15)
    with parts_of(app).database.reading() as rows:
        assert rows.query(User).one().failures == 0


@pytest.mark.parametrize(("minutes", "steps"), [(30, 1), (29, 25)], ids=["idle", "old"])
def test_a_session_ends_when_idle_or_old(tmp_path: Path, minutes: int, steps: int) -> None:
    clock = Turned()
    client = logged_in(a_console(tmp_path, clock=clock))
    for _ in range(steps):
        assert not _is_sent_to_log_in(client)
        clock.turn(minutes=minutes)
    assert _is_sent_to_log_in(client)


def test_a_form_without_its_token_is_refused(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    answer = app.test_client().post("/log-in", data={"name": an_account(app), "password": PASSWORD})
    assert answer.status_code == 400


def test_log_out_ends_the_session_wherever_its_cookie_is(tmp_path: Path) -> None:
    client = logged_in(a_console(tmp_path))
    stolen = client.get_cookie("fraud_detect_console")
    assert stolen is not None
    client.post("/log-out", data={"csrf_token": form_token(client, "/log-in")})
    client.set_cookie("fraud_detect_console", stolen.value)
    assert _is_sent_to_log_in(client)


def _is_sent_to_log_in(client: FlaskClient) -> bool:
    return (client.get("/").location or "").startswith("/log-in")


def test_a_page_that_asks_by_itself_keeps_no_session_alive(tmp_path: Path) -> None:
    clock = Turned()
    client = logged_in(a_console(tmp_path, clock=clock))
    for _ in range(15):
        assert client.get("/desk/changes").status_code == 200
        clock.turn(minutes=2)
    assert client.get("/desk/changes").status_code in (302, 401)


def test_every_view_that_pages_ask_for_by_themselves_is_one(tmp_path: Path) -> None:
    assert set(a_console(tmp_path).view_functions) >= access.UNATTENDED
