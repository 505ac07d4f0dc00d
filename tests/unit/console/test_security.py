"""What protects every page: headers, cookies, forms, addresses that lead away, limits, the log, hostile names."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from console_factories import PASSWORD, a_console, a_token, an_account, form_token, logged_in, parts_of, posted
from fraud_detect.console.accounts import passwords
from fraud_detect.console.security import HEADERS
from fraud_detect.console.storage.tables import Role

WRONG = "wrong horse battery"


@pytest.mark.parametrize(
    "path", ["/log-in", "/", "/no-such-page", "/static/console.css", "/static/nothing", "/api/nothing", "/ping"]
)
def test_every_answer_has_the_headers(tmp_path: Path, path: str) -> None:
    answer = a_console(tmp_path).test_client().get(path)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_no_other_origin_is_let_in(tmp_path: Path, origin: str) -> None:
    client = logged_in(a_console(tmp_path))
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answers = [client.options("/api/score", headers=asked), client.get("/account", headers=asked)]
    assert [name for answer in answers for name, _ in answer.headers if name.startswith("Access-Control")] == []


@pytest.mark.parametrize("path", ["/log-in", "/account", "/account/password", "/account/second-factor", "/accounts",
                                  "/accounts/new", "/accounts/1", "/tokens", "/audit", "/audit/verdict"])  # fmt: skip
def test_no_page_needs_what_the_policy_forbids(tmp_path: Path, path: str) -> None:
    page = logged_in(a_console(tmp_path), Role.ADMIN).get(path)
    assert page.status_code == 200
    assert re.findall(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|javascript:", page.text) == []


def test_by_https_cookies_are_of_this_host_and_https_alone(tmp_path: Path) -> None:
    app = a_console(tmp_path, behind_https=True)
    answer = app.test_client().get("/log-in", headers={"X-Forwarded-Proto": "https"})
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-fraud_detect_console=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_form_by_https_has_to_come_from_a_page_of_this_host(tmp_path: Path) -> None:
    app = a_console(tmp_path, behind_https=True)
    client, name = app.test_client(), an_account(app)
    base: Any = {"base_url": "https://bank.example", "headers": {"X-Forwarded-Proto": "https"}}
    token = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/log-in", **base).text)
    assert token is not None
    statuses = []
    for referrer in ("https://evil.example/", "https://bank.example/log-in"):
        headers = {"X-Forwarded-Proto": "https", "Referer": referrer}
        data = {"csrf_token": token.group(1), "name": name, "password": PASSWORD}
        statuses.append(client.post("/log-in", base_url="https://bank.example", headers=headers, data=data).status_code)
    assert statuses == [400, 302]


@pytest.mark.parametrize(
    "away",
    ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
     "javascript:x", "evil.example", "///evil.example", "/%0d%0aSet-Cookie:x\r\ny", "//[", "https://["],
    ids=range(11),
)  # fmt: skip
def test_log_in_leads_nowhere_else(tmp_path: Path, away: str) -> None:
    app = a_console(tmp_path)
    client = app.test_client()
    data = {"csrf_token": form_token(client), "name": an_account(app), "password": PASSWORD}
    answer = client.post("/log-in", query_string={"next": away}, data=data)
    assert (answer.status_code, answer.location) == (302, "/")


def test_a_cookie_from_before_the_log_in_is_not_the_one_after(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    client, name = app.test_client(), an_account(app)
    with client.session_transaction() as before:
        before["planted"] = "by somebody else"
    posted(client, "/log-in", name=name, password=PASSWORD)
    with client.session_transaction() as after:
        assert ("planted" in after, "_user_id" in after) == (False, True)


def test_a_cookie_that_was_changed_is_nobodys(tmp_path: Path) -> None:
    client = logged_in(a_console(tmp_path))
    cookie = client.get_cookie("fraud_detect_console")
    assert cookie is not None
    client.set_cookie("fraud_detect_console", cookie.value[:-1] + ("A" if cookie.value[-1] != "A" else "B"))
    assert client.get("/account").status_code == 302


@pytest.mark.parametrize("name", ["analyst", "nobody"])
def test_a_wrong_name_costs_as_many_hashes_as_a_wrong_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    app, checked = a_console(tmp_path), []
    an_account(app)
    right = passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda *given: checked.append(given) or right(*given))
    answer = posted(app.test_client(), "/log-in", name=name, password=WRONG)
    assert (answer.status_code, len(checked)) == (401, 1)
    assert "The name or the password is wrong" in answer.text


def test_failed_log_ins_of_an_address_are_limited_and_others_are_not(tmp_path: Path) -> None:
    app = a_console(tmp_path, rate_limits=True)
    an_account(app)
    statuses = [posted(app.test_client(), "/log-in", name=f"n{n}", password=WRONG).status_code for n in range(11)]
    assert statuses == [401] * 10 + [429]
    client = app.test_client()
    data = {"csrf_token": form_token(client), "name": "analyst", "password": PASSWORD}
    assert client.post("/log-in", data=data, environ_base={"REMOTE_ADDR": "10.1.1.1"}).status_code == 302


def test_right_log_ins_of_a_whole_office_are_let_in(tmp_path: Path) -> None:
    app = a_console(tmp_path, rate_limits=True)
    an_account(app)
    answers = [posted(app.test_client(), "/log-in", name="analyst", password=PASSWORD) for _ in range(15)]
    assert [answer.status_code for answer in answers] == [302] * 15


def test_who_comes_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    app = a_console(tmp_path, rate_limits=True)
    for number in range(11):
        answer = posted(app.test_client(), "/log-in", name=f"n{number}", password=WRONG)
    assert 1 <= int(answer.headers["Retry-After"]) <= 61  # a minute, rounded up
    assert "Too many requests" in answer.text


def test_a_program_is_limited_by_its_token_and_is_told_so_in_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fraud_detect.console.limits.OF_A_PROGRAM", "2 per minute")
    app = a_console(tmp_path, rate_limits=True)
    tokens = [a_token(app, name) for name in ("shop", "bank")]
    asked = [tokens[0], tokens[0], tokens[0], tokens[1]]
    answers = [
        app.test_client().get("/api/openapi.json", headers={"Authorization": f"Bearer {token}"}) for token in asked
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]
    assert (answers[2].json["error"], "Retry-After" in answers[2].headers) == ("Too many requests", True)


def test_behind_a_proxy_addresses_are_those_that_the_proxy_says(tmp_path: Path) -> None:
    app = a_console(tmp_path, behind_https=True, rate_limits=True)
    statuses = []
    for number in range(12):
        headers = {"X-Forwarded-For": f"6.6.6.6, 10.0.0.{number % 2}", "X-Forwarded-Proto": "http"}
        client = app.test_client()
        page = client.get("/log-in", headers=headers, base_url="https://bank.example").text
        token = re.search(r'name="csrf-token" content="([^"]+)"', page)
        assert token is not None
        data = {"csrf_token": token.group(1), "name": "x", "password": WRONG}
        statuses.append(client.post("/log-in", headers=headers, data=data, base_url="https://bank.example").status_code)
    assert 429 not in statuses


@pytest.mark.parametrize("path", ["/log-in", "/api/score"])
def test_a_body_above_the_limit_is_refused(tmp_path: Path, path: str) -> None:
    app = a_console(tmp_path)
    headers = {"Authorization": f"Bearer {a_token(app)}"} if path.startswith("/api/") else {}
    answer = app.test_client().post(path, data=b"x=" + b"a" * (8 << 20), headers=headers,
                                    content_type="application/x-www-form-urlencoded")  # fmt: skip
    assert answer.status_code in {413, 415}


@pytest.mark.parametrize("name", ["a\0b", "<script>alert(1)</script>", "' OR 1=1 --", "../../etc/passwd", "\u202eevil"])
def test_hostile_names_are_wrong_names(tmp_path: Path, name: str) -> None:
    answer = posted(a_console(tmp_path).test_client(), "/log-in", name=name, password=WRONG)
    assert (answer.status_code in {400, 401}, "<script>alert" in answer.text) == (True, False)


@pytest.mark.parametrize(
    ("path", "statuses"),
    [("/accounts/99999999999999999999999", {404}), ("/accounts/9223372036854775807", {404}),
     ("/audit?before=99999999999999999999&actor=%00&subject=%25%5f", {200}), ("/audit?before=x", {200}),
     ("/static/../app.py", {404}), ("/static/..%2fapp.py", {404})],
    ids=range(6),
)  # fmt: skip
def test_hostile_addresses_are_answered_calmly(tmp_path: Path, path: str, statuses: set[int]) -> None:
    assert logged_in(a_console(tmp_path), Role.ADMIN).get(path).status_code in statuses


def test_each_request_is_a_line_without_query_or_secrets(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = a_console(tmp_path)
    client, name = app.test_client(), an_account(app)
    with caplog.at_level(logging.INFO, "fraud_detect"):
        answer = posted(client, "/log-in?next=/account", page="/log-in", name=name, password=PASSWORD)
        client.get("/account?token=sesame")
    told = [record.fields for record in caplog.records if record.message == "request"]  # type: ignore[attr-defined]
    lines = [(line["method"], line["path"], line["status"], line["account"]) for line in told]
    assert lines == [("GET", "/log-in", 200, ""), ("POST", "/log-in", 302, ""), ("GET", "/account", 200, "analyst")]
    assert (answer.headers["X-Request-Id"], "sesame" in caplog.text) == (told[1]["id"], False)
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(
    "fault", [OperationalError("SELECT", {}, Exception("gone")), NoConnectionFree("of 40")], ids=["gone", "busy"]
)
def test_a_database_that_does_not_answer_is_no_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    app = a_console(tmp_path)
    client = logged_in(app)

    def gone() -> None:
        raise fault

    monkeypatch.setattr(parts_of(app).database, "reading", gone)
    answer = client.get("/account")
    assert (answer.status_code, "cannot reach its database" in answer.text) == (503, True)


def test_an_answer_to_a_wrong_method_says_the_right_ones(tmp_path: Path) -> None:
    answer = logged_in(a_console(tmp_path)).get("/log-out")
    assert (answer.status_code, "POST" in answer.headers["Allow"]) == (405, True)


@pytest.mark.parametrize("path", ["/", "/log-in", "/account", "/no-such-page"])
def test_a_forged_host_is_in_no_answer(tmp_path: Path, path: str) -> None:
    client = logged_in(a_console(tmp_path))
    answer = client.get(path, headers={"Host": "evil.example"})
    assert "evil.example" not in answer.text + str(answer.headers)
