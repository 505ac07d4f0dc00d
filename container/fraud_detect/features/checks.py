"""What transactions must be like: SQL that counts what is not, and what the counts mean.

A fault that would make features wrong is an error; what has a rule is counted, told and kept.

Knows SQL and names of columns. Never knows a connection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from fraud_detect.errors import TableError
from fraud_detect.features.definitions import (
    AMOUNT,
    LABEL,
    LABEL_TIME,
    NEVER_MISSING,
    REQUIRED,
    TIME,
    TRANSACTION,
    FeatureSet,
)
from fraud_detect.features.dialect import Dialect, Kind
from fraud_detect.features.sql import (
    EVENT_DAY,
    LARGEST_AMOUNT,
    TRANSACTIONS,
    US_BEFORE_1970,
    US_PER_DAY,
    Input,
    day_of,
    internal_names,
    moment,
)

DAY_ZERO = date(1970, 1, 1)
LAST_DAY = (date.max - DAY_ZERO).days
GAPS_SHOWN = 5
TIMES = (Kind.TIME, Kind.TIME_IN_NANOSECONDS, Kind.TIME_WITH_ZONE, Kind.DATE, Kind.TEXT)
NUMBERS = (Kind.WHOLE, Kind.NUMBER)
# Engines read other spellings differently: a time without a date, 24:00, offsets without seconds or above 18 hours.
_DATE, _MINUTES = "[0-9]{4}-[0-9]{2}-[0-9]{2}", "[ T]([01][0-9]|2[0-3]):[0-9]{2}"
_SECONDS = ":[0-9]{2}([.][0-9]{1,6})?"
_OFFSET = "(Z|[+-](((0[0-9]|1[0-7]):[0-5][0-9])|18:00))"
WITHOUT_OFFSET = f"'^{_DATE}({_MINUTES}({_SECONDS})?)?$'"
WITH_OFFSET = f"'^{_DATE}{_MINUTES}{_SECONDS}{_OFFSET}$'"


def calendar_day(number: int) -> date:
    """Return the date of a day counted from 1970-01-01."""
    return DAY_ZERO + timedelta(days=number)


def check_columns(kinds: Mapping[str, Kind], features: FeatureSet, where: str) -> None:
    """Raise `TableError` if columns are absent, of a wrong kind, or have names that features and their query need."""
    absent = [name for name in REQUIRED if name not in kinds]
    if absent:
        alike = [name for name in kinds if name.upper() in absent]
        found = f" (but {', '.join(alike)})" if alike else ""
        raise TableError(
            f"{where} has no column {', '.join(absent)}{found}",
            expected=f"the columns {', '.join(REQUIRED)}, in a header if it is CSV",
            remedy="Rename the columns of your table to these.",
        )
    reserved = {name.lower() for name in (*features.names, *internal_names(features, Input(tuple(kinds))))}
    taken = [name for name in kinds if name.lower() in reserved]
    if taken:
        raise TableError(
            f"{where} already has the columns {', '.join(taken)}",
            expected="transactions without features",
            remedy="Start from the transactions, or rename these columns.",
        )
    for name, allowed, what in (
        (TIME, TIMES, "timestamps, such as 2018-04-01 00:00:31"),
        (AMOUNT, (*NUMBERS, Kind.NOTHING, Kind.TEXT), "numbers"),
        (LABEL, (*NUMBERS, Kind.FLAG, Kind.NOTHING, Kind.TEXT), "1 for a fraud and 0 otherwise"),
        (LABEL_TIME, (*TIMES, Kind.NOTHING), "timestamps, such as 2018-04-08 00:00:31"),
    ):
        if name in kinds and kinds[name] not in allowed:
            raise TableError(
                f"The column {name} of {where} holds {kinds[name]}",
                expected=what,
                remedy="Correct the values that are something else.",
            )


def is_whole(column: str, dialect: Dialect) -> str:
    """Return the condition that a text is a whole number of up to 18 digits as it is usually written."""
    return dialect.matches.format(dialect.name(column), "'^(0|-?[1-9][0-9]{0,17})$'")


def is_fraud(text: str) -> str:
    """Return the condition that a label written as text is that of a fraud."""
    return f"LOWER({text}) IN ({_FRAUD_TEXTS})"


_FRAUD_TEXTS, _LEGITIMATE_TEXTS = "'1', '1.0', 'true'", "'0', '0.0', 'false'"
_NUMBER = "'^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?$'"


def text_numbers_query(column: str, table: str, dialect: Dialect) -> str:
    """Return the query for `check_text`: how many texts of a column are no number or label, and one of them."""
    text = dialect.name(column)
    right = (
        f"LOWER({text}) IN ({_FRAUD_TEXTS}, {_LEGITIMATE_TEXTS})"
        if column == LABEL
        else dialect.matches.format(text, _NUMBER)
    )
    strange = f"{text} IS NOT NULL AND NOT {right}"
    return f"SELECT COUNT(CASE WHEN {strange} THEN 1 END), MIN(CASE WHEN {strange} THEN {text} END) FROM {table}"


def check_text(column: str, counted: Sequence[Any], where: str) -> None:
    """Raise `TableError` if there are texts in a column that cannot be read as its numbers or labels."""
    count, example = counted
    if count:
        what = "neither 0 nor 1" if column == LABEL else "no number"
        raise TableError(
            f"{column} is {what} in {count:,} transactions of {where}, such as '{example}'",
            expected="1 for a fraud and 0 otherwise" if column == LABEL else "numbers with a decimal point",
            remedy="Correct these values, or leave the transactions out.",
        )


def text_times_query(column: str, table: str, dialect: Dialect) -> str:
    """Return the query for `text_times`: it looks at the times of a column of text."""
    text = dialect.name(column)
    offset, local = (dialect.matches.format(text, pattern) for pattern in (WITH_OFFSET, WITHOUT_OFFSET))
    instant_fails, local_fails = (f"{cast.format(text)} IS NULL" for cast in (dialect.instant, dialect.local_time))
    unparsable = f"CASE WHEN {offset} THEN {instant_fails} WHEN {local} THEN {local_fails} ELSE {text} IS NOT NULL END"
    return (
        f"SELECT COUNT(CASE WHEN {offset} THEN 1 END), COUNT(CASE WHEN {local} THEN 1 END), "
        f"COUNT(CASE WHEN {unparsable} THEN 1 END), MIN(CASE WHEN {unparsable} THEN {text} END) FROM {table}"
    )


@dataclass(frozen=True)
class Times:
    """A column of times: the expression that reads it, and whether its times are instants, with an offset from UTC."""

    expression: str
    has_zone: bool


def text_times(column: str, counted: Sequence[Any], dialect: Dialect, where: str) -> Times:
    """Return how to read a column of text as times, after what `text_times_query` counted.

    Raises
    ------
    TableError
        If there are times that cannot be read, or some with an offset from UTC and some without.
    """
    with_offset, without, unparsable, example = counted
    if unparsable:
        raise TableError(
            f"{column} is no time in {unparsable:,} transactions of {where}, such as '{example}'",
            expected="times such as 2018-04-01 00:00:31 or 2018-04-01T00:00:31+02:00",
            remedy="Correct these times, or leave the transactions out.",
        )
    if with_offset and without:
        raise mixed_zones(
            f"{column} has an offset from UTC in {with_offset:,} transactions and none in {without:,}", where
        )
    has_zone = with_offset > 0
    return Times((dialect.instant if has_zone else dialect.local_time).format(dialect.name(column)), has_zone)


def mixed_zones(got: str, where: str) -> TableError:
    """Return the error of times that cannot be put in one order."""
    return TableError(
        f"Of {where}, {got}",
        expected="all times with an offset, or all without one",
        remedy="Write all times in UTC, or all with their offset.",
    )


def values_query(given: Input, dialect: Dialect) -> str:
    """Return the query for `check_values`: a row of counts by the names of `_COUNTS` and of the columns."""
    conditions = {
        **{name: f"{dialect.name(name)} IS NULL" for name in NEVER_MISSING},
        _BEYOND: _beyond_calendar(TIME, dialect),
        # NaN is greater than every number, so that it fails this, too.
        _UNFIT: f"NOT (ABS(CAST({dialect.name(AMOUNT)} AS DOUBLE)) < {LARGEST_AMOUNT})",
        _NEGATIVE: f"{dialect.name(AMOUNT)} < 0",
        _LABELS: f"CAST({dialect.name(LABEL)} AS DOUBLE) NOT IN (0, 1)",
        _UNLABELLED: f"{dialect.name(LABEL)} IS NULL",
        _NO_AMOUNT: f"{dialect.name(AMOUNT)} IS NULL",
        _MIDNIGHT: f"{moment(dialect)} % {US_PER_DAY} = 0",
    }
    if given.has_label_times:
        label_time, time = moment(dialect, LABEL_TIME), moment(dialect)
        conditions[_EARLY_LABELS] = f"{label_time} <= {time}"
        conditions[_LATE_LABELS] = _beyond_calendar(LABEL_TIME, dialect)
        conditions[_UNDATED_LABELS] = f"{dialect.name(LABEL)} IS NOT NULL AND {dialect.name(LABEL_TIME)} IS NULL"
    counts = (f"COUNT(CASE WHEN {condition} THEN 1 END)" for condition in conditions.values())
    identity = dialect.name(TRANSACTION)
    return f"SELECT COUNT(*), COUNT({identity}) - COUNT(DISTINCT {identity}), {', '.join(counts)} FROM {TRANSACTIONS}"


def _beyond_calendar(column: str, dialect: Dialect) -> str:
    """Return the condition of times that have no date of four digits, such as DuckDB's infinity."""
    known = f"{moment(dialect, column)} BETWEEN {-US_BEFORE_1970} AND {(LAST_DAY + 1) * US_PER_DAY - 1}"
    return f"{dialect.name(column)} IS NOT NULL AND ({known}) IS NOT TRUE"


