"""A case scored by hand: banknotes whose truth is known, and a card transaction."""

from __future__ import annotations

import re

import pytest
from browsing import OpenPage, check_page
from notes import FORGED, FORGED_TOO, GENUINE, Note
from playwright.sync_api import Page, expect

from fraud_detect.console.storage.tables import Role

CARD_COLUMNS = ["Time", *(f"V{number}" for number in range(1, 29)), "Amount"]


def fill(page: Page, note: Note) -> Page:
    """Go to the form, and type what was measured."""
    page.goto("/score")
    for name, value in note.items():
        page.get_by_label(name, exact=True).fill(str(value))
    return page


def answer_of(page: Page, verdict: str) -> None:
    """Wait for the answer, and fail unless it is `verdict`."""
    answer = page.get_by_role("region", name="The answer")
    expect(answer).to_be_visible()
    expect(answer.get_by_text(verdict, exact=True)).to_be_visible()
    expect(answer.get_by_text(re.compile(r"^\d+(\.\d+)? %$|^[<>] .*%$"))).to_be_visible()


@pytest.mark.parametrize(
    ("note", "verdict"),
    [(FORGED, "Fraud"), (GENUINE, "Legitimate"), (FORGED_TOO, "Fraud")],
    ids=["forged", "genuine", "forged too"],
)
def test_known_banknote_is_told_with_its_reasons(a_page_as: OpenPage, note: Note, verdict: str) -> None:
    page = fill(a_page_as(Role.AGENT), note)

    page.get_by_role("button", name="Score").first.click()

    answer_of(page, verdict)
    expect(page.get_by_role("region", name="The answer").get_by_text("variance").first).to_be_visible()
    check_page(page)


def test_keyboard_alone_scores_a_banknote(a_page_as: OpenPage) -> None:
    page = a_page_as(Role.ANALYST)
    page.goto("/score")
    page.get_by_label("variance", exact=True).focus()

    for value in FORGED.values():
        page.keyboard.type(str(value))
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Score")).to_be_focused()
    page.keyboard.press("Enter")

    answer_of(page, "Fraud")
    expect(page.get_by_role("region", name="The answer")).to_be_focused()


def test_errors_stand_beside_their_fields_and_the_rest_is_kept(a_page_as: OpenPage) -> None:
    page = fill(a_page_as(Role.ANALYST), {**FORGED, "skewness": float("inf")})
    page.get_by_label("entropy", exact=True).fill("")

    page.get_by_role("button", name="Score").first.click()

    for name in ("skewness", "entropy"):
        expect(page.get_by_label(name, exact=True)).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label(name, exact=True)).to_have_accessible_description(
            re.compile("expected", re.IGNORECASE)
        )
    expect(page.get_by_label("skewness", exact=True)).to_be_focused()
    expect(page.get_by_label("variance", exact=True)).to_have_value(str(FORGED["variance"]))
    expect(page.get_by_label("variance", exact=True)).not_to_have_attribute("aria-invalid", "true")
    check_page(page)


def test_value_off_what_training_saw_is_told_while_it_is_typed(a_page_as: OpenPage) -> None:
    page = fill(a_page_as(Role.ANALYST), {"variance": 1_000.0})

    expect(page.get_by_text("the score may say little")).to_be_visible()
    page.get_by_label("variance", exact=True).fill("1")
    expect(page.get_by_text("the score may say little")).to_be_hidden()


@pytest.mark.parametrize(("example", "verdict"), [("A fraud", "Fraud"), ("A legitimate case", "Legitimate")])
def test_example_of_a_card_transaction_fills_the_form(a_cards_page_as: OpenPage, example: str, verdict: str) -> None:
    page = a_cards_page_as(Role.ANALYST)
    page.goto("/score")

    page.get_by_role("link", name=example).click()

    for column in CARD_COLUMNS:
        expect(page.get_by_label(column, exact=True)).not_to_have_value("")
    page.get_by_role("button", name="Score").first.click()
    answer_of(page, verdict)
    check_page(page)


def test_thirty_fields_fit_a_phone(a_cards_page_as: OpenPage) -> None:
    page = a_cards_page_as(Role.AGENT, phone=True)

    page.goto("/score?example=fraud")

    expect(page.get_by_label("Amount", exact=True)).to_be_visible()
    check_page(page)


def test_answer_comes_without_javascript_as_well(a_page_as: OpenPage) -> None:
    page = fill(a_page_as(Role.ANALYST, scripts=False), GENUINE)

    page.get_by_role("button", name="Score").first.click()

    answer_of(page, "Legitimate")
