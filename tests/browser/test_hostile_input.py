"""What hostile people write into every field, address and file: no fault of the server, and no script runs.

The fields are those of the forms that each role's pages have, the addresses those of the application's own map.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

import pytest
from browsing import Desk, OpenPage, log_in
from crawling import is_page, kind_of, pages
from forms import Form, read
from notes import COLUMNS, FORGED, a_payment
from playwright.sync_api import APIResponse, Page, expect
from werkzeug.routing import Rule

from console_factories import a_console
from console_process import ConsoleProcess
from fraud_detect.console.storage.tables import Role

MARK = "window.__hit=1"
SCRIPTS = {
    "an element": f"<script>{MARK}</script>",
    "out of an attribute": f"\"'><img src=x onerror={MARK}><svg onload={MARK}>",
    "into an attribute": f'x" autofocus onfocus={MARK} y="',
    "an address": f"javascript:{MARK}",
    "out of a script": f"</script><script>{MARK}</script>",
    "out of a text area": f"</textarea></title><script>{MARK}</script>",
}
HOSTILE = {
    **SCRIPTS,
    "a template": "{{ 7 * 7 }}{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}${7*7}",
    "SQL": "' OR '1'='1'; DROP TABLE users; -- \" OR 1=1",
    "a pattern of SQL": "%_\\%' ESCAPE '",
    "NUL": "a\x00b",
    "control characters": "\x01\x08\x0b\x1b[31m\x7f\x85\r\nSet-Cookie: a=b",
    "a path": "../../../../../../etc/passwd",
    "a path of Windows": "..\\..\\windows\\win.ini",
    "very long": "A" * 20_000,
    "directions": "\u202eabc\u2066\u2067\u061c\ufeff\u200b",
    "a lone surrogate": "%ED%A0%80",
    "many marks": "e" + "\u0301" * 300,
    "not a number": "NaN",
    "without bound": "1e999",
    "very many digits": "9" * 400,
    "a negative number": "-1",
    "beyond 64 bits": str(2**63),
    "digits of another script": "\u0661\u0662\u0663",
    "a formula": "=cmd|' /C calc'!A0",
    "JSON": '{"$gt": ""}',
    "nothing": "",
}
LONGEST_IN_ADDRESS = 2_000
FIND = "[...document.forms].find(one => (one.getAttribute('action') ?? '') === action)"
IS_THERE = f"action => Boolean({FIND})"
SEND = f"""([action, names, value]) => {{
    const form = {FIND};
    for (const name of names) {{
        const control = form.elements[name];
        if (control.tagName === 'SELECT') control.append(new Option(value, value, true, true));
        else control.value = value;
    }}
    HTMLFormElement.prototype.submit.call(form);
}}"""
"""Fills the controls of a form and sends it, past what the page itself would check."""
INNARDS = re.compile(r"Traceback|sqlalchemy|psycopg|sqlite3|OperationalError|werkzeug|jinja2|\.py\b", re.IGNORECASE)
"""What only a log may say."""
FILE_NAMES = {
    "a path": "../../../../tmp/fraud-detect-was-here.csv",
    "an absolute path": "/etc/cron.d/fraud-detect-was-here",
    "a script": f"<img src=x onerror={MARK}>.csv",
    "very long": "n" * 3_000 + ".csv",
    "NUL": "a\x00.csv",
    "directions": "\u202evsc.exe",
}
FILES = {
    "nothing": b"",
    "NUL": b"\x00" * 2_000,
    "no UTF-8": b"\xff\xfe\xfd\n" * 50,
    "scripts": f'"{SCRIPTS["an element"]}","{MARK}"\n"<img src=x onerror={MARK}>",2\n'.encode(),
    "one long line": b"1," * 100_000,
    "a gzip of nothing": bytes.fromhex("1f8b08000000000000ff03000000000000000000"),
}
BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"' + b"A" * 1_000 + b'"',
    "deep": b"[" * 100_000,
    "not a number": b'{"instances": [NaN], "amount": Infinity}',
    "beyond 64 bits": b'{"id": 99999999999999999999999999, "instances": [[1e999]]}',
    "no UTF-8": b'{"a": "\xff"}',
    "names": json.dumps({"instances": [{value: value for value in HOSTILE.values()}]}).encode(),
    "the same name twice": b'{"transactions": [], "transactions": [{}], "instances": {}}',
    "a lone surrogate": b'{"transactions": [{"id": "\\ud800"}]}',
    "NUL": b'{"transactions": [{"id": "a\\u0000b", "customer": "\\u0000"}]}',
}
TRAINING_REPORT = "/report/page"
"""A page that a training job wrote, with a script of its own: it is shown in a frame without any right."""
FEWEST_FORMS = 6
"""A crawl that finds fewer has gone astray."""


@dataclass
class Attacker:
    """Somebody of a role who sends what no form of ours would, and notes every answer that should not be."""

    page: Page
    findings: list[str] = field(default_factory=list)

    def get(self, address: str) -> APIResponse:
        """Ask for an address, and look at the answer."""
        answer = self.page.request.get(address, fail_on_status_code=False, max_redirects=0)
        return self.look(answer, f"GET {address[:120]}")

    def submit(self, at: str, form: Form, values: Mapping[str, Any], what: str) -> None:
        """Send a form of the page `at`, follow it, and look at both answers."""
        address = urljoin(at, form.action or at)
        if form.method == "get":
            self.get(f"{urlsplit(address).path}?{urlencode(values)}")
            return
        way = {"multipart": dict(values)} if "multipart" in form.kind else {"data": urlencode(values)}
        kind = {} if "multipart" in way else {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self.page.request.post(address, **way, headers=kind, fail_on_status_code=False, max_redirects=0)
        self.look(answer, f"{what} to {address}")
        if "location" in answer.headers:
            self.get(urljoin(address, answer.headers["location"]))

    def look(self, answer: APIResponse, what: str) -> APIResponse:
        """Note the answer if it is a fault of the server, tells what only a log may, or would run a script."""
        if answer.status >= 500:
            self.findings.append(f"{answer.status}: {what}")
        if not is_page(answer):
            return answer
        text = answer.text()
        if urlsplit(answer.url).path != TRAINING_REPORT:
            self.findings += [f"runs {each}: {what}" for each in read(text).runs]
        if found := INNARDS.search(text):
            self.findings.append(f"says {found.group()}: {what}")
        return answer


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[Rule]:
    """Return the application's map of addresses."""
    return list(a_console(tmp_path_factory.mktemp("map")).url_map.iter_rules())


