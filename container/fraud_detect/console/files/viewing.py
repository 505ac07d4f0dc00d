"""One page of a scored file, by score, without reading the rest of it.

Knows the side files. Never knows users, Flask.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

from fraud_detect.console.files.folder import Folder
from fraud_detect.console.files.reading import ENCODING
from fraud_detect.console.files.scoring import Summary
from fraud_detect.console.files.writing import SEPARATOR

ROWS_A_PAGE = 50
LONGEST_SHOWN = 60
_RANK, _PLACES = Struct("<I"), Struct("<QQ")


@dataclass(frozen=True)
class ShownRow:
    """A row of the scored file: its number from 1, the first of its cells, and what became of it."""

    number: int
    cells: Sequence[str]
    probability: float | None
    label: str
    reasons: Sequence[str]
    fault: str
    alert: bool


@dataclass(frozen=True)
class Page:
    """Rows from the highest probability down: `number` of `count` pages, each from 1."""

    rows: Sequence[ShownRow]
    number: int
    count: int
    first_rank: int


def page(folder: Folder, summary: Summary, number: int, *, alerts_only: bool) -> Page:
    """Return a page of the scored file in `folder`; the nearest there is to `number`."""
    shown = summary.alerts if alerts_only else summary.rows  # the alerts come first in the order
    count = max(-(-shown // ROWS_A_PAGE), 1)
    number = min(max(number, 1), count)
    first = (number - 1) * ROWS_A_PAGE
    with folder.order.open("rb") as order:
        order.seek(first * _RANK.size)
        ranks = [place for (place,) in _RANK.iter_unpack(order.read(min(ROWS_A_PAGE, shown - first) * _RANK.size))]
    return Page([_row(folder, summary, place) for place in ranks], number, count, first + 1)


def _row(folder: Folder, summary: Summary, place: int) -> ShownRow:
    with folder.offsets.open("rb") as offsets, folder.scored.open("rb") as scored:
        offsets.seek(place * 8)
        start, stop = _PLACES.unpack(offsets.read(_PLACES.size))
        scored.seek(start)
        text = scored.read(stop - start).decode(ENCODING)
    (record,) = csv.reader(io.StringIO(text, newline=""), delimiter=summary.separator)
    *cells, probability, label, reasons, fault = record
    found = float(probability) if probability else None
    return ShownRow(
        number=place + 1,
        cells=[_short(cell) for cell in cells[: len(summary.names)]],
        probability=found,
        label=label,
        reasons=reasons.split(SEPARATOR) if reasons else (),
        fault=fault,
        alert=found is not None and found >= summary.threshold,
    )


def _short(cell: str) -> str:
    return cell if len(cell) <= LONGEST_SHOWN else f"{cell[:LONGEST_SHOWN]}…"
