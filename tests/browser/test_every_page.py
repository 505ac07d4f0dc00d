"""Every page that a role reaches by links: axe in light and dark, no wider than a phone, nothing refused or broken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browsing import DESK, PHONE, OpenPage, check_page
from crawling import pages
from notes import FORGED, GENUINE, a_payment
from playwright.sync_api import Page
from werkzeug.routing import MapAdapter

from console_factories import a_console
from console_process import ConsoleProcess
from fraud_detect.console.storage.tables import Role

NO_PAGES = {
    "static": "files",
    "pages.ping": "for programs",
}
"""Views that are asked by GET and answer with something else than a page, and with what."""


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


@pytest.mark.usefixtures("with_work")
@pytest.mark.parametrize("role", list(Role), ids=str)
def test_pages_of_a_role_are_accessible_and_fit_a_phone(a_page_as: OpenPage, role: Role) -> None:
    page = a_page_as(role, customer="seen" if role is Role.CUSTOMER else None)
    paths = [path for path, _ in pages(page.request)]

    wrong = [each for path in paths for each in look_at(page, path)]

    assert wrong == []
