"""The desk with several people at it: alerts come by themselves, and what one decides the others see."""

from __future__ import annotations

import re

import pytest
from browsing import OpenPage, check_page
from notes import FORGED, FORGED_TOO, GENUINE, a_payment
from playwright.sync_api import Locator, Page, expect

from console_process import ConsoleProcess
from fraud_detect.console.storage.tables import Role


def at_the_desk(page: Page) -> Page:
    """Go to the desk, and wait until it listens."""
    page.goto("/desk")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    return page


def row_of(page: Page, customer: object) -> Locator:
    """Return the row of a customer's case in the table of the desk."""
    return page.get_by_role("row").filter(has=page.get_by_role("cell", name=str(customer), exact=True))


def test_alert_comes_to_everybody_who_looks_at_the_desk(a_page_as: OpenPage, the_console: ConsoleProcess) -> None:
    pages = [at_the_desk(a_page_as(role)) for role in (Role.ANALYST, Role.AGENT)]
    forged, genuine = a_payment(FORGED), a_payment(GENUINE)

    the_console.send(forged, genuine)

    for page in pages:
        expect(row_of(page, forged["customer"])).to_contain_text("Open")
        expect(row_of(page, genuine["customer"])).to_have_count(0)


def test_alerts_are_ordered_by_expected_loss(a_page_as: OpenPage, the_console: ConsoleProcess) -> None:
    page = at_the_desk(a_page_as(Role.ANALYST))

    the_console.send(*(a_payment(FORGED, customer="ordered", amount=amount) for amount in (20.0, 9_000.0, 300.0)))

    expect(row_of(page, "ordered")).to_have_count(3)
    amounts = [row.get_by_role("cell").nth(1).inner_text() for row in row_of(page, "ordered").all()]
    assert amounts == ["9,000.00", "300.00", "20.00"]


def test_what_one_confirms_leaves_the_other_s_open_cases(a_page_as: OpenPage, the_console: ConsoleProcess) -> None:
    first, second = (at_the_desk(a_page_as(Role.ANALYST)) for _ in range(2))
    payment = a_payment(FORGED_TOO)
    the_console.send(payment)

    row_of(first, payment["customer"]).get_by_role("link").click()
    expect(first.get_by_role("heading", level=1)).to_contain_text("Open")
    first.get_by_role("button", name="Confirm fraud").click()

    expect(first.get_by_role("heading", level=1)).to_contain_text("Confirmed")
    expect(row_of(second, payment["customer"])).to_have_count(0)
    second.goto(f"/desk?state=confirmed&customer={payment['customer']}")
    expect(row_of(second, payment["customer"])).to_contain_text("Confirmed")


def test_second_decision_about_what_has_changed_is_refused_and_says_so(
    a_page_as: OpenPage, the_console: ConsoleProcess
) -> None:
    (filed,) = the_console.send(a_payment(FORGED))
    first, second = (a_page_as(Role.ANALYST) for _ in range(2))
    for page in (first, second):
        page.goto(filed["case"])

    first.get_by_role("button", name="Confirm fraud").click()
    expect(first.get_by_text(re.compile("is confirmed"))).to_be_visible()
    second.get_by_role("button", name="Clear", exact=True).click()

    expect(second.get_by_role("alert")).to_be_visible()
    expect(second.get_by_role("heading", level=1)).to_contain_text("Confirmed")
    check_page(second)


def test_case_shows_reasons_history_and_a_note_as_it_was_written(
    a_page_as: OpenPage, the_console: ConsoleProcess
) -> None:
    payments = [a_payment(note, customer="regular", shop="corner shop") for note in (GENUINE, FORGED)]
    filed = the_console.send(*payments)[1]
    page = a_page_as(Role.AGENT)
    page.goto(filed["case"])

    page.get_by_label("New note").fill("Called:\n<b>no answer</b>")
    page.get_by_role("button", name="Add note").click()

    expect(page.get_by_text("<b>no answer</b>")).to_be_visible()
    expect(page.get_by_role("heading", name="Other transactions of regular")).to_be_visible()
    expect(page.get_by_text("corner shop")).to_be_visible()
    expect(page.get_by_text("variance").first).to_be_visible()
    expect(page.get_by_role("button", name="Confirm fraud")).to_have_count(0)


def test_confirmed_and_cleared_cases_come_back_as_labels(a_page_as: OpenPage, the_console: ConsoleProcess) -> None:
    page = a_page_as(Role.ANALYST)
    for note, button in ((FORGED, "Confirm fraud"), (GENUINE, "Clear")):
        (filed,) = the_console.send(a_payment(note))
        page.goto(filed["case"])
        page.get_by_role("button", name=button, exact=True).click()
    page.goto("/desk")

    with page.expect_download() as download:
        page.get_by_role("link", name="Download feedback.csv").click()

    header, *labels = download.value.path().read_text().splitlines()
    assert set(header.split(",")) == {"variance", "skewness", "curtosis", "entropy", "class"}
    assert len(labels) >= len((FORGED, GENUINE))


def test_paused_desk_goes_on_where_it_stopped(a_page_as: OpenPage, the_console: ConsoleProcess) -> None:
    page = at_the_desk(a_page_as(Role.ANALYST))
    page.get_by_role("button", name="Pause").click()
    payment = a_payment(FORGED)
    seen = at_the_desk(a_page_as(Role.ANALYST))

    the_console.send(payment)

    expect(row_of(seen, payment["customer"])).to_be_visible()
    expect(row_of(page, payment["customer"])).to_have_count(0)
    page.get_by_role("button", name="Go on").click()
    expect(row_of(page, payment["customer"])).to_be_visible()


@pytest.mark.parametrize("state", ["escalated", "all"])
def test_filtered_desk_is_accessible(a_page_as: OpenPage, the_console: ConsoleProcess, state: str) -> None:
    the_console.send(a_payment(FORGED), a_payment(GENUINE))
    page = a_page_as(Role.ANALYST)

    page.goto(f"/desk?state={state}&least=1")

    expect(page.get_by_label("Amount from")).to_have_value("1")
    check_page(page)
