"""What each feature is, as data.

The default set follows the Fraud Detection Handbook (Le Borgne, Siblini, Lebichot, Bontempi,
https://fraud-detection-handbook.github.io), chapter 3, and keeps its names.

Knows names of columns. Never knows SQL, engines.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

TIME = "TX_DATETIME"
TRANSACTION = "TRANSACTION_ID"
CUSTOMER = "CUSTOMER_ID"
TERMINAL = "TERMINAL_ID"
AMOUNT = "TX_AMOUNT"
LABEL = "TX_FRAUD"

HOURS_PER_DAY = 24
HOURS_PER_WEEK = 7 * HOURS_PER_DAY


class Aggregate(StrEnum):
    """What is said of the transactions in a window; the value is its part of the feature's name."""

    COUNT = "NB_TX"
    MEAN_AMOUNT = "AVG_AMOUNT"
    FRAUD_SHARE = "RISK"


@dataclass(frozen=True)
class WindowFeature:
    """An aggregate over the transactions of the same `entity` at times in `(t - delay - window, t - delay]`.

    t is the time of the transaction itself, which counts when there is no delay, as do others of the same time.
    A mean amount without transactions is missing, and amounts count with six decimals; a share of frauds without
    transactions is 0.
    """

    entity: str
    aggregate: Aggregate
    window_days: int
    delay_days: int = 0

    @property
    def name(self) -> str:
        """The column's name."""
        return f"{self.entity}_{self.aggregate}_{self.window_days}DAY_WINDOW"


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
    def entities(self) -> tuple[str, ...]:
        """The entities whose history is needed, each once."""
        return tuple(dict.fromkeys(window.entity for window in self.windows))


WINDOW_DAYS = (1, 7, 30)
LABEL_DELAY_DAYS = 7  # how long it takes until a fraud is known as one

HANDBOOK = FeatureSet(
    periods=(
        PeriodFeature("TX_DURING_WEEKEND", HOURS_PER_WEEK, 5 * HOURS_PER_DAY, HOURS_PER_WEEK),
        PeriodFeature("TX_DURING_NIGHT", HOURS_PER_DAY, 0, 7),
    ),
    windows=(
        *(
            WindowFeature(CUSTOMER, aggregate, days)
            for days in WINDOW_DAYS
            for aggregate in (Aggregate.COUNT, Aggregate.MEAN_AMOUNT)
        ),
        *(
            WindowFeature(TERMINAL, aggregate, days, LABEL_DELAY_DAYS)
            for days in WINDOW_DAYS
            for aggregate in (Aggregate.COUNT, Aggregate.FRAUD_SHARE)
        ),
    ),
)
"""With TX_AMOUNT, which is in the table already, the handbook's 15 features."""
