"""Reasons as bars, in words, and as cases keep them."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import render_template_string

from console_factories import a_console
from fraud_detect.console import reasons
from fraud_detect.console.endpoint import Reason, Score

FOR, AGAINST = Reason("amount", 812.5, 2.0), Reason("hour", None, -0.5, "Time of day")
DRAWN = '{% from "reasons.html" import reason_bars %}{{ reason_bars(bars, sum) }}'


def drawn(root: Path, *told: Reason, score: Score | None = None) -> str:
    with a_console(root).test_request_context("/"):
        return render_template_string(
            DRAWN, bars=reasons.bars(told), sum=None if score is None else reasons.sum_of(score)
        )


def test_fraud_is_to_the_right_and_legitimate_to_the_left_of_the_middle() -> None:
    towards_fraud, towards_legitimate = reasons.bars([FOR, AGAINST])
    assert (towards_fraud.left, towards_fraud.width, towards_fraud.towards) == (100, 100, "fraud")
    assert (towards_legitimate.left, towards_legitimate.width, towards_legitimate.towards) == (75, 25, "legitimate")


def test_the_smallest_reason_can_be_seen() -> None:
    assert reasons.bars([FOR, Reason("hour", 1, 1e-9)])[1].width == reasons.SHORTEST


def test_no_reasons_are_no_bars() -> None:
    assert reasons.bars([]) == []


def test_a_reason_code_stands_before_the_name_of_its_feature() -> None:
    assert [bar.name for bar in reasons.bars([FOR, AGAINST])] == ["amount", "Time of day"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "missing"), (True, "yes"), (False, "no"), (12.0, "12"), (0.1, "0.1"), (1e20, "1e+20"), ("food", "food")],
    ids=str,
)
def test_values_are_shown_as_people_read_them(value: object, text: str) -> None:
    assert reasons.shown(value) == text


def test_a_reason_fits_in_a_line() -> None:
    assert reasons.in_words(AGAINST) == "Time of day (missing) towards legitimate \N{MINUS SIGN}0.50"


def test_the_parts_of_the_sum_are_told() -> None:
    told = reasons.sum_of(Score(0.9, 1, (FOR, AGAINST), raw_score=1.7, base_value=-0.1, other_contributions=0.3))
    assert told == reasons.Sum("\N{MINUS SIGN}0.10", "+1.50", "+0.30", "+1.70")


def test_a_model_that_cannot_explain_has_no_sum() -> None:
    assert reasons.sum_of(Score(0.9, 1)) is None


def test_reasons_come_back_from_their_documents() -> None:
    assert reasons.of_documents(reasons.as_documents([FOR, AGAINST])) == [FOR, AGAINST]


def test_the_drawing_says_in_words_which_way_a_reason_goes(tmp_path: Path) -> None:
    page = drawn(tmp_path, FOR, AGAINST)
    assert page.count('scope="row"') == 2
    assert ("towards fraud" in page, "towards legitimate" in page, "style=" in page) == (True, True, False)


def test_hostile_text_is_escaped(tmp_path: Path) -> None:
    page = drawn(tmp_path, Reason("<script>f", "<script>v", 1.0, "<script>t"))
    assert page.count("&lt;script&gt;") == 3
    assert "<script>" not in page


def test_the_sum_can_be_unfolded(tmp_path: Path) -> None:
    score = Score(0.9, 1, (FOR,), raw_score=2.2, base_value=0.2, other_contributions=0.0)
    assert "<details" in drawn(tmp_path, FOR, score=score)
