"""Codes at log-in: set up, asked for, taken once, and no way around them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from console_factories import PASSWORD, Turned, a_console, an_account, audit_of, logged_in, parts_of, posted
from fraud_detect.console.one_time_codes import STEP_SECONDS, code_at, new_secret, step_at
from fraud_detect.console.storage.tables import Role, User

WRONG = "000000"


def a_secret_of(app: Flask, name: str) -> str:
    """Turn on the second factor of an account and return its secret, none of whose codes near now is WRONG."""
    here, secret = parts_of(app), new_secret()
    step = step_at(here.clock())
    while WRONG in {code_at(secret, near) for near in range(step - 5, step + 70)}:
        secret = new_secret()
    with here.database.writing() as rows:
        rows.query(User).filter_by(name=name).one().totp_secret = here.sealed.seal(secret)
    return secret


def code_of(app: Flask, secret: str) -> str:
    return code_at(secret, step_at(parts_of(app).clock()))


def with_password(app: Flask, name: str) -> FlaskClient:
    """Return a browser whose log-in lacks its code."""
    client = app.test_client()
    answer = posted(client, "/log-in?next=/account", page="/log-in", name=name, password=PASSWORD)
    assert (answer.status_code, answer.location) == (302, "/log-in/code?next=/account")
    return client


def entered(client: FlaskClient, code: str, address: str = "/log-in/code") -> int:
    """Return the status of a code that is entered."""
    status: int = posted(client, address, page="/log-in", code=code).status_code
    return status


def test_a_right_code_opens_the_session_and_leads_on(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    secret, client = a_secret_of(app, an_account(app)), with_password(app, "analyst")
    answer = posted(client, "/log-in/code?next=/account", page="/log-in", code=code_of(app, secret))
    assert (answer.location, client.get("/account").status_code) == ("/account", 200)


def test_half_a_log_in_is_no_session(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    a_secret_of(app, an_account(app))
    assert with_password(app, "analyst").get("/account").status_code == 302


def test_a_code_is_taken_once(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    secret = a_secret_of(app, an_account(app))
    first, second = with_password(app, "analyst"), with_password(app, "analyst")
    code = code_of(app, secret)
    assert (entered(first, code), entered(second, code)) == (302, 401)


def test_right_passwords_win_no_more_tries_at_the_code(tmp_path: Path) -> None:
    """Five wrong codes lock the account, however often the right password comes between them."""
    app = a_console(tmp_path)
    secret = a_secret_of(app, an_account(app))
    for _ in range(5):
        assert entered(with_password(app, "analyst"), WRONG) == 401
    answer = posted(app.test_client(), "/log-in", name="analyst", password=PASSWORD)
    assert (answer.status_code, "account locked" in audit_of(app)) == (401, True)
    parts_of(app).clock.turn(minutes=15)  # type: ignore[attr-defined]
    assert entered(with_password(app, "analyst"), code_of(app, secret)) == 302


def test_a_lock_that_comes_meanwhile_holds_for_the_code_too(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    secret, waiting = a_secret_of(app, an_account(app)), with_password(app, "analyst")
    for _ in range(5):
        posted(app.test_client(), "/log-in", name="analyst", password="wrong horse battery")
    assert entered(waiting, code_of(app, secret)) == 401


def test_a_password_waits_five_minutes_for_its_code(tmp_path: Path) -> None:
    clock = Turned()
    app = a_console(tmp_path, clock=clock)
    secret, client = a_secret_of(app, an_account(app)), with_password(app, "analyst")
    clock.turn(minutes=5)
    answer = posted(client, "/log-in/code", page="/log-in", code=code_of(app, secret))
    assert (answer.status_code, answer.location, client.get("/account").status_code) == (302, "/log-in", 302)


def test_a_new_password_voids_a_log_in_that_waits_for_its_code(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    secret, client = a_secret_of(app, an_account(app)), with_password(app, "analyst")
    with parts_of(app).database.writing() as rows:
        rows.query(User).filter_by(name="analyst").one().password_hash = "another"
    assert entered(client, code_of(app, secret)) == 401


def test_the_page_draws_the_secret_and_the_right_code_turns_it_on(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    client = logged_in(app)
    page = client.get("/account/second-factor").text
    secret = page.partition("<code>")[2].partition("</code>")[0].replace(" ", "")
    assert "<svg" in page
    assert "style=" not in page
    posted(client, "/account/second-factor", password=PASSWORD, code=code_of(app, secret))
    parts_of(app).clock.turn(seconds=STEP_SECONDS)  # type: ignore[attr-defined]
    assert entered(with_password(app, "analyst"), code_of(app, secret)) == 302


def test_the_code_that_turned_it_on_is_good_for_no_log_in(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    client = logged_in(app)
    page = client.get("/account/second-factor").text
    code = code_of(app, page.partition("<code>")[2].partition("</code>")[0].replace(" ", ""))
    posted(client, "/account/second-factor", password=PASSWORD, code=code)
    assert entered(with_password(app, "analyst"), code) == 401


def test_neither_a_wrong_code_nor_a_wrong_password_turns_it_on(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    client = logged_in(app)
    page = client.get("/account/second-factor").text
    code = code_of(app, page.partition("<code>")[2].partition("</code>")[0].replace(" ", ""))
    first = posted(client, "/account/second-factor", password=PASSWORD, code="12345")
    second = posted(client, "/account/second-factor", password="wrong horse battery", code=code)
    assert (first.status_code, second.status_code) == (400, 401)
    assert "Set up an authenticator app" in client.get("/account").text


def test_the_cookie_does_not_show_the_secret_that_is_set_up(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    client = logged_in(app)
    page = client.get("/account/second-factor").text
    secret = page.partition("<code>")[2].partition("</code>")[0].replace(" ", "")
    with client.session_transaction() as kept:
        assert secret not in str(dict(kept))


OFF = {"path": "/account/second-factor/off", "page": "/account/second-factor"}


def test_turning_it_off_needs_the_password_and_a_code(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    client = logged_in(app)
    code = code_of(app, a_secret_of(app, "analyst"))
    tries = [("wrong horse battery", code), (PASSWORD, WRONG), (PASSWORD, ""), (PASSWORD, code)]
    statuses = [posted(client, **OFF, password=word, code=typed).status_code for word, typed in tries]
    assert statuses == [401, 401, 400, 302]
    assert "Set up an authenticator app" in client.get("/account").text


def test_the_code_of_the_log_in_does_not_turn_it_off(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    secret, client = a_secret_of(app, an_account(app)), with_password(app, "analyst")
    entered(client, code_of(app, secret))
    assert posted(client, **OFF, password=PASSWORD, code=code_of(app, secret)).status_code == 401


def test_wrong_codes_that_shall_turn_it_off_lock_the_account(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    client = logged_in(app)
    secret = a_secret_of(app, "analyst")
    for _ in range(5):
        posted(client, **OFF, password=PASSWORD, code=WRONG)
    answer = posted(client, **OFF, password=PASSWORD, code=code_of(app, secret))
    assert (answer.status_code, audit_of(app).count("code refused"), "account locked" in audit_of(app)) == (
        401,
        5,
        True,
    )


def test_an_administrator_turns_off_one_that_is_lost(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    a_secret_of(app, an_account(app))
    posted(logged_in(app, Role.ADMIN), "/accounts/1/second-factor-off", page="/accounts/1")
    assert posted(app.test_client(), "/log-in", name="analyst", password=PASSWORD).location == "/"


def test_codes_of_an_account_are_limited_to_five_a_minute_from_everywhere(tmp_path: Path) -> None:
    app = a_console(tmp_path, rate_limits=True)
    an_account(app)
    half = [1, "mark", (parts_of(app).clock() - timedelta(seconds=1)).isoformat()]
    statuses = []
    for number in range(6):
        client = app.test_client()
        with client.session_transaction() as kept:
            kept["half_done"] = half
        statuses.append(_from(client, f"10.0.0.{number}"))
    assert statuses == [401] * 5 + [429]


def _from(client: FlaskClient, address: str) -> int:
    page = client.get("/log-in", environ_base={"REMOTE_ADDR": address}).text
    token = page.partition('name="csrf-token" content="')[2].partition('"')[0]
    data = {"csrf_token": token, "code": "123456"}
    return client.post("/log-in/code", data=data, environ_base={"REMOTE_ADDR": address}).status_code