_BEYOND, _LATE_LABELS = "times beyond the calendar", "label times beyond the calendar"
_UNFIT, _NEGATIVE, _LABELS, _UNLABELLED = "unfit amounts", "negative amounts", "labels", "unlabelled"
_NO_AMOUNT, _MIDNIGHT = "no amount", "midnight"
_EARLY_LABELS, _UNDATED_LABELS = "early labels", "undated labels"
_CALENDAR = "times of the years 1 to 9999"
_RULES: Mapping[str, str] = {
    _NEGATIVE: "transactions have a negative amount: kept as they are, as refunds are",
    _NO_AMOUNT: "transactions have no amount: they count as transactions, and in no mean",
    _UNLABELLED: "transactions have no label: they count as transactions, and in no share of frauds",
    _UNDATED_LABELS: f"transactions have a label and no {LABEL_TIME}: their labels are used nowhere",
}


def check_values(counted: Sequence[int], given: Input, where: str) -> Sequence[str]:
    """Return what was counted and kept, as sentences, after what `values_query` counted.

    Raises
    ------
    TableError
        If there are no transactions, or some are repeated, incomplete or impossible.
    """
    rows, repeated, *others = counted
    names = [*NEVER_MISSING, _BEYOND, _UNFIT, _NEGATIVE, _LABELS, _UNLABELLED, _NO_AMOUNT, _MIDNIGHT]
    names += [_EARLY_LABELS, _LATE_LABELS, _UNDATED_LABELS] if given.has_label_times else []
    counts = dict(zip(names, others, strict=True))
    if rows == 0:
        raise TableError(
            f"{where} has no transactions", expected="at least one row", remedy="Name files that have rows."
        )
    _check_missing(rows, counts, where)
    for count, got, expected in (
        (repeated, f"{TRANSACTION} is that of an earlier one in", "each transaction once"),
        (counts[_BEYOND], f"{TIME} is beyond the calendar in", _CALENDAR),
        (counts.get(_LATE_LABELS, 0), f"{LABEL_TIME} is beyond the calendar in", _CALENDAR),
        (counts[_UNFIT], f"{AMOUNT} is infinite, not a number or too large in", f"amounts below {LARGEST_AMOUNT:,.0f}"),
        (
            counts[_LABELS],
            f"{LABEL} is neither 0 nor 1 in",
            "1 for a fraud, 0 otherwise, or nothing if it is not known",
        ),
        (
            counts.get(_EARLY_LABELS, 0),
            f"{LABEL_TIME} is not after {TIME} in",
            "labels that come after their transaction",
        ),
    ):
        if count:
            raise TableError(
                f"{got} {count:,} transactions of {where}",
                expected=expected,
                remedy="Correct them, or leave them out.",
            )
    notices = [f"{counts[name]:,} of {rows:,} {rule}" for name, rule in _RULES.items() if counts.get(name)]
    if rows > 1 and counts[_MIDNIGHT] == rows:
        notices.append("all transactions are at midnight: is the time of day missing? Those of a day count each other")
    return notices


