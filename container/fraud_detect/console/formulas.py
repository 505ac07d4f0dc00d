"""Cells that a spreadsheet would run, whoever wrote them, and what keeps it from that: an apostrophe before them.

Knows how formulas begin. Never knows files, where cells come from.
"""

from __future__ import annotations

from fraud_detect.schema import is_text

BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - Excel takes wide signs, too
APOSTROPHE = "'"


def is_formula(cell: str) -> bool:
    """Return whether a spreadsheet could run `cell`: it begins as a formula does and is no number."""
    stripped = cell.lstrip(" ")
    return len(stripped) > 1 and stripped.startswith(BEGINNINGS) and is_text(cell)


def defused(cell: str) -> str:
    """Return `cell`, with an apostrophe before it if it is a formula."""
    return APOSTROPHE + cell if cell and not cell[0].isalnum() and is_formula(cell) else cell
