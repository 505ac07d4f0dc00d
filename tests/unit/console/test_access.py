"""Who comes in where: every view of the console, asked for by every role, against a table that is written by hand.

A new view needs a line in TABLE: its name, and the roles that come in; a program comes with its token. Coming in is to
get an answer that is neither 401 nor 403 nor leads to log-in. Addresses are filled with 999999 and x, so 400 and
404 are fine.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from console_factories import a_console, a_token, an_account, form_token, logged_in, posted
from fraud_detect.console.storage.tables import Role

ANYONE = "anyone admin analyst agent customer program"
EVERYBODY = "admin analyst agent customer"
TABLE = {
    "static": ANYONE,
    "pages.ping": ANYONE,
    "pages.home": EVERYBODY,
    "accounts.log_in": ANYONE,
    "accounts.enter_code": ANYONE,
    "accounts.log_out": EVERYBODY,
    "account.show": EVERYBODY,
    "account.password": EVERYBODY,
    "account.end_session": EVERYBODY,
    "account.end_others": EVERYBODY,
    "account.second_factor": EVERYBODY,
    "account.second_factor_off": EVERYBODY,
    "people.listed": "admin",
    "people.add": "admin",
    "people.show": "admin",
    "people.reset_password": "admin",
    "people.give_role": "admin",
    "people.change": "admin",
    "tokens.listed": "admin",
    "tokens.revoke": "admin",
    "audit.show": "admin",
    "audit.verdict": "admin",
    "audit.download": "admin",
    "desk.desk": "admin analyst agent",
    "desk.events": "admin analyst agent",
    "desk.changes": "admin analyst agent",
    "desk.case": "admin analyst agent",
    "desk.note": "admin analyst agent",
    "desk.decide": "admin analyst",
    "desk.feedback": "admin analyst",
    "desk.cases": "admin analyst agent",
    "desk.case_json": "admin analyst agent",
    "desk.decision_json": "admin analyst",
    "desk.transactions_in": "admin analyst program",
    "api.openapi": "admin analyst agent program",
    "score.form": "admin analyst agent",
    "score.api": "admin analyst agent program",
    "report.show": "admin analyst",
    "report.page": "admin analyst",
    "calls.listed": "admin agent",
    "calls.open": "admin agent",
    "calls.call": "admin agent",
    "calls.state": "admin agent",
    "calls.enter": "admin agent",
    "calls.end": "admin agent",
    "calls.reset": "admin",
    "my_calls.listed": "customer",
    "my_calls.waiting": "customer",
    "my_calls.call": "customer",
    "my_calls.state": "customer",
    "my_calls.join": "customer",
    "my_calls.enter": "customer",
    "my_calls.end": "customer",
    "my_calls.enrolment_page": "customer",
    "my_calls.begin": "customer",
    "my_calls.confirm": "customer",
    "files.index": "admin analyst",
    "files.upload": "admin analyst",
    "files.show": "admin analyst",
    "files.progress": "admin analyst",
    "files.download": "admin analyst",
    "files.again": "admin analyst",
    "files.delete": "admin analyst",
}
ROLES = ANYONE.split()
ENDING = {"accounts.log_out"}
EXAMPLES = {"RowNumber": "999999", "AnyConverter": "enable"}


@pytest.mark.usefixtures("one_engine")
@pytest.mark.parametrize("role", ROLES)
def test_a_role_comes_in_where_the_table_says_and_nowhere_else(tmp_path: Path, role: str) -> None:
    """By every method alike."""
    app = a_console(tmp_path)
    visitor = Visitor(app, role)
    came_in: dict[str, set[bool]] = {}
    for rule, method in requests_of(app):
        came_in.setdefault(rule.endpoint, set()).add(visitor.comes_in(rule, method))
    assert came_in == {view: {role in roles.split()} for view, roles in TABLE.items()}


@pytest.mark.usefixtures("one_engine")
def test_every_view_has_a_line_in_the_table(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(TABLE)


def requests_of(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Give each address and method; HEAD in place of GET, which some answers to never end."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"GET", "OPTIONS"}):
            yield rule, method


class Visitor:
    """Somebody of a role, who logs in anew after requests that end the session."""

    def __init__(self, app: Flask, role: str) -> None:
        self._app, self._role = app, role
        if role in set(Role):
            an_account(app, Role(role))
        self._token = a_token(app) if role == "program" else ""
        self._browser = self._logged_in()

    def comes_in(self, rule: Rule, method: str) -> bool:
        """Return whether the answer is neither 401 nor 403 nor leads to log-in."""
        answer = self._asked("".join(self._parts(rule)), method)
        if rule.endpoint in ENDING:
            self._browser = self._logged_in()
        return answer.status_code not in {401, 403} and not self._sent_to_log_in(answer, rule.endpoint)

    def _sent_to_log_in(self, answer: TestResponse, view: str) -> bool:
        """Return whether the answer leads to log-in, as those of two views do even where one comes in."""
        is_normal = view == "accounts.enter_code" or (view == "accounts.log_out" and self._role in set(Role))
        return not is_normal and (answer.location or "").partition("?")[0] == "/log-in"

    def _parts(self, rule: Rule) -> Iterator[str]:
        for dynamic, part in rule._trace:  # what Werkzeug itself builds addresses from
            if part != "|":
                yield EXAMPLES.get(type(rule._converters[part]).__name__, "x") if dynamic else part

    def _asked(self, address: str, method: str) -> TestResponse:
        if self._role == "program":
            return self._app.test_client().open(
                address, method=method, headers={"Authorization": f"Bearer {self._token}"}
            )
        headers = {} if method == "HEAD" else {"X-CSRFToken": form_token(self._browser, "/log-in")}
        return self._browser.open(address, method=method, headers=headers)

    def _logged_in(self) -> FlaskClient:
        browser = self._app.test_client()
        if self._role in set(Role):
            posted(browser, "/log-in", name=self._role, password="correct horse battery")
        return browser


def test_a_program_without_a_token_is_told_to_show_one(tmp_path: Path) -> None:
    answer = a_console(tmp_path).test_client().get("/api/nothing")
    assert (answer.status_code, answer.json["error"]) == (404, "Not Found")


def test_a_token_counts_for_no_page(tmp_path: Path) -> None:
    app = a_console(tmp_path)
    answer = app.test_client().get("/", headers={"Authorization": f"Bearer {a_token(app)}"})
    assert (answer.status_code, answer.location) == (302, "/log-in?next=/")


def test_a_session_does_not_count_beside_a_wrong_token(tmp_path: Path) -> None:
    browser = logged_in(a_console(tmp_path), Role.ADMIN)
    assert browser.get("/", headers={"Authorization": "Bearer nonsense"}).status_code == 302