@pytest.fixture(autouse=True)
def _work(the_console: ConsoleProcess) -> None:
    """Let there be a case, so that its pages and forms are found."""
    the_console.send(a_payment(FORGED))


def attackers(a_page_as: OpenPage) -> Iterator[Attacker]:
    """Give an attacker of each role."""
    for role in (Role.ADMIN, Role.ANALYST, Role.AGENT, Role.CUSTOMER):
        yield Attacker(a_page_as(role))


def forms_of(attacker: Attacker, known: set[object]) -> list[tuple[str, Form]]:
    """Return one form of each action that is not `known` yet, with a page that has it; logging out ends an attack."""
    found: list[tuple[str, Form]] = []
    for path, said in pages(attacker.page.request):
        for form in said.forms:
            key = (kind_of(urljoin(path, form.action or path)), *(one.name for one in form.fields))
            if key not in known and not form.action.endswith("/log-out"):
                known.add(key)
                found.append((path, form))
    return found


def test_no_field_of_any_form_lets_hostile_input_through(a_page_as: OpenPage) -> None:
    known: set[object] = set()
    for attacker in attackers(a_page_as):
        for path, form in forms_of(attacker, known):
            for name in form.writable() + form.hidden():
                for what, value in HOSTILE.items():
                    attacker.submit(path, form, {**form.filled(), name: value}, f"{what} in {name}")
        assert attacker.findings == []
    assert len(known) > FEWEST_FORMS


def test_no_address_lets_hostile_input_through(a_page_as: OpenPage, rules: list[Rule]) -> None:
    attacker = Attacker(a_page_as(Role.ADMIN))
    for rule in (rule for rule in rules if rule.arguments and "GET" in (rule.methods or ())):
        for value in (value for value in HOSTILE.values() if len(value) < LONGEST_IN_ADDRESS):
            attacker.get(re.sub(r"<[^>]+>", quote(value, safe=""), rule.rule))
            attacker.get(re.sub(r"<[^>]+>", quote(value), rule.rule))

    assert attacker.findings == []


def test_no_question_after_an_address_lets_hostile_input_through(a_page_as: OpenPage) -> None:
    attacker = Attacker(a_page_as(Role.ADMIN))
    asked = {
        (urlsplit(link).path, name)
        for path, said in pages(attacker.page.request)
        for link in [*said.links, *(f"{form.action or path}?{urlencode(form.values())}" for form in said.forms)]
        for name, _ in parse_qsl(urlsplit(link).query, keep_blank_values=True)
        if link.startswith("/")
    }
    for path, name in sorted(asked):
        for value in (value for value in HOSTILE.values() if len(value) < LONGEST_IN_ADDRESS):
            attacker.get(f"{path}?{urlencode({name: value})}")

    assert asked
    assert attacker.findings == []


