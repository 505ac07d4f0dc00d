"""Every page that a role reaches by links: axe in light and dark, no wider than a phone, nothing refused or broken."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from browsing import DESK, PHONE, OpenPage, check_page
from crawling import pages
from notes import FORGED, GENUINE, a_payment
from playwright.sync_api import Page, expect
from test_score_file import SOME, csv_file, uploaded
from werkzeug.routing import MapAdapter

from console_factories import a_console
from console_process import ConsoleProcess
from fraud_detect.console.access import ACCESS
from fraud_detect.console.storage.tables import Role

NO_PAGES = {"static", "pages.ping", "api.openapi", "desk.events", "desk.changes", "desk.cases", "desk.case_json"}
NO_PAGES |= {"desk.feedback", "files.progress", "files.download", "audit.download"}
NO_PAGES |= {"calls.state", "my_calls.state", "my_calls.waiting"}
"""Views that are asked by GET and answer with something else than a page."""
SEEN_ELSEWHERE = {"calls.call", "my_calls.call"}
"""test_calls.py looks at them: a call has two ends."""


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> MapAdapter:
    """Return what finds the view behind an address."""
    return a_console(tmp_path_factory.mktemp("map")).url_map.bind("localhost")


@pytest.fixture(scope="module")
def with_work(the_console: ConsoleProcess) -> ConsoleProcess:
    """Return the console after transactions have come."""
    the_console.send(*(a_payment(note, customer="seen", shop="a shop") for note in (GENUINE, FORGED, FORGED)))
    return the_console


def look_at(page: Page, path: str) -> Iterator[str]:
    """Give what is wrong with a page: in light on a desk, in dark on a phone."""
    page.goto(path)
    for size, scheme in ((DESK, "light"), (PHONE, "dark")):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        try:
            check_page(page)
        except AssertionError as error:
            yield f"{path}, {size['width']} px, {scheme}: {error}"


def pages_for(role: Role, addresses: MapAdapter) -> set[str]:
    """Return the views that a role has to reach."""
    asked = {rule.endpoint for rule in addresses.map.iter_rules() if "GET" in (rule.methods or ())}
    return {view for view in asked if role in ACCESS[view]} - NO_PAGES - SEEN_ELSEWHERE


@pytest.mark.usefixtures("with_work")
@pytest.mark.parametrize("role", list(Role), ids=str)
def test_pages_of_a_role_are_accessible_and_fit_a_phone(a_page_as: OpenPage, addresses: MapAdapter, role: Role) -> None:
    page = a_page_as(role, customer="seen" if role is Role.CUSTOMER else None)
    if role in ACCESS["files.upload"]:
        uploaded(page, csv_file(SOME))
        expect(page.get_by_role("heading", name="Rows by probability")).to_be_visible()
    paths = [path for path, _ in pages(page.request)]

    wrong = [each for path in paths for each in look_at(page, path)]

    assert wrong == []
    assert pages_for(role, addresses) - {addresses.match(urlsplit(path).path)[0] for path in paths} == set()
