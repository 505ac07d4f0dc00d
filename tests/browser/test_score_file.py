"""A file from its upload to its download, as somebody does it with a mouse."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from browsing import OpenPage, check_page
from notes import COLUMNS, FORGED, FORGED_TOO, GENUINE
from playwright.sync_api import FilePayload, Page, expect

from conftest import NOTES
from fraud_detect.console.storage.tables import Role

PATIENCE_MILLISECONDS = 15_000
"""A page without a script looks again every five seconds."""
ROWS = [f"{number},{','.join(map(str, note.values()))}" for number, note in enumerate((GENUINE, FORGED, FORGED_TOO))]
SOME = "\n".join([",".join(("id", *COLUMNS)), *ROWS])


def csv_file(text: str, name: str = "notes.csv") -> FilePayload:
    return {"name": name, "mimeType": "text/csv", "buffer": text.encode()}


def uploaded(page: Page, file: FilePayload | Path) -> Page:
    """Choose a file, and send it."""
    page.goto("/files")
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload and score").click()
    return page


def test_rows_come_by_probability_with_reasons(a_page_as: OpenPage) -> None:
    page = uploaded(a_page_as(Role.ANALYST), csv_file(SOME))

    expect(page.get_by_role("heading", name="Rows by probability")).to_be_visible()
    rows = page.get_by_role("row").all()[1:]
    assert [row.get_by_role("rowheader").inner_text() for row in rows][-1] == "1"
    assert [row.get_by_role("cell").nth(1).inner_text() for row in rows] == ["1", "1", "0"]
    expect(rows[0].get_by_role("listitem").first).to_be_visible()
    check_page(page)


def test_scored_file_has_every_row_and_its_own_columns(a_page_as: OpenPage) -> None:
    page = uploaded(a_page_as(Role.ANALYST), NOTES)
    expect(page.get_by_role("heading", name="Rows by probability")).to_be_visible()

    with page.expect_download() as download:
        page.get_by_role("link", name="Download the scored file").click()

    assert download.value.suggested_filename == f"{NOTES.stem}-scored.csv"
    with download.value.path().open(newline="") as scored:
        rows = list(csv.DictReader(scored))
    assert len(rows) == len(NOTES.read_text().splitlines()) - 1
    assert {"class", "probability", *COLUMNS} <= set(rows[0])


def test_alerts_alone_are_shown_on_demand(a_page_as: OpenPage) -> None:
    page = uploaded(a_page_as(Role.ANALYST), csv_file(SOME))

    page.get_by_role("link", name="Alerts only").click()

    expect(page.get_by_text("Highest first, 1 to 2 of 2")).to_be_visible()


def test_dropped_file_is_scored(a_page_as: OpenPage) -> None:
    page = a_page_as(Role.ANALYST)
    page.goto("/files")
    dropped = page.evaluate_handle(
        "text => { const data = new DataTransfer(); data.items.add(new File([text], 'dropped.csv')); return data; }",
        SOME,
    )

    page.locator("form.drop").dispatch_event("drop", {"dataTransfer": dropped})

    expect(page.get_by_role("heading", name="dropped.csv")).to_be_visible()
    expect(page.get_by_role("heading", name="Rows by probability")).to_be_visible()


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "empty|no"), ("a,b\n1,2\n", "variance"), ("\n".join([",".join(COLUMNS[:3]), "1,2,3"]), "entropy")],
    ids=["empty", "other columns", "a column less"],
)
def test_file_that_does_not_fit_is_refused_beside_the_field(a_page_as: OpenPage, text: str, said: str) -> None:
    page = uploaded(a_page_as(Role.ANALYST), csv_file(text))

    expect(page.get_by_label("CSV file")).to_have_accessible_description(re.compile(said, re.IGNORECASE))
    expect(page.get_by_label("CSV file")).to_have_attribute("aria-invalid", "true")
    check_page(page)


def test_row_that_does_not_fit_is_told_and_the_others_are_scored(a_page_as: OpenPage) -> None:
    page = uploaded(a_page_as(Role.ANALYST), csv_file(f"{SOME}\n9,1,2,many,4"))

    expect(page.get_by_text("1 row the model does not take")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(5)


def test_file_belongs_to_who_sent_it(a_page_as: OpenPage) -> None:
    page = uploaded(a_page_as(Role.ANALYST), csv_file(SOME))
    expect(page.get_by_role("heading", name="Rows by probability")).to_be_visible()
    other = a_page_as(Role.ANALYST)

    other.goto(page.url)

    expect(other.get_by_text("There is no such file")).to_be_visible()


def test_deleted_file_is_gone(a_page_as: OpenPage) -> None:
    page = uploaded(a_page_as(Role.ANALYST), csv_file(SOME, "unwanted.csv"))
    expect(page.get_by_role("heading", name="Rows by probability")).to_be_visible()

    page.get_by_role("button", name="Delete").click()

    expect(page.get_by_text("unwanted.csv is deleted.")).to_be_visible()
    expect(page.get_by_role("link", name="unwanted.csv")).to_have_count(0)


def test_upload_works_without_javascript(a_page_as: OpenPage) -> None:
    page = uploaded(a_page_as(Role.ANALYST, scripts=False), csv_file(SOME, "plain.csv"))

    expect(page.get_by_role("heading", name="plain.csv")).to_be_visible()
    expect(page.get_by_role("heading", name="Rows by probability")).to_be_visible(timeout=PATIENCE_MILLISECONDS)
