"""Numbers in addresses that no row can have."""

from __future__ import annotations

from pathlib import Path

import pytest

from console_factories import a_console, logged_in
from fraud_detect.console.row_numbers import LARGEST, row_number
from fraud_detect.console.storage.tables import Role

BEYOND = [LARGEST + 1, 2**63, 10**400]


@pytest.mark.parametrize("number", BEYOND, ids=["of PostgreSQL", "of SQLite", "of all"])
def test_number_beyond_every_row_is_not_found(tmp_path: Path, number: int) -> None:
    browser = logged_in(a_console(tmp_path), Role.ADMIN)

    assert browser.get(f"/api/cases/{number}").status_code == 404


@pytest.mark.parametrize("text", ["-1", str(LARGEST + 1), "", "1.0", "one"])
def test_text_that_no_row_has_for_a_number_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"no row|invalid literal"):
        row_number(text)


def test_largest_number_is_one() -> None:
    assert row_number(str(LARGEST)) == LARGEST
