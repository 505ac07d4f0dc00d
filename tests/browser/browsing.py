"""Browsers as people hold them: they note what goes wrong on any page, and log in by the form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

from console_process import PASSWORD

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
SERVER_FAULT = 500
REFUSED = "Failed to load resource: the server responded with a status of 4"
"""What Chromium notes of a 4xx, which is what people get who mistype."""

OpenPage = Callable[..., Page]
"""Opens a browser of its own, logged in as a new account of a role, and returns its page."""


@dataclass
class Watch:
    """What went wrong in a browser: errors of scripts, what the policy refused, faults of the server, other hosts."""

    url: str
    faults: list[str] = field(default_factory=list)

    def follow(self, context: BrowserContext) -> None:
        """Note what goes wrong on every page of `context`."""
        context.on("weberror", lambda error: self.faults.append(f"script: {error.error}"))
        context.on("console", self._hear)
        context.on("response", self._see)
        context.on("request", self._look)

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type == "error" and not said.text.startswith(REFUSED):
            self.faults.append(f"console: {said.text}")

    def _see(self, answer: Response) -> None:
        if answer.status >= SERVER_FAULT:
            self.faults.append(f"{answer.status} {answer.url}")

    def _look(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.faults.append(f"another host: {request.url}")


@dataclass
class Desk:
    """Opens browsers at a console, and closes all of them."""

    browser: Browser
    url: str
    contexts: list[BrowserContext] = field(default_factory=list)
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = Watch(self.url)

    def open(self, *, phone: bool = False, dark: bool = False, scripts: bool = True) -> Page:
        """Return a page of a new browser, which knows nobody yet."""
        context = self.browser.new_context(
            base_url=self.url,
            viewport=PHONE if phone else DESK,  # type: ignore[arg-type]
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
        )
        context.set_default_timeout(15_000)
        self.contexts.append(context)
        self.watch.follow(context)
        return context.new_page()

    def close(self) -> None:
        """Close every browser."""
        for context in self.contexts:
            context.close()


def log_in(page: Page, name: str, password: str = PASSWORD) -> Page:
    """Log in by the form, and return the page that comes."""
    page.goto("/log-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    return page


def check_page(page: Page) -> None:
    """Fail if axe finds anything on the page, or if it is wider than its window."""
    assert overflow(page) <= 0, f"{page.url} is {overflow(page)} px wider than its window: {wide_elements(page)}"
    found = Axe().run(page)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"


def overflow(page: Page) -> int:
    """Return by how many pixels the page can be moved sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def wide_elements(page: Page) -> object:
    """Return which elements stick out to the right."""
    return page.evaluate(
        """[...document.querySelectorAll('body *')]
           .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
           .slice(0, 5).map(one => one.outerHTML.slice(0, 120))"""
    )
