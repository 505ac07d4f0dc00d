#!/usr/bin/env python3
"""Make the pictures of the console's pages in docs/console, from what `scripts/demo` left in .demo.

Needs `scripts/setup full`. Starts a server and a console of its own, with accounts, transactions, decisions, a file and
a verified call, and goes through the pages in Chromium as people would.

Usage: scripts/demo && .venv/bin/python scripts/screenshots.py
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyotp
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

REPOSITORY = Path(__file__).parents[1]
JOB = REPOSITORY / ".demo" / "opt_ml"
PICTURES = REPOSITORY / "docs" / "console"
COMMAND = Path(sys.executable).with_name("fraud-detect")
PASSWORD = "four words are enough"  # noqa: S105 - of accounts that last as long as this script
DESK, PHONE = ViewportSize(width=1280, height=860), ViewportSize(width=390, height=844)
MOST_BYTES, COLOURS = 150_000, 128
PATIENCE_SECONDS = 60
CUSTOMER = "1804"
TRANSACTIONS = """
SELECT * EXCLUDE (TX_FRAUD, TX_FRAUD_SCENARIO) REPLACE (CAST(TX_DATETIME AS VARCHAR) AS TX_DATETIME)
RENAME (TRANSACTION_ID AS id)
FROM read_parquet($files) WHERE TX_FRAUD IN $frauds ORDER BY md5(CAST(TRANSACTION_ID AS VARCHAR)) LIMIT $rows
"""
FRAUDULENT, LEGITIMATE = 1, 0
SENT, FRAUDS, IN_FILE = 400, 40, 2_000


@dataclass(frozen=True)
class People:
    """Browsers, each with an account of its own."""

    browser: Browser
    url: str

    def page_of(self, name: str, *, phone: bool = False, dark: bool = False) -> Page:
        """Return the first page of `name` after the log-in."""
        page = self.browser.new_page(
            base_url=self.url, viewport=PHONE if phone else DESK, color_scheme="dark" if dark else "light"
        )
        page.goto("/log-in")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
        return page


def main() -> None:
    """Start everything, take the pictures, stop everything."""
    if not (JOB / "model" / "manifest.json").exists():
        sys.exit("screenshots: there is no model in .demo; run scripts/demo first")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        root = Path(folder)
        for part in ("model", "output"):
            shutil.copytree(JOB / part, root / part)
        server = stack.enter_context(running("serve", "--root", folder))
        for name, role in (("anna", "admin"), ("ben", "analyst"), ("carla", "agent")):
            account(folder, name, "--role", role)
        account(folder, "dora", "--role", "customer", "--customer", CUSTOMER)
        url = stack.enter_context(running("console", "--root", folder, "--endpoint", server))
        send(url, asked("accounts", "token", "payments", "--root", folder).strip())
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for take in (log_in, score, files, desk, call, report, accounts):
            take(People(browser, url))
        browser.close()
    for picture in sorted(PICTURES.glob("*.png")):
        size = picture.stat().st_size
        print(f"screenshots: {picture.relative_to(REPOSITORY)}, {size // 1000} kB")
        if size > MOST_BYTES:
            sys.exit(f"screenshots: {picture.name} has {size} bytes; expected {MOST_BYTES} at most. Make it smaller.")


def asked(*arguments: str) -> str:
    """Return what the command says."""
    environment = {**os.environ, "FRAUD_DETECT_PASSWORD": PASSWORD}
    return subprocess.run(  # noqa: S603 - our own command
        [COMMAND, *arguments], check=True, stdout=subprocess.PIPE, env=environment, text=True
    ).stdout


def account(root: str, name: str, *options: str) -> None:
    """Make an account."""
    asked("accounts", "add", name, "--root", root, *options)


@contextmanager
def running(*command: str) -> Iterator[str]:
    """Give the address of a server that `command` starts, and stop it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen([COMMAND, *command, "--port", str(port)], stderr=subprocess.DEVNULL)  # noqa: S603 - likewise
    try:
        wait_for(url)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


