"""The model's page, and the training report in its frame."""

from __future__ import annotations

import pytest
from browsing import Desk, OpenPage, check_page
from playwright.sync_api import Frame, Page, expect

from console_process import ConsoleProcess
from fraud_detect.console.storage.tables import Role

WRITTEN_IN = '<p id="late">late</p><script>document.getElementById("late").textContent = "ran"</script></body>'


def frame_of(page: Page) -> Frame:
    """Return the frame with the report, once it is there."""
    expect(page.frame_locator("iframe").get_by_role("heading", name="Fraud model report")).to_be_visible()
    (frame,) = page.frames[1:]
    return frame


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"phone": True}], ids=["light", "dark", "phone"])
def test_model_s_page_is_whole(a_page_as: OpenPage, look: dict[str, bool]) -> None:
    page = a_page_as(Role.ANALYST, **look)
    page.goto("/report")

    expect(page.get_by_role("rowheader").first).to_be_visible()
    check_page(page)


def test_slider_of_the_report_works_in_its_frame(a_page_as: OpenPage) -> None:
    page = a_page_as(Role.ANALYST)
    page.goto("/report")
    frame = frame_of(page)
    before = frame.locator("#out-alerts").inner_text()

    frame.locator("#slider").fill("0")

    assert frame.locator("#out-alerts").inner_text() != before


def test_report_cannot_reach_the_console(a_page_as: OpenPage) -> None:
    page = a_page_as(Role.ANALYST)
    page.goto("/report")
    frame = frame_of(page)

    assert frame.evaluate("self.origin") == "null"
    assert frame.evaluate("() => { try { return parent.document.title; } catch (error) { return error.name; } }") == (
        "SecurityError"
    )


def test_script_that_got_into_the_report_does_not_run(
    a_page_as: OpenPage, the_console: ConsoleProcess, desk: Desk
) -> None:
    """What training wrote into the page itself forbids it."""
    file = the_console.root / "output/data/report.html"
    whole = file.read_text()
    page = a_page_as(Role.ANALYST)
    file.write_text(whole.replace("</body>", WRITTEN_IN))
    try:
        page.goto("/report")
        text = frame_of(page).locator("#late").inner_text()
    finally:
        file.write_text(whole)
    refused = desk.watch.faults.pop()
    assert (text, "violates the following Content Security Policy" in refused) == ("late", True)
