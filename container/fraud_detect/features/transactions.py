"""From the view of the input's files to the view `TRANSACTIONS`, whose times are times and numbers numbers.

Knows the order of the checks. Never knows an engine's ways.
"""

from __future__ import annotations

from collections.abc import Mapping

from fraud_detect.features import checks
from fraud_detect.features.definitions import (
    AMOUNT,
    CUSTOMER,
    LABEL,
    LABEL_TIME,
    TERMINAL,
    TIME,
    TRANSACTION,
    FeatureSet,
)
from fraud_detect.features.dialect import Kind
from fraud_detect.features.engine import GIVEN, Engine
from fraud_detect.features.sql import TRANSACTIONS, Input

IDS = (TRANSACTION, CUSTOMER, TERMINAL)
NOT_A_NUMBER = "CAST('NaN' AS DOUBLE)"

Expressions = Mapping[str, str]


def read_input(features: FeatureSet, engine: Engine, where: str) -> Input:
    """Make the view `TRANSACTIONS` of the view `GIVEN`, and return its columns, those of the input.

    Raises
    ------
    TableError
        If columns are absent or hold something else than they should, or times cannot be read or put in one order.
    """
    kinds = _kinds(engine)
    checks.check_columns(kinds, features, where)
    read = {
        **_times(kinds, engine, where),
        **_numbers(kinds, engine, where),
        **_ids(kinds, engine),
    }
    name = engine.dialect.name
    columns = (f"{read.get(column, name(column))} AS {name(column)}" for column in kinds)
    engine.view(TRANSACTIONS, f"SELECT {', '.join(columns)} FROM {GIVEN}")
    return Input(tuple(kinds))


def _kinds(engine: Engine) -> dict[str, Kind]:
    """Return what the columns hold: text without a single value, as which empty columns of CSV are read, is nothing."""
    kinds = {name: engine.dialect.kind(type_name) for name, type_name in engine.types(GIVEN).items()}
    texts = [name for name in (AMOUNT, LABEL, LABEL_TIME) if kinds.get(name) is Kind.TEXT]
    if texts:
        values = ", ".join(f"COUNT({engine.dialect.name(name)})" for name in texts)
        counted = engine.rows(f"SELECT {values} FROM {GIVEN}")[0]
        kinds |= {name: Kind.NOTHING for name, count in zip(texts, counted, strict=True) if count == 0}
    return kinds


def _times(kinds: Mapping[str, Kind], engine: Engine, where: str) -> Expressions:
    dated = (name for name in (TIME, LABEL_TIME) if kinds.get(name, Kind.NOTHING) is not Kind.NOTHING)
    times = {name: _time(name, kinds[name], engine, where) for name in dated}
    if len({each.has_zone for each in times.values()}) > 1:
        raise checks.mixed_zones(f"one of {TIME} and {LABEL_TIME} has a time zone and the other has none", where)
    read = {name: each.expression for name, each in times.items()}
    if kinds.get(LABEL_TIME) is Kind.NOTHING:
        read[LABEL_TIME] = f"NULLIF({read[TIME]}, {read[TIME]})"  # of the same type
    return read


def _time(name: str, kind: Kind, engine: Engine, where: str) -> checks.Times:
    dialect = engine.dialect
    column = dialect.name(name)
    if kind is Kind.TEXT:
        counted = engine.rows(checks.text_times_query(name, GIVEN, dialect))[0]
        return checks.text_times(name, counted, dialect, where)
    if kind is Kind.DATE:
        return checks.Times(dialect.local_time.format(column), has_zone=False)
    if kind is Kind.TIME_IN_NANOSECONDS:
        return checks.Times(dialect.whole_microseconds.format(column), has_zone=False)
    return checks.Times(column, kind is Kind.TIME_WITH_ZONE)


def _numbers(kinds: Mapping[str, Kind], engine: Engine, where: str) -> Expressions:
    amount, label = map(engine.dialect.name, (AMOUNT, LABEL))
    for name in (AMOUNT, LABEL):
        if kinds[name] is Kind.TEXT:
            checks.check_text(name, engine.rows(checks.text_numbers_query(name, GIVEN, engine.dialect))[0], where)
    verdict = f"CASE WHEN {checks.is_fraud(label)} THEN 1 ELSE 0 END"
    read = {
        (AMOUNT, Kind.TEXT): f"CAST({amount} AS DOUBLE)",
        (AMOUNT, Kind.NOTHING): "CAST(NULL AS DOUBLE)",
        (LABEL, Kind.TEXT): f"CASE WHEN {label} IS NOT NULL THEN {verdict} END",
        (LABEL, Kind.NOTHING): "CAST(NULL AS INTEGER)",
    }
    return {name: expression for (name, kind), expression in read.items() if kinds[name] is kind}


def _ids(kinds: Mapping[str, Kind], engine: Engine) -> Expressions:
    """Read ids of CSV as whole numbers where all are written as such: 007 and 7 are two customers, 1 and 1.0 also."""
    dialect = engine.dialect
    texts = [name for name in IDS if kinds[name] is Kind.TEXT] if engine.is_text else []
    counts = [f"COUNT(CASE WHEN NOT {checks.is_whole(name, dialect)} THEN 1 END)" for name in texts]
    strange = engine.rows(f"SELECT {', '.join(counts)} FROM {GIVEN}")[0] if texts else ()
    whole = [name for name, count in zip(texts, strange, strict=True) if count == 0]
    # Tables of pandas have NaN for an id that is missing: not a number of its own.
    numbered = [name for name in IDS if kinds[name] is Kind.NUMBER]
    return {
        **{name: f"CAST({dialect.name(name)} AS BIGINT)" for name in whole},
        **{name: f"NULLIF({dialect.name(name)}, {NOT_A_NUMBER})" for name in numbered},
    }
