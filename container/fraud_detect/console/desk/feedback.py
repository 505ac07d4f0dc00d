"""Decisions as labels: a CSV that a training job takes as one more file of its channel.

Its columns are those of the table that the model was trained on: features, columns that training kept beside them, and
the label; a confirmed case is a fraud, a cleared one is none, and all others are left out.

Knows the tables, the manifest's columns, CSV. Never knows Flask, training.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fraud_detect.artifact.manifest import Labels, Manifest
from fraud_detect.console.desk.columns import AMOUNT, CUSTOMER, OCCURRED_AT, Columns, columns_of
from fraud_detect.console.formulas import defused
from fraud_detect.console.storage.tables import Case, CaseState, Decision, User

LABEL = "is_fraud"
"""The label's name where the model was trained without a header."""
EXTRAS = ("decided_at", "decided_by", "case")
AT_ONCE = 500


@dataclass(frozen=True)
class Layout:
    """The columns of the file: those of training, and those beside them if asked for."""

    columns: Columns
    labels: Labels
    extras: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name of the label's column."""
        return self.columns.label or LABEL

    @property
    def header(self) -> Sequence[str]:
        """The names of all columns in their order."""
        return (*self.columns.kept, *self.columns.features, self.label, *self.extras)


def layout_of(manifest: Manifest, *, extras: Sequence[str] = ()) -> Layout:
    """Return the layout for the model that `manifest` describes."""
    return Layout(columns_of(manifest), manifest.labels, tuple(extras))


def lines(session: Session, layout: Layout) -> Iterator[str]:
    """Yield the lines of the CSV, header first, in the order in which cases came."""
    yield _line(layout.header)
    for case, decision, name in _labelled(session):
        yield _line(_cells(case, decision, name, layout))


def _labelled(session: Session) -> Iterator[tuple[Case, Decision, str]]:
    last = select(func.max(Decision.id)).group_by(Decision.case_id)
    rows = (
        select(Case, Decision, User.name)
        .join(Decision, Decision.case_id == Case.id)
        .join(User, User.id == Decision.user_id)
        .where(Decision.id.in_(last), Decision.state.in_([CaseState.CONFIRMED, CaseState.CLEARED]))
        .order_by(Case.id)
        .execution_options(yield_per=AT_ONCE)
    )
    yield from session.execute(rows)


def _cells(case: Case, decision: Decision, name: str, layout: Layout) -> Sequence[object]:
    said = {**_beside(case, layout.columns), **case.features}
    positive = decision.state == CaseState.CONFIRMED
    label = layout.labels.positive if positive else layout.labels.negative
    beside = {"decided_at": decision.at.isoformat(), "decided_by": name, "case": case.id}
    kept = [_defused(_cell(said.get(column))) for column in layout.columns.kept]
    features = [_cell(said.get(column)) for column in layout.columns.features]
    return [*kept, *features, _cell(label), *(beside[extra] for extra in layout.extras)]


def _beside(case: Case, columns: Columns) -> Mapping[str, Any]:
    """Return the training table's other columns: as the sender wrote them, or else under their plain names."""
    plain = {CUSTOMER: case.customer, AMOUNT: case.amount, OCCURRED_AT: _time(case)}
    named = {
        columns.customer[0]: plain[CUSTOMER],
        columns.amount[0]: plain[AMOUNT],
        columns.time[0]: plain[OCCURRED_AT],
    }
    return {**named, **case.context}


def _time(case: Case) -> str | None:
    return None if case.occurred_at is None else case.occurred_at.strftime("%Y-%m-%d %H:%M:%S.%f")


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value


def _defused(cell: object) -> object:
    """Keep a spreadsheet from running text that the model does not read; a category has to stay what it is."""
    return defused(cell) if isinstance(cell, str) else cell


def _line(cells: Iterable[object]) -> str:
    line = io.StringIO()
    # Python before 3.13 quotes a carriage return only where it is part of the line's end.
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"


def write(session: Session, layout: Layout, file: Path) -> int:
    """Write the CSV to `file`, which is there whole or not at all, and return how many labels it has."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    written = -1
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as new:
            for line in lines(session, layout):
                new.write(line)
                written += 1
            new.flush()
            os.fsync(new.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return written
