"""Chromium, a console over each of two real models, and the servers that score with them.

The models are made once: of banknotes (four numbers) and of card transactions (thirty).
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from browsing import Desk, OpenPage, log_in
from playwright.sync_api import Browser, Page, sync_playwright

from console_process import ConsoleProcess
from fraud_detect.console.storage.tables import Role
from running_server import Server

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("FRAUD_DETECT_DATA", REPOSITORY.parent / "shared" / "data"))
NOTES = DATA / "banknote" / "banknote_authentication.csv"
CARDS = DATA / "creditcard_sample" / "creditcard_sample.csv.gz"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
KEPT_LEGITIMATE = 8
"""One of so many legitimate rows of the card transactions is learned from: the tests want a model, not a good one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder as slow, and as one that is run alone."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.alone)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return Debian's Chromium, or what there is of its kind, started once."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is not installed, and with CI=true these tests may not be skipped")
        pytest.skip("needs chromium")
    with sync_playwright() as playwright:
        # Chromium's own sandbox wants rights that root in a container has not.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def trained(root: Path, table: pd.DataFrame, **hyperparameters: str) -> Path:
    """Return `root` after a training job on `table`."""
    channel, configuration = root / "input/data/train", root / "input/config"
    channel.mkdir(parents=True)
    configuration.mkdir()
    table.to_csv(channel / "table.csv", index=False)
    given = {"bootstrap_samples": "20", "resampler": "none", **hyperparameters}
    (configuration / "hyperparameters.json").write_text(json.dumps(given))
    command = Path(sys.executable).with_name("fraud-detect")
    done = subprocess.run([command, "train", "--root", root], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture(scope="session")
def notes_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root with a model of banknotes."""
    if not NOTES.exists():
        pytest.skip(f"{NOTES} is not there")
    return trained(tmp_path_factory.mktemp("notes"), pd.read_csv(NOTES), label_column="class")


@pytest.fixture(scope="session")
def cards_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root with a model of card transactions."""
    if not CARDS.exists():
        pytest.skip(f"{CARDS} is not there")
    table = pd.read_csv(CARDS)
    chosen = pd.concat([table[table["Class"] == 1], table[table["Class"] == 0].iloc[::KEPT_LEGITIMATE]])
    return trained(tmp_path_factory.mktemp("cards"), chosen.sort_values("Time"), num_round="40")


def running(root: Path) -> Iterator[ConsoleProcess]:
    """Give a console over the model of `root`, and stop it and its server at the end."""
    with (
        Server(root, "alone", log=root / "server.log") as server,
        ConsoleProcess(root, f"http://127.0.0.1:{server.port}") as console,
    ):
        yield console


@pytest.fixture(scope="session")
def the_console(notes_root: Path) -> Iterator[ConsoleProcess]:
    """Return a running console over the model of banknotes."""
    yield from running(notes_root)


@pytest.fixture(scope="session")
def cards_console(cards_root: Path) -> Iterator[ConsoleProcess]:
    """Return a running console over the model of card transactions."""
    yield from running(cards_root)


@pytest.fixture
def desk(chromium: Browser, the_console: ConsoleProcess) -> Iterator[Desk]:
    """Return what opens browsers at `the_console`; afterwards nothing may have gone wrong in any of them."""
    yield from watched(chromium, the_console)


@pytest.fixture
def cards_desk(chromium: Browser, cards_console: ConsoleProcess) -> Iterator[Desk]:
    """Return what opens browsers at `cards_console`; afterwards nothing may have gone wrong in any of them."""
    yield from watched(chromium, cards_console)


def watched(chromium: Browser, console: ConsoleProcess) -> Iterator[Desk]:
    """Give what opens browsers, close them, and fail if something went wrong in one."""
    opened = Desk(chromium, console.url)
    yield opened
    opened.close()
    assert opened.watch.faults == []


_numbers = itertools.count(1)


def opener(desk: Desk, console: ConsoleProcess) -> OpenPage:
    """Return a function that opens a browser at `console` and logs in as a new account."""

    def open_page(role: Role, *, customer: str | None = None, **browser: bool) -> Page:
        number = next(_numbers)
        whose = customer or f"customer-{number}" if role is Role.CUSTOMER else None
        return log_in(desk.open(**browser), console.account(f"{role}-{number}", role, customer=whose))

    return open_page


@pytest.fixture
def a_page_as(desk: Desk, the_console: ConsoleProcess) -> OpenPage:
    """Return a function that opens a browser of its own, logged in to `the_console` as a new account of a role."""
    return opener(desk, the_console)


@pytest.fixture
def a_cards_page_as(cards_desk: Desk, cards_console: ConsoleProcess) -> OpenPage:
    """Return a function as `a_page_as` does, at `cards_console`."""
    return opener(cards_desk, cards_console)
