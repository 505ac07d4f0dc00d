"""The scored file as it is written: the cells as they came, four more, and where each row begins.

A spreadsheet runs a cell that begins as a formula does, whoever wrote it: such cells get an apostrophe before them.

Knows CSV. Never knows endpoints, where files lie, Flask.
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from fraud_detect.console.endpoint import Reason
from fraud_detect.console.files.reading import ENCODING, MARK, Form
from fraud_detect.console.formulas import defused
from fraud_detect.console.reasons import in_words

OURS = ("probability", "predicted_label", "reasons", "error")
SEPARATOR = "; "
"""Between reasons."""
LINE_END = "\r\n"
"""As RFC 4180 has it; Python before 3.13 quotes a carriage return only where it is part of the line end."""


@dataclass(frozen=True)
class Outcome:
    """What became of a row: a probability and a label, and reasons if it was explained; or why it was refused."""

    probability: float | None
    label: object = ""
    reasons: Sequence[Reason] = ()
    fault: str = ""


def names_of_ours(names: Sequence[str]) -> Sequence[str]:
    """Return the names of the added columns: with a number behind where the file has one of that name."""
    taken, found = set(names), []
    for name in OURS:
        chosen, number = name, 2
        while chosen in taken:
            chosen, number = f"{name}_{number}", number + 1
        taken.add(chosen)
        found.append(chosen)
    return found


def told(reasons: Sequence[Reason]) -> str:
    """Return reasons as one text, the largest first."""
    return SEPARATOR.join(map(in_words, reasons)).replace("\N{MINUS SIGN}", "-")  # read as UTF-8 or not


def _label(label: object) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)


class ScoredFile:
    """Writes rows to `file` as `form` says; `offsets` has where each begins, and where the last one ends.

    `defused` counts the cells that got an apostrophe.
    """

    def __init__(self, file: BinaryIO, form: Form) -> None:
        self._file, self._width, self._at = file, len(form.names), 0
        self._writer = csv.writer(self, delimiter=form.separator, lineterminator=LINE_END)
        self.defused, self.offsets = 0, array("Q")
        if form.has_mark:
            self._put(MARK)
        self._writer.writerow([self._safe(name) for name in (*form.names, *names_of_ours(form.names))])
        self.offsets.append(self._at)

    def write(self, text: str) -> int:
        """Take one row's text from the csv module, which calls this once for each."""
        self._put(text.encode(ENCODING))
        return len(text)

    def add(self, cells: Sequence[str], outcome: Outcome) -> None:
        """Write a row: `cells`, cut or filled up to the header's width, and what became of it."""
        own = [*cells[: self._width], *([""] * (self._width - len(cells)))]
        probability = "" if outcome.probability is None else repr(outcome.probability)
        ours = (probability, _label(outcome.label), told(outcome.reasons), outcome.fault)
        self._writer.writerow([self._safe(cell) for cell in (*own, *ours)])
        self.offsets.append(self._at)

    def _safe(self, cell: str) -> str:
        safe = defused(cell)
        self.defused += safe is not cell
        return safe

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._at += len(data)
