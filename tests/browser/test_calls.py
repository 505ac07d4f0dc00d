"""A verified call between an agent's browser and a customer's telephone, as they would hold it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Self

import pytest
from browsing import Desk as Browsers
from browsing import OpenPage, check_page, log_in
from playwright.sync_api import Page, expect

from console_process import PASSWORD, ConsoleProcess
from fraud_detect.console.one_time_codes import code_at, step_at
from fraud_detect.console.settings import utc_now
from fraud_detect.console.storage.tables import Role

WITHIN = 2_000
"""In so many milliseconds one end has to see what the other did."""


@dataclass
class Line:
    """An agent, a customer, and what the customer's app shows."""

    agent: Page
    customer: Page
    name: str
    secret: str

    @classmethod
    def between(cls, agent: Page, customer: Page, name: str) -> Self:
        """Set the customer's app up, by a code of this step, so that the next one's is still to be had."""
        customer.goto("/enrolment")
        customer.get_by_label("Your password").fill(PASSWORD)
        customer.get_by_role("button", name="Go on").click()
        expect(customer.get_by_alt_text("QR code")).to_be_visible()
        secret = customer.locator(".call-secret").inner_text().replace(" ", "")
        enter(customer, code_at(secret, step_at(utc_now())), "Set it up")
        expect(customer.get_by_text("Your authenticator is set up")).to_be_visible()
        return cls(agent, customer, name, secret)

    def open(self) -> None:
        """Open a call while the customer looks at the list."""
        self.customer.goto("/my-calls")
        self.agent.goto("/calls/")
        self.agent.get_by_label("Customer").fill(self.name)
        self.agent.get_by_role("button", name="Go on").click()
        self.agent.get_by_role("button", name="Open a verified call").click()

    def join(self, code: str | None = None) -> str:
        """Join by the app's code, as a clock shows it that is a step ahead, and return it."""
        given = code or code_at(self.secret, step_at(utc_now()) + 1)
        self.customer.get_by_role("link", name="Join the call").click()
        enter(self.customer, given, "Join")
        return given

    def joined(self) -> Self:
        """Return this after a call was opened and joined."""
        self.open()
        self.join()
        return self


def enter(page: Page, code: str, button: str) -> None:
    """Type a code and send it."""
    page.get_by_placeholder("123 456").fill(code)
    page.get_by_role("button", name=button).click()


def shown(page: Page) -> str:
    """Return the code on a page."""
    return page.locator("[data-code]").inner_text()


@pytest.fixture
def line(a_page_as: OpenPage, desk: Browsers, the_console: ConsoleProcess) -> Line:
    """Return an agent at a desk and a customer with a telephone, whose app is set up."""
    name = f"called-{time.time_ns()}"
    customer = log_in(desk.open(phone=True), the_console.account(name, Role.CUSTOMER, customer=name))
    return Line.between(a_page_as(Role.AGENT), customer, name)


def test_bank_and_customer_verify_each_other_without_a_reload(line: Line) -> None:
    line.open()
    line.join()
    expect(line.agent.locator("[data-code]")).to_be_visible(timeout=WITHIN)

    enter(line.customer, shown(line.agent), "Check the caller")
    expect(line.customer.get_by_role("heading", name="The caller is the bank")).to_be_visible()
    expect(line.agent.get_by_label("The customer's code")).to_be_visible(timeout=WITHIN)

    enter(line.agent, shown(line.customer), "Verify the customer")
    for page in (line.agent, line.customer):
        expect(page.get_by_role("heading", name="Both sides are verified")).to_be_visible(timeout=WITHIN)


def test_every_page_of_a_call_is_accessible(line: Line) -> None:
    line.joined()
    expect(line.agent.locator("[data-code]")).to_be_visible()
    for page in (line.agent, line.customer):
        check_page(page)
    enter(line.customer, shown(line.agent), "Check the caller")
    expect(line.agent.get_by_label("The customer's code")).to_be_visible()
    for page in (line.agent, line.customer):
        check_page(page)


def test_wrong_code_is_told_at_both_ends(line: Line) -> None:
    line.joined()
    right = shown(line.agent)
    enter(line.customer, "000 000" if right != "000 000" else "111 111", "Check the caller")
    expect(line.customer.get_by_text("This code is wrong.")).to_be_visible()
    expect(line.agent.get_by_text("The customer entered 1 wrong code; 4 tries left.")).to_be_visible(timeout=WITHIN)


def test_code_that_has_run_out_is_told_to_be_late(line: Line) -> None:
    line.joined()
    first = shown(line.agent)
    started = step_at(utc_now())
    while step_at(utc_now()) < started + 2:
        line.agent.wait_for_timeout(500)
    assert shown(line.agent) != first
    enter(line.customer, first, "Check the caller")
    expect(line.customer.get_by_text("This code has run out.")).to_be_visible()


def test_code_of_the_app_is_taken_once(line: Line) -> None:
    line.open()
    used = line.join()
    line.open()
    line.join(used)
    expect(line.customer.get_by_text("This code was used before.")).to_be_visible()


def test_another_browser_of_the_customer_sees_no_code(line: Line, desk: Browsers) -> None:
    line.joined()
    other = log_in(desk.open(), line.name)
    other.goto(line.customer.url)
    expect(other.get_by_text("it was joined in another browser")).to_be_visible()
    expect(other.locator("[data-code]")).to_have_count(0)


def test_call_is_verified_without_javascript(desk: Browsers, the_console: ConsoleProcess) -> None:
    name = f"scriptless-{time.time_ns()}"
    agent = log_in(desk.open(scripts=False), the_console.account(f"agent-of-{name}", Role.AGENT))
    customer = log_in(desk.open(scripts=False), the_console.account(name, Role.CUSTOMER, customer=name))
    line = Line.between(agent, customer, name)
    line.open()
    customer.get_by_role("link", name="Look again").click()
    line.join()
    agent.get_by_role("link", name="Look again").click()
    enter(customer, shown(agent), "Check the caller")
    agent.get_by_role("link", name="Look again").click()
    enter(agent, shown(customer), "Verify the customer")
    expect(agent.get_by_role("heading", name="Both sides are verified")).to_be_visible()
