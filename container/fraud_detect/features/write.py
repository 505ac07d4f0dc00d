"""From files of transactions to one file of features a day: check, find out what is new, compute that.

Knows the order of the steps. Never knows an engine's ways.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from fraud_detect.errors import SettingError
from fraud_detect.features import checks
from fraud_detect.features.checks import DayRows
from fraud_detect.features.definitions import FeatureSet
from fraud_detect.features.engine import Engine, day_file
from fraud_detect.features.incremental import Basis, Plan, State, parse, plan
from fraud_detect.features.sql import TRANSACTIONS, Days, Input, features_query
from fraud_detect.features.transactions import read_input

logger = logging.getLogger(__name__)

OnDay = Callable[[int, int], None]
"""Told how many day files are written, and how many will be."""


@dataclass(frozen=True)
class Written:
    """What a run found and did: rows and days of the input, and of what was computed."""

    rows: int
    days: int
    computed_rows: int
    computed_days: int


def write_features(
    pattern: str, features: FeatureSet, engine: Engine, *, full: bool = False, on_day: OnDay = lambda _done, _of: None
) -> Written:
    """Write the transactions that `pattern` means with their `features`, one Parquet file a day.

    All input columns are kept. Days whose file the output folder has already, made of the same transactions, labels
    and history, are not computed again, unless `full` is set. What has a rule instead of an error is logged.

    Raises
    ------
    TableError
        If there are no transactions, files cannot be read, or columns or values are missing or wrong.
    SettingError
        If the output folder cannot be written to or holds other files, or the machine has too little room.
    """
    engine.open(pattern)
    given = read_input(features, engine, pattern)
    counted = engine.rows(checks.values_query(given, engine.dialect))[0]
    notices = checks.check_values(counted, given, pattern)
    found = checks.days_found(engine.rows(checks.days_query(given, engine.dialect)), features)
    gaps = checks.gaps(found)
    for notice in (*engine.remarks(), *notices, *([gaps] if gaps else [])):
        logger.warning("%s", notice)
    rows = sum(each.rows for each in found)
    logger.info("%s transactions of %d days; engine %s", f"{rows:,}", len(found), engine.name)
    basis = Basis(engine.name, _identity(features), engine.types(TRANSACTIONS))
    engine.prepare_output()
    todo = _plan(found, basis, engine, full=full)
    if todo.compute or todo.remove:
        _carry_out(todo, basis, given, features, engine, on_day)
        _write_note(basis, {**todo.keep, **{each.day: each for each in found}}, engine)
    computed = frozenset(todo.compute)
    return Written(rows, len(found), sum(each.rows for each in found if each.day in computed), len(computed))


def _plan(found: Sequence[DayRows], basis: Basis, engine: Engine, *, full: bool) -> Plan:
    """Return what is to be done in the output folder, after a look at what it holds."""
    files, note = engine.files(), engine.read_state()
    if note is None:
        _refuse(files, "the output folder already holds files that are not of an earlier run", _EMPTY)
    before = parse(note)
    trusted = {} if full else {each.day: files.get(day_file(each.day), 0) for each in found}
    todo = plan(found, basis, before, trusted)
    others = files.keys() - {day_file(day) for day in (*todo.compute, *todo.remove, *todo.keep)}
    difference = _difference(before, basis)
    if difference and before and others <= {day_file(day) for day in before.days}:
        _refuse(others, f"{difference}, and the input lacks days of which the output folder has features", _ALL_DAYS)
    _refuse(others, "the output folder already holds other files", _EMPTY)
    if difference:
        logger.info("%s: all days are computed", difference)
    return todo


def _write_note(basis: Basis, days: Mapping[int, DayRows], engine: Engine) -> None:
    files = engine.files()
    engine.write_state(State(basis, days, {day: files.get(day_file(day), 0) for day in days}).as_json())


def _identity(features: FeatureSet) -> str:
    """Return a checksum of the definitions."""
    return hashlib.sha256(repr(features).encode()).hexdigest()


_EMPTY = ("an empty folder, or the features of the same table, which are brought up to date", "Choose another folder.")
_ALL_DAYS = ("days that were all made in the same way", "Give all days, or choose another folder for these.")


def _refuse(files: Collection[str], got: str, wanted: tuple[str, str]) -> None:
    """Raise `SettingError` if there are such `files`: whoever reads the folder would take them in."""
    if files:
        names = sorted(files)
        shown = f"{', '.join(names[:3])}{', ...' if names[3:] else ''}"
        raise SettingError(f"{got[0].upper()}{got[1:]}: {shown}", expected=wanted[0], remedy=wanted[1])


def _difference(before: State | None, basis: Basis) -> str | None:
    """Return in words what an earlier run had otherwise, or None if nothing."""
    if before is None or before.basis == basis:
        return None
    old = before.basis
    if old.engine != basis.engine:
        return f"the folder was made with {old.engine}, this is {basis.engine}"
    if old.columns != basis.columns:
        names = {*old.columns, *basis.columns}
        changed = sorted(name for name in names if old.columns.get(name) != basis.columns.get(name))
        return f"columns or their types have changed since the folder was made ({', '.join(changed) or 'their order'})"
    return "the folder was made with other features"


def _carry_out(todo: Plan, basis: Basis, given: Input, features: FeatureSet, engine: Engine, on_day: OnDay) -> None:
    if todo.keep:
        logger.info("%d days are there already; computing %d", len(todo.keep), len(todo.compute))
    # What is about to change is forgotten first: a run that is cut short must not leave old words about new files.
    # Files without transactions go before that, or nobody would know that they were ours.
    engine.remove_days(todo.remove)
    _write_note(basis, todo.keep, engine)
    if todo.compute:
        days = Days.of(todo.compute) if todo.keep or todo.remove else None
        query = features_query(features, given, engine.dialect, days)
        count = len(todo.compute)
        engine.write_days(query, (*given.columns, *features.names), todo.compute, lambda done: on_day(done, count))
