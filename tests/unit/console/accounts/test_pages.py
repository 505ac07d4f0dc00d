"""The pages of accounts: one's own, everybody's, tokens, the audit log."""

from __future__ import annotations

import json
import re
from pathlib import Path
from threading import Barrier, Thread

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from console_factories import (
    PASSWORD,
    a_console,
    a_token,
    an_account,
    audit_of,
    form_token,
    logged_in,
    parts_of,
    posted,
)
from fraud_detect.console import audit, audit_reading
from fraud_detect.console.accounts import sessions, users
from fraud_detect.console.accounts.users import AccountError
from fraud_detect.console.storage.tables import AuditEntry, Role, User

NEW = "quite another password"


def another_browser(app: Flask, name: str, password: str = PASSWORD) -> FlaskClient:
    """Return a browser that is logged in with an account that is there."""
    client = app.test_client()
    answer = posted(client, "/log-in", name=name, password=password)
    assert answer.status_code == 302, answer.text
    return client


def pressed(client: FlaskClient, path: str, **fields: str) -> int:
    """Return the status of a button's answer."""
    answer: int = client.post(path, data={"csrf_token": form_token(client, "/account/password"), **fields}).status_code
    return answer


def shown(page: str, place: str) -> str:
    """Return what a page shows once."""
    found = re.search(rf'id="{place}">([^<]+)<', page)
    assert found is not None, page
    return found.group(1)


def test_a_changed_password_ends_the_sessions_elsewhere_and_not_here(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    here = logged_in(app)
    elsewhere = another_browser(app, "analyst")
    assert posted(here, "/account/password", old=PASSWORD, new=NEW, again=NEW).status_code == 302
    assert (here.get("/account").status_code, elsewhere.get("/account").status_code) == (200, 302)
    another_browser(app, "analyst", NEW)


@pytest.mark.parametrize(
    ("old", "new", "again", "status", "said"),
    [
        ("wrong horse battery", NEW, NEW, 401, "The password is wrong"),
        (PASSWORD, "short", "short", 400, "has 5 characters"),
        (PASSWORD, "Password2026!", "Password2026!", 400, "one of the first that somebody would try"),
        (PASSWORD, NEW, "something else again", 400, "not the same"),
        (PASSWORD, PASSWORD, PASSWORD, 400, "the password so far"),
    ],
    ids=["wrong", "short", "common", "different", "same"],
)
def test_a_password_that_cannot_be_is_refused(
    tmp_path: Path, old: str, new: str, again: str, status: int, said: str
) -> None:
    answer = posted(logged_in(a_console(tmp_path)), "/account/password", old=old, new=new, again=again)
    assert (answer.status_code, said in answer.text) == (status, True)


def test_one_session_of_many_is_ended(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    here = logged_in(app)
    elsewhere = another_browser(app, "analyst")
    assert pressed(here, "/account/sessions/2/end") == 302
    assert (here.get("/account").status_code, elsewhere.get("/account").status_code) == (200, 302)


def test_nobody_ends_a_session_of_somebody_else(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    others = logged_in(app, Role.ADMIN)
    assert pressed(logged_in(app), "/account/sessions/1/end") == 404
    assert others.get("/account").status_code == 200


def test_a_new_account_has_to_choose_its_password_first(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    page = posted(logged_in(app, Role.ADMIN), "/accounts/new", name="bob", role="agent", customer="").text
    bob = another_browser(app, "bob", shown(page, "one-time"))
    assert bob.get("/desk").location == "/account/password"
    assert bob.get("/api/cases").status_code == 403
    posted(bob, "/account/password", old=shown(page, "one-time"), new=NEW, again=NEW)
    assert bob.get("/desk").status_code == 200


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "admin", "role": "agent"}, "exists"),
        ({"name": "a b", "role": "agent"}, "expected 1 to 64 letters"),
        ({"name": "bob", "role": "customer"}, "belongs to no customer"),
        ({"name": "bob", "role": "king"}, "Not a valid choice"),
    ],
    ids=["taken", "name", "customer", "role"],
)
def test_an_account_that_cannot_be_is_refused(tmp_path: Path, fields: dict[str, str], said: str) -> None:
    answer = posted(logged_in(a_console(tmp_path), Role.ADMIN), "/accounts/new", customer="", **fields)
    assert (answer.status_code, said in answer.text) == (400, True)


