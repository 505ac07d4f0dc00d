"""Who comes in, and what each role finds there."""

from __future__ import annotations

import re

import pytest
from browsing import Desk, OpenPage, check_page, log_in
from playwright.sync_api import expect

from console_process import ConsoleProcess
from fraud_detect.console.storage.tables import Role

FIRST_PAGE_BYTES = 100_000
MENUS = {
    Role.ADMIN: ["Desk", "Score a case", "Files", "Report", "Calls", "Accounts", "Audit log"],
    Role.ANALYST: ["Desk", "Score a case", "Files", "Report"],
    Role.AGENT: ["Desk", "Score a case", "Calls"],
    Role.CUSTOMER: ["My calls", "Authenticator"],
}
FORBIDDEN = {Role.ANALYST: "/calls/", Role.AGENT: "/report", Role.CUSTOMER: "/desk"}


def test_page_before_log_in_leads_there_and_back_again(desk: Desk, the_console: ConsoleProcess) -> None:
    page = desk.open()

    page.goto("/")

    expect(page).to_have_url(re.compile(r"/log-in"))
    log_in(page, the_console.account("comes-back", Role.ADMIN))
    expect(page).not_to_have_url(re.compile(r"/log-in"))
    expect(page.get_by_text("comes-back (admin)")).to_be_visible()


def test_wrong_password_is_told_beside_the_field(desk: Desk, the_console: ConsoleProcess) -> None:
    page = log_in(desk.open(), the_console.account("mistypes", Role.ANALYST), "wrong horse battery")

    password = page.get_by_label("Password")
    expect(password).to_have_accessible_description(re.compile("wrong, or the account is locked"))
    expect(password).to_have_attribute("aria-invalid", "true")
    expect(password).to_have_value("")
    check_page(page)


def test_log_out_ends_the_session_and_the_back_button_shows_nothing(a_page_as: OpenPage) -> None:
    page = a_page_as(Role.ANALYST)

    page.get_by_role("button", name="Log out").click()

    expect(page.get_by_text("You are logged out.")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_keyboard_alone_logs_in(desk: Desk, the_console: ConsoleProcess) -> None:
    page = desk.open()
    page.goto("/log-in")
    expect(page.get_by_label("Name")).to_be_focused()

    page.keyboard.type(the_console.account("types", Role.ANALYST))
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse battery")
    page.keyboard.press("Enter")

    expect(page.get_by_text("types (analyst)")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_log_in_is_accessible(desk: Desk, phone: bool, dark: bool) -> None:
    page = desk.open(phone=phone, dark=dark)

    page.goto("/log-in")

    check_page(page)


@pytest.mark.parametrize("path", ["/", "/log-in"])
def test_first_page_is_under_100_kb_with_all_that_it_loads(a_page_as: OpenPage, path: str) -> None:
    """As they come over the wire, headers too, into an empty cache."""
    page = a_page_as(Role.ADMIN)
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.clearBrowserCache")
    lengths: list[int] = []
    network.on("Network.loadingFinished", lambda event: lengths.append(event["encodedDataLength"]))

    page.goto(path, wait_until="networkidle" if path == "/log-in" else "load")

    assert 0 < sum(lengths) < FIRST_PAGE_BYTES


@pytest.mark.parametrize("role", MENUS, ids=str)
def test_menu_has_what_the_role_may_see(a_page_as: OpenPage, role: Role) -> None:
    links = a_page_as(role).get_by_role("navigation", name="Pages").get_by_role("link")

    expect(links).to_have_text(MENUS[role])
    assert links.first.get_attribute("aria-current") == "page"


@pytest.mark.parametrize("role", FORBIDDEN, ids=str)
def test_page_of_another_role_is_refused_in_words(a_page_as: OpenPage, role: Role) -> None:
    page = a_page_as(role)

    page.goto(FORBIDDEN[role])

    expect(page.get_by_text("Your account's role does not include this page.")).to_be_visible()
    check_page(page)