def test_no_body_of_the_api_is_a_fault_of_the_server(
    a_page_as: OpenPage, rules: list[Rule], the_console: ConsoleProcess
) -> None:
    attacker = Attacker(a_page_as(Role.ADMIN))
    token = the_console.token()
    taking = [rule.rule for rule in rules if "POST" in (rule.methods or ()) and rule.rule.startswith("/api/")]
    for address in taking:
        for what, body in BODIES.items():
            for kind in ("application/json", "text/csv", "application/json; charset=utf-16", ""):
                headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
                answer = attacker.page.request.post(
                    re.sub(r"<[^>]+>", "1", address), data=body, headers=headers, fail_on_status_code=False
                )
                attacker.look(answer, f"{what} as {kind or 'nothing'} to {address}")

    assert taking
    assert attacker.findings == []


def test_no_file_and_no_name_of_one_is_a_fault_of_the_server(a_page_as: OpenPage) -> None:
    attacker = Attacker(a_page_as(Role.ADMIN))
    taking = [(path, form, name) for path, form in forms_of(attacker, set()) for name in form.files()]
    for path, form, name in taking:
        for called in FILE_NAMES.values():
            for what, content in FILES.items():
                file = {"name": called, "mimeType": "text/csv", "buffer": content}
                attacker.submit(path, form, {**form.values(), name: file}, f"{what} called {called[:40]!r}")

    assert taking
    assert attacker.findings == []


def test_file_is_kept_in_its_folder_whatever_it_is_called(a_page_as: OpenPage, the_console: ConsoleProcess) -> None:
    page = a_page_as(Role.ANALYST)
    page.goto("/files")
    token = page.locator("meta[name=csrf-token]").get_attribute("content") or ""
    rows = ",".join(COLUMNS) + "\n1,2,3,4\n"
    before = set(the_console.root.parent.rglob("*fraud-detect-was-here*"))

    for called in FILE_NAMES.values():
        file = {"name": called, "mimeType": "text/csv", "buffer": rows.encode()}
        page.request.post("/files", multipart={"csrf_token": token, "file": file})  # type: ignore[dict-item]

    assert set(the_console.root.parent.rglob("*fraud-detect-was-here*")) == before
    page.goto("/files")
    expect(page.get_by_role("link", name="fraud-detect-was-here.csv").first).to_be_visible()


def test_nothing_that_was_stored_runs_on_any_page(a_page_as: OpenPage, the_console: ConsoleProcess) -> None:
    """A refusal by the policy would also be a finding: nothing may come as far as that."""
    writer = Attacker(a_page_as(Role.ADMIN))
    forms = forms_of(writer, set())
    for script in SCRIPTS.values():
        the_console.send(a_payment(FORGED, id=script, customer=script, **{script: script, "shop": script}))
        for path, form in forms:
            writer.submit(path, form, {**form.filled(), **dict.fromkeys(form.writable(), script)}, "a script")
    for role in (Role.ADMIN, Role.ANALYST, Role.AGENT, Role.CUSTOMER):
        page = a_page_as(role, customer=SCRIPTS["an element"])
        for path, said in pages(page.request):
            page.goto(path)
            assert page.evaluate("window.__hit") is None, path
            assert path == TRAINING_REPORT or said.runs == [], path
    assert writer.findings == []


def test_nothing_that_is_sent_back_at_once_runs(a_page_as: OpenPage) -> None:
    attacker = Attacker(a_page_as(Role.ADMIN))
    page, sent = attacker.page, 0
    for path, form in forms_of(attacker, set()):
        for script in (SCRIPTS["an element"], SCRIPTS["out of an attribute"]):
            page.goto(path)
            if page.evaluate(IS_THERE, form.action):  # what was sent before may have ended what the form was for
                with page.expect_navigation():
                    page.evaluate(SEND, [form.action, form.writable(), script])
                sent += 1
                assert page.evaluate("window.__hit") is None, path
    assert sent > FEWEST_FORMS


def test_live_alert_of_a_hostile_sender_runs_nothing(a_page_as: OpenPage, the_console: ConsoleProcess) -> None:
    page = a_page_as(Role.ANALYST)
    page.goto("/desk")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    script = SCRIPTS["out of an attribute"]

    the_console.send(a_payment(FORGED, customer=script, amount=1e12))

    expect(page.get_by_role("cell", name=script, exact=True).first).to_be_visible()
    assert page.evaluate("window.__hit") is None


def test_other_people_still_come_in_afterwards(desk: Desk, the_console: ConsoleProcess) -> None:
    page = log_in(desk.open(), the_console.account("unharmed", Role.ANALYST))

    expect(page.get_by_text("unharmed (analyst)")).to_be_visible()