def _check_missing(rows: int, counts: Mapping[str, int], where: str) -> None:
    faults = [f"{name} in {counts[name]:,}" for name in NEVER_MISSING if counts[name]]
    if faults:
        raise TableError(
            f"Of the {rows:,} transactions of {where}, values are missing: {', '.join(faults)}",
            expected=f"a value for each of {', '.join(NEVER_MISSING)}",
            remedy="Fill them in, or leave these transactions out.",
        )


@dataclass(frozen=True)
class DayRows:
    """What one day of the input holds; `fingerprint` changes when any value of its rows does.

    `until` is the last day whose features may depend on it.
    """

    day: int
    rows: int
    fingerprint: str
    until: int


def days_query(given: Input, dialect: Dialect) -> str:
    """Return the query whose rows are those of `DayRows`, in the order of the days."""
    event_us = moment(dialect)
    latest = f"MAX({moment(dialect, LABEL_TIME)})" if given.has_label_times else "CAST(NULL AS BIGINT)"
    # Spark's hash passes over NULLs: a value that moved to the column beside it would go unnoticed.
    missing = ", ".join(f"{dialect.name(name)} IS NULL" for name in given.columns)
    fingerprint = dialect.fingerprint.format(f"{dialect.names(given.columns)}, {missing}")
    return (
        f"SELECT {day_of(dialect, event_us)} AS {EVENT_DAY}, COUNT(*), CAST({fingerprint} AS {dialect.text}), {latest} "
        f"FROM {TRANSACTIONS} GROUP BY {EVENT_DAY} ORDER BY {EVENT_DAY}"
    )


def days_found(rows: Sequence[Sequence[Any]], features: FeatureSet) -> Sequence[DayRows]:
    """Return the days that `days_query` found."""
    return [
        DayRows(day, count, fingerprint, min(_latest(day, latest_label_us) + features.horizon_days, LAST_DAY))
        for day, count, fingerprint, latest_label_us in rows
    ]


def _latest(day: int, label_us: int | None) -> int:
    return day if label_us is None else max(day, label_us // US_PER_DAY)


def gaps(days: Sequence[DayRows]) -> str | None:
    """Return a sentence on the days between the first and the last that have no transactions, if there are any."""
    present = {each.day for each in days}
    absent = [day for day in range(days[0].day, days[-1].day) if day not in present]
    if not absent:
        return None
    shown = ", ".join(calendar_day(day).isoformat() for day in absent[:GAPS_SHOWN])
    more = ", ..." if len(absent) > GAPS_SHOWN else ""
    return f"{len(absent)} days between the first and the last have no transactions ({shown}{more}): is a file missing?"
