"""Names that may go on in the next line."""

from __future__ import annotations

from fraud_detect.console.long_names import breakable


def test_name_may_break_after_each_underscore() -> None:
    assert breakable("TX_AMOUNT_7DAY") == "TX_<wbr>AMOUNT_<wbr>7DAY"


def test_name_is_text_and_no_markup() -> None:
    assert breakable("<b>_&") == "&lt;b&gt;_<wbr>&amp;"