def wait_for(url: str) -> None:
    """Return once `/ping` answers."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}/ping", timeout=PATIENCE_SECONDS).close()  # noqa: S310 - this machine
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
        else:
            return


def rows(count: int, *frauds: int) -> list[dict[str, Any]]:
    """Return `count` transactions of the last week, of the kinds of `frauds`, as a program would send them."""
    files = str(JOB / "input/data/test/*.parquet")
    found = duckdb.execute(TRANSACTIONS, {"files": files, "rows": count, "frauds": frauds})
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def send(url: str, token: str) -> None:
    """Send transactions to the desk: frauds first, so that others follow them."""
    frauds = rows(FRAUDS, FRAUDULENT)
    for one in frauds[:6]:
        one["CUSTOMER_ID"] = int(CUSTOMER)
    for sent in (frauds, rows(SENT, LEGITIMATE)):
        body = json.dumps({"transactions": sent}, default=str).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{url}/api/transactions", body, headers)  # noqa: S310 - this machine
        urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()  # noqa: S310


def picture(page: Page, name: str) -> None:
    """Take a picture of the top of a page, in few colours."""
    page.evaluate("scrollTo(0, 0)")
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path, animations="disabled", caret="hide")
    Image.open(path).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def log_in(people: People) -> None:
    """Take the page before everything."""
    page = people.browser.new_page(base_url=people.url, viewport=DESK)
    page.goto("/log-in")
    picture(page, "log-in")


def score(people: People) -> None:
    """Score the example of a fraud, on a desk and on a phone."""
    for suffix, phone in (("", False), ("-phone", True)):
        page = people.page_of("ben", phone=phone, dark=phone)
        page.goto("/score?example=fraud")
        page.get_by_role("button", name="Score").first.click()
        expect(page.get_by_role("region", name="The answer")).to_be_visible()
        picture(page, f"score{suffix}")


def files(people: People) -> None:
    """Upload a file, and look at its rows."""
    table = rows(IN_FILE, FRAUDULENT, LEGITIMATE)
    lines = [",".join(table[0]), *(",".join(str(cell) for cell in row.values()) for row in table)]
    page = people.page_of("ben")
    page.goto("/files")
    page.get_by_label("CSV file").set_input_files(
        {"name": "last-week.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}
    )
    page.get_by_role("button", name="Upload and score").click()
    expect(page.get_by_role("heading", name="Rows by probability")).to_be_visible(timeout=1_000 * PATIENCE_SECONDS)
    picture(page, "file")
    page.goto("/files")
    picture(page, "files")


def desk(people: People) -> None:
    """Decide about some alerts, and look at the desk and at a case."""
    page = people.page_of("ben")
    for button in ("Confirm fraud", "Confirm fraud", "Clear", "Escalate"):
        page.goto("/desk")
        page.locator("[data-live=cases] tbody tr").nth(5).get_by_role("link").click()
        page.get_by_role("button", name=button, exact=True).click()
    page.goto(f"/desk?customer={CUSTOMER}")
    page.locator("[data-live=cases] tbody tr").first.get_by_role("link").click()
    page.get_by_label("New note").fill("Card reported lost at 14:10; asked the shop for the receipt.")
    page.get_by_role("button", name="Add note").click()
    picture(page, "case")
    for name, dark, phone in (("desk", False, False), ("desk-dark", True, False), ("desk-phone", False, True)):
        page = people.page_of("ben", dark=dark, phone=phone)
        page.goto("/desk")
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        picture(page, name)


def call(people: People) -> None:
    """Verify a call: the agent's page, and the customer's on a telephone."""
    agent, customer = people.page_of("carla"), people.page_of("dora", phone=True)
    app = enrolled(customer)
    agent.goto(f"/calls/open?customer={CUSTOMER}")
    picture(agent, "call-open")
    agent.get_by_role("button", name="Open a verified call").click()
    customer.goto("/my-calls")
    customer.get_by_role("link", name="Join the call").click()
    enter(customer, app.at(int(time.time()) + app.interval), "Join")
    expect(agent.locator("[data-code]")).to_be_visible()
    picture(agent, "call-agent")
    enter(customer, agent.locator("[data-code]").inner_text(), "Check the caller")
    expect(customer.get_by_role("heading", name="The caller is the bank")).to_be_visible()
    picture(customer, "call-customer-phone")


def enrolled(customer: Page) -> pyotp.TOTP:
    """Set the customer's authenticator app up, and return what it is."""
    customer.goto("/enrolment")
    customer.get_by_label("Your password").fill(PASSWORD)
    customer.get_by_role("button", name="Go on").click()
    expect(customer.get_by_alt_text("QR code")).to_be_visible()
    picture(customer, "enrolment-phone")
    app = pyotp.TOTP(customer.locator(".call-secret").inner_text().replace(" ", ""))
    enter(customer, app.now(), "Set it up")
    expect(customer.get_by_text("Your authenticator is set up")).to_be_visible()
    return app


def enter(page: Page, code: str, button: str) -> None:
    """Type a code, and send it."""
    page.get_by_placeholder("123 456").fill(code)
    page.get_by_role("button", name=button).click()


def report(people: People) -> None:
    """Look at the model's report."""
    page = people.page_of("ben")
    page.goto("/report")
    picture(page, "report")


def accounts(people: People) -> None:
    """Look at accounts, tokens and the audit log, and at the page of one's own account."""
    page = people.page_of("anna")
    links: Sequence[tuple[str, str]] = (("Accounts", "accounts"), ("Audit", "audit"), ("anna", "own-account"))
    for link, name in links:
        page.get_by_role("link", name=link).first.click()
        picture(page, name)


if __name__ == "__main__":
    main()
