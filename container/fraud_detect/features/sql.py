"""Definitions become SQL text.

Every window is a RANGE over a BIGINT of microseconds, which engines agree on. They differ in how intervals of
several units, NULLs in an order and ties by several keys are taken, so none of these occurs. Amounts are summed as
decimals: sums of floating-point numbers depend on their order, which threads and engines choose anew on each run.

Knows SQL. Never knows a connection, pandas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fraud_detect.features.definitions import (
    AMOUNT,
    LABEL,
    TIME,
    TRANSACTION,
    Aggregate,
    FeatureSet,
    PeriodFeature,
    WindowFeature,
)

TRANSACTIONS = "transactions"
"""The table or view that a query reads."""
EVENT_US = "event_us"
"""The column that a query adds beside the features: the event's time in microseconds since 1970 (UTC)."""

LIST_BREAK = ",\n"
LARGEST_AMOUNT = 1e12  # what DECIMAL(18, 6) holds
US_PER_HOUR = 3_600_000_000
US_PER_DAY = 24 * US_PER_HOUR
# From Monday, 0001-01-01, to 1970-01-01: counted from there, times are positive and weeks begin on Monday.
US_BEFORE_1970 = 719_162 * US_PER_DAY


@dataclass(frozen=True)
class Dialect:
    """What differs between engines."""

    quote: str
    microseconds: str
    """The microseconds since 1970 of the timestamp `{}`."""

    def name(self, name: str) -> str:
        """Return `name` as a quoted identifier."""
        return f"{self.quote}{name.replace(self.quote, 2 * self.quote)}{self.quote}"


DUCKDB = Dialect(quote='"', microseconds="epoch_us({})")


@dataclass(frozen=True)
class Step:
    """One named query of a chain; each reads the one before it."""

    name: str
    columns: Sequence[str]
    windows: Sequence[str] = ()


def features_query(features: FeatureSet, dialect: Dialect) -> str:
    """Return the query of `features`: the columns of `TRANSACTIONS`, `EVENT_US`, then the features; in time order."""
    steps = [
        Step("events", [f"{dialect.microseconds.format(dialect.name(TIME))} AS {EVENT_US}"]),
        *([_calendar(features.periods, dialect)] if features.periods else []),
        *(_history(entity, features, dialect) for entity in features.entities),
    ]
    chain = LIST_BREAK.join(_chain(steps))
    return f"WITH {chain}\nSELECT * FROM {steps[-1].name}\nORDER BY {EVENT_US}, {dialect.name(TRANSACTION)}"


def _chain(steps: Sequence[Step]) -> Iterator[str]:
    source = TRANSACTIONS
    for step in steps:
        columns = _indented("*", *step.columns)
        windows = f"\n  WINDOW{_indented(*step.windows)}" if step.windows else ""
        yield f"{step.name} AS (\n  SELECT{columns}\n  FROM {source}{windows}\n)"
        source = step.name


def _indented(*items: str) -> str:
    return "\n    " + f"{LIST_BREAK}    ".join(items)


def _calendar(periods: Sequence[PeriodFeature], dialect: Dialect) -> Step:
    return Step("calendar", [f"{_period(period)} AS {dialect.name(period.name)}" for period in periods])


def _period(period: PeriodFeature) -> str:
    moment = f"({EVENT_US} + {US_BEFORE_1970}) % {period.cycle_hours * US_PER_HOUR}"
    first, end = period.from_hour * US_PER_HOUR, period.to_hour * US_PER_HOUR
    return f"CAST(CASE WHEN {moment} >= {first} AND {moment} < {end} THEN 1 ELSE 0 END AS TINYINT)"


def _history(entity: str, features: FeatureSet, dialect: Dialect) -> Step:
    own = [feature for feature in features.windows if feature.entity == entity]
    frames = {_frame_name(feature): _frame(feature, dialect) for feature in own}
    return Step(
        f"{entity.lower()}_history",
        [f"{_aggregate(feature, dialect)} AS {dialect.name(feature.name)}" for feature in own],
        [f"{name} AS {frame}" for name, frame in frames.items()],
    )


def _frame_name(feature: WindowFeature) -> str:
    return f"days_{feature.delay_days}_to_{feature.delay_days + feature.window_days}"


def _frame(feature: WindowFeature, dialect: Dialect) -> str:
    # RANGE includes both its ends; the window does not include its oldest moment.
    oldest = (feature.delay_days + feature.window_days) * US_PER_DAY - 1
    newest = f"{feature.delay_days * US_PER_DAY} PRECEDING" if feature.delay_days else "CURRENT ROW"
    partition = f"PARTITION BY {dialect.name(feature.entity)} ORDER BY {EVENT_US}"
    return f"({partition} RANGE BETWEEN {oldest} PRECEDING AND {newest})"


def _aggregate(feature: WindowFeature, dialect: Dialect) -> str:
    return _AGGREGATES[feature.aggregate].format(
        amount=dialect.name(AMOUNT), label=dialect.name(LABEL), frame=_frame_name(feature)
    )


_AGGREGATES: Mapping[Aggregate, str] = {
    Aggregate.COUNT: "CAST(COUNT(*) OVER {frame} AS INTEGER)",
    Aggregate.MEAN_AMOUNT: (
        "CAST(SUM(CAST({amount} AS DECIMAL(18, 6))) OVER {frame} AS DOUBLE) / NULLIF(COUNT({amount}) OVER {frame}, 0)"
    ),
    Aggregate.FRAUD_SHARE: "COALESCE(AVG(CAST({label} AS DOUBLE)) OVER {frame}, 0)",
}
