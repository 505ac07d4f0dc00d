"""Banknotes whose truth is known, and transactions that are made of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

Note = Mapping[str, float]
COLUMNS = ("variance", "skewness", "curtosis", "entropy")


def a_note(*values: float) -> Note:
    """Return a note of four measurements."""
    return dict(zip(COLUMNS, values, strict=True))


FORGED = a_note(-3.5916, -6.2285, 10.2389, -1.1543)
GENUINE = a_note(1.6849, 8.7489, -1.2641, -1.3858)
FORGED_TOO = a_note(0.009661, 3.5612, -4.407, -4.4103)
_numbers = itertools.count(1)


def a_payment(note: Note, **said: object) -> dict[str, object]:
    """Return a transaction with an id of its own, which the model of banknotes scores by `note`."""
    number = next(_numbers)
    return {"id": f"payment-{number}", "customer": f"holder-{number}", "amount": 100.0, **note, **said}