def test_a_disabled_account_is_out_at_once_and_stays_out(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    admin, analyst = logged_in(app, Role.ADMIN), logged_in(app)
    assert pressed(admin, "/accounts/2/disable") == 302
    again = posted(app.test_client(), "/log-in", name="analyst", password=PASSWORD)
    assert (analyst.get("/account").status_code, again.status_code) == (302, 401)


def test_an_enabled_account_is_no_longer_locked(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    admin = logged_in(app, Role.ADMIN)
    an_account(app)
    for _ in range(5):
        posted(app.test_client(), "/log-in", name="analyst", password="wrong horse battery")
    assert "locked" in admin.get("/accounts/2").text
    pressed(admin, "/accounts/2/enable")
    another_browser(app, "analyst")


def test_a_role_changes_at_once(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    admin = logged_in(app, Role.ADMIN)
    an_account(app, Role.AGENT)
    pressed(admin, "/accounts/2/role", role="admin", customer="")
    assert another_browser(app, "agent").get("/accounts").status_code == 200


@pytest.mark.parametrize(("act", "fields"), [("disable", {}), ("role", {"role": "agent", "customer": ""})])
def test_the_last_administrator_stays_one(tmp_path: Path, act: str, fields: dict[str, str]) -> None:
    admin = logged_in(a_console(tmp_path), Role.ADMIN)
    assert pressed(admin, f"/accounts/1/{act}", **fields) == 400
    assert admin.get("/accounts").status_code == 200


def test_two_administrators_cannot_do_away_with_each_other(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    an_account(app, Role.ADMIN, name="ada")
    an_account(app, Role.ADMIN, name="bob")
    together, refused = Barrier(2), []

    def disable(number: int) -> None:
        together.wait()
        try:
            with parts_of(app).database.writing() as rows:
                users.disable(rows, users.numbered(rows, number), now=parts_of(app).clock(), by="test")
        except AccountError:
            refused.append(number)

    threads = [Thread(target=disable, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with parts_of(app).database.reading() as rows:
        assert ([user.disabled for user in users.all_of_them(rows)].count(False), len(refused)) == (1, 1)


def test_a_token_is_shown_once_and_works_until_it_is_revoked(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    admin = logged_in(app, Role.ADMIN)
    token = shown(posted(admin, "/tokens", name="shop").text, "token")
    asked = {"headers": {"Authorization": f"Bearer {token}"}}
    assert (token in admin.get("/tokens").text, app.test_client().get("/api/openapi.json", **asked).status_code) == (
        False,
        200,
    )
    pressed(admin, "/tokens/1/revoke")
    assert app.test_client().get("/api/openapi.json", **asked).status_code == 401


def test_a_program_has_one_token_at_a_time(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    a_token(app)
    answer = posted(logged_in(app, Role.ADMIN), "/tokens", name="shop")
    assert (answer.status_code, "has a token" in answer.text) == (400, True)


def test_no_secret_is_in_the_database_or_the_audit_log(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    admin = logged_in(app, Role.ADMIN)
    password = shown(posted(admin, "/accounts/new", name="bob", role="agent", customer="").text, "one-time")
    token = shown(posted(admin, "/tokens", name="shop").text, "token")
    with parts_of(app).database.reading() as rows:
        kept = [list(rows.execute(text(f"SELECT * FROM {table}"))) for table in ("users", "api_tokens", "audit")]
    assert (password in str(kept), token in str(kept), PASSWORD in str(kept)) == (False, False, False)


def lines(app: Flask, count: int) -> None:
    """Write so many lines into the audit log."""
    with parts_of(app).database.writing() as rows:
        for number in range(count):
            now = parts_of(app).clock()
            audit.append(rows, actor="ada", action="counted", subject=f"line {number}", now=now)


def test_the_audit_log_is_shown_newest_first_in_pages(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    admin = logged_in(app, Role.ADMIN)
    lines(app, 60)
    first = admin.get("/audit?action=counted").text
    older = re.search(r'href="(/audit\?before=[^"]+)"', first)
    assert older is not None
    second = admin.get(older.group(1).replace("&amp;", "&")).text
    assert [len(re.findall(r"<td>line \d+</td>", page)) for page in (first, second)] == [50, 10]


@pytest.mark.parametrize(
    ("asked", "found"),
    [("actor=ada", 3), ("actor=nobody", 0), ("subject=line%202", 1), ("subject=%25", 0), ("action=log-in", 0)],
    ids=["actor", "other actor", "subject", "percent", "action"],
)
def test_the_audit_log_is_filtered(tmp_path: Path, asked: str, found: int) -> None:
    app = a_console(tmp_path)
    admin = logged_in(app, Role.ADMIN)
    lines(app, 3)
    assert len(re.findall(r"<td>line \d+</td>", admin.get(f"/audit?{asked}").text)) == found


def test_a_line_of_the_audit_log_that_was_changed_is_shown(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    admin = logged_in(app, Role.ADMIN)
    lines(app, 3)
    assert "The chain of 5 lines is whole" in admin.get("/audit/verdict").text
    with parts_of(app).database.writing() as rows:
        rows.execute(text("UPDATE audit SET subject = 'line 7' WHERE id = 4"))
    assert "broken at line 4" in admin.get("/audit/verdict").text


def test_a_downloaded_audit_log_can_be_verified_by_itself(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    admin = logged_in(app, Role.ADMIN)
    told = [json.loads(line) for line in admin.get("/audit/lines.jsonl").text.splitlines()]
    verdict = audit.verify(AuditEntry(**line) for line in told)
    assert (verdict.entries, verdict.broken_at, told[-1]["action"]) == (3, None, "audit log downloaded")


def test_a_log_longer_than_what_is_in_memory_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = a_console(tmp_path)
    monkeypatch.setattr(audit_reading, "AT_ONCE", 4)
    lines(app, 10)
    with parts_of(app).database.reading() as rows:
        assert audit_reading.verdict(rows).entries == 10


def test_every_change_of_an_account_is_in_the_audit_log(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    admin = logged_in(app, Role.ADMIN)
    an_account(app, Role.AGENT)
    for act in ("disable", "enable", "second-factor-off", "password"):
        pressed(admin, f"/accounts/2/{act}")
    assert audit_of(app)[-4:] == ["account disabled", "account enabled", "second factor turned off", "password reset"]


def test_wrong_passwords_at_the_same_moment_are_all_counted(tmp_path: Path) -> None:

    app = a_console(tmp_path)
    an_account(app)
    tries = [
        Thread(target=posted, args=(app.test_client(), "/log-in"), kwargs={"name": "analyst", "password": "wrong " * 3})
        for _ in range(5)
    ]
    for one in tries:
        one.start()
    for one in tries:
        one.join()
    with parts_of(app).database.reading() as rows:
        assert users.is_locked(rows.query(User).one(), now=parts_of(app).clock())


def test_an_account_that_is_held_can_be_named_meanwhile(tmp_path: Path, database_engine: str) -> None:
    if database_engine == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    app = a_console(tmp_path)
    an_account(app)
    database, now = parts_of(app).database, parts_of(app).clock()
    with database.writing() as holder, database.writing() as other:
        user = users.named(holder, "analyst")
        other.execute(text("SET LOCAL lock_timeout = '3s'"))
        assert user is not None
        assert sessions.opened(other, user, now=now, address="", browser="")
