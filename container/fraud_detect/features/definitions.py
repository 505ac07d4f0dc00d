"""What each feature is, as data.

The default set follows the Fraud Detection Handbook (Le Borgne, Siblini, Lebichot, Bontempi,
https://fraud-detection-handbook.github.io), chapter 3, and keeps its names.

Knows names of columns. Never knows SQL, engines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

TIME = "TX_DATETIME"
TRANSACTION = "TRANSACTION_ID"
CUSTOMER = "CUSTOMER_ID"
TERMINAL = "TERMINAL_ID"
AMOUNT = "TX_AMOUNT"
LABEL = "TX_FRAUD"
LABEL_TIME = "LABEL_TIME"
"""When the label of a transaction became known; a column that transactions may have."""

REQUIRED = (TRANSACTION, TIME, CUSTOMER, TERMINAL, AMOUNT, LABEL)
NEVER_MISSING = (TRANSACTION, TIME, CUSTOMER, TERMINAL)

HOURS_PER_DAY = 24
HOURS_PER_WEEK = 7 * HOURS_PER_DAY


class Aggregate(StrEnum):
    """What is said of the transactions in a window; the value is its part of the feature's name."""

    COUNT = "NB_TX"
    MEAN_AMOUNT = "AVG_AMOUNT"
    FRAUD_COUNT = "NB_FRAUD"
    FRAUD_SHARE = "RISK"
    TERMINALS = "NB_TERMINALS"
    AMOUNT_ZSCORE = "AMOUNT_ZSCORE"
    AMOUNT_RATIO = "AMOUNT_RATIO"
    AMOUNT_MAX_RATIO = "AMOUNT_MAX_RATIO"
    SECONDS_SINCE_LAST = "SECONDS_SINCE_LAST"
    SECONDS_SINCE_FRAUD = "SECONDS_SINCE_FRAUD"
    FIRST = "FIRST"


AGAINST_THE_PAST = frozenset(
    {
        Aggregate.AMOUNT_ZSCORE,
        Aggregate.AMOUNT_RATIO,
        Aggregate.AMOUNT_MAX_RATIO,
        Aggregate.SECONDS_SINCE_LAST,
        Aggregate.FIRST,
    }
)
"""Aggregates that hold a transaction against those before it: its own moment is not in their window."""

FROM_LABELS = frozenset({Aggregate.FRAUD_COUNT, Aggregate.FRAUD_SHARE, Aggregate.SECONDS_SINCE_FRAUD})


@dataclass(frozen=True)
class WindowFeature:
    """An aggregate over the transactions of the same `entity` at times in `(t - delay - window, t - delay]`.

    t is the time of the transaction itself, which counts when there is no delay, as do others of the same time; an
    aggregate of `AGAINST_THE_PAST` leaves that time out. `entity` is one column, or several that are equal together.

    Amounts count with six decimals in means and with four in deviations. What a window without transactions gives:
    shares, counts and z-scores 0, ratios 1, seconds the length of delay and window together, mean amounts missing.
    A z-score is also 0 where fewer than two amounts, or equal ones, give no deviation. A missing amount is left out of
    means and deviations, and has no z-score or ratio of its own.
    """

    entity: tuple[str, ...]
    aggregate: Aggregate
    window_days: int
    delay_days: int = 0

    @property
    def name(self) -> str:
        """The column's name."""
        return f"{'_'.join(self.entity)}_{self.aggregate}_{self.window_days}DAY_WINDOW"

    @property
    def waits_for_labels(self) -> bool:
        """Whether the window is that of labels known at the time: the delay is there for nothing else."""
        return self.delay_days > 0

    @property
    def horizon_days(self) -> int:
        """How far back the window reaches."""
        return self.delay_days + self.window_days


@dataclass(frozen=True)
class PeriodFeature:
    """1 where the time of day or of the week lies in `[from_hour, to_hour)`, else 0; weeks begin on Monday."""

    name: str
    cycle_hours: int
    from_hour: int
    to_hour: int


@dataclass(frozen=True)
class FeatureSet:
    """Features that are computed together, in the order of their columns."""

    periods: tuple[PeriodFeature, ...]
    windows: tuple[WindowFeature, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns that are added to a table."""
        return (*(period.name for period in self.periods), *(window.name for window in self.windows))

    @property
    def horizon_days(self) -> int:
        """How many days of history the features of a day need."""
        return max((window.horizon_days for window in self.windows), default=0)


WINDOW_DAYS = (1, 7, 30)
HISTORY_DAYS = 60
LABEL_DELAY_DAYS = 7  # how long it takes until a fraud is known as one
COMPROMISED_DAYS = 28  # how long a terminal's frauds are held against it

HANDBOOK = FeatureSet(
    periods=(
        PeriodFeature("TX_DURING_WEEKEND", HOURS_PER_WEEK, 5 * HOURS_PER_DAY, HOURS_PER_WEEK),
        PeriodFeature("TX_DURING_NIGHT", HOURS_PER_DAY, 0, 7),
    ),
    windows=(
        *(
            WindowFeature((CUSTOMER,), aggregate, days)
            for days in WINDOW_DAYS
            for aggregate in (Aggregate.COUNT, Aggregate.MEAN_AMOUNT)
        ),
        *(
            WindowFeature((TERMINAL,), aggregate, days, LABEL_DELAY_DAYS)
            for days in WINDOW_DAYS
            for aggregate in (Aggregate.COUNT, Aggregate.FRAUD_SHARE)
        ),
    ),
)
"""With TX_AMOUNT, which is in the table already, the handbook's 15 features."""

EXTENDED = FeatureSet(
    periods=HANDBOOK.periods,
    windows=(
        *HANDBOOK.windows,
        *(
            WindowFeature((CUSTOMER,), aggregate, HISTORY_DAYS)
            for aggregate in (
                Aggregate.AMOUNT_ZSCORE,
                Aggregate.AMOUNT_RATIO,
                Aggregate.AMOUNT_MAX_RATIO,
                Aggregate.SECONDS_SINCE_LAST,
            )
        ),
        *(WindowFeature((CUSTOMER,), Aggregate.TERMINALS, days) for days in (7, 30)),
        *(
            WindowFeature((CUSTOMER, TERMINAL), aggregate, HISTORY_DAYS)
            for aggregate in (Aggregate.SECONDS_SINCE_LAST, Aggregate.FIRST)
        ),
        *(
            WindowFeature((TERMINAL,), aggregate, COMPROMISED_DAYS - LABEL_DELAY_DAYS, LABEL_DELAY_DAYS)
            for aggregate in (Aggregate.FRAUD_COUNT, Aggregate.FRAUD_SHARE)
        ),
        WindowFeature((TERMINAL,), Aggregate.SECONDS_SINCE_FRAUD, HISTORY_DAYS, LABEL_DELAY_DAYS),
    ),
)
"""The handbook's, and what else of a transaction's past tells frauds apart."""

SETS: Mapping[str, FeatureSet] = {"handbook": HANDBOOK, "extended": EXTENDED}
