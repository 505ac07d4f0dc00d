"""The desk's page where the server has no place left for a listener."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browsing import Desk, log_in
from notes import FORGED, a_payment
from playwright.sync_api import Browser, Page, expect

from console_process import ConsoleProcess
from fraud_detect.console.storage.tables import Role


@pytest.fixture
def page(chromium: Browser, the_console: ConsoleProcess, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Give the desk of somebody whose stream is answered 503; that is noted as a fault, so nothing watches here."""
    desk = Desk(chromium, the_console.url)
    page = log_in(desk.open(), the_console.account(request.node.name[:60], Role.ANALYST))
    page.route("**/desk/events*", lambda route: route.fulfill(status=503))
    page.goto("/desk")
    yield page
    desk.close()


def test_page_asks_every_few_seconds(page: Page, the_console: ConsoleProcess) -> None:
    expect(page.get_by_text("Updated every few seconds")).to_be_visible()
    payment = a_payment(FORGED)
    the_console.send(payment)
    expect(page.get_by_role("cell", name=str(payment["customer"]), exact=True)).to_be_visible()


def test_who_is_logged_out_is_told_so(page: Page) -> None:
    expect(page.get_by_text("Updated every few seconds")).to_be_visible()
    page.context.clear_cookies()
    expect(page.get_by_text("You are logged out")).to_be_visible()
