"""The changes that a simulated world can go through, each declared as data with its dates and numbers.

Knows pydantic. Never knows how a change comes about, random generators, files.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_CHANGES = 63  # one bit of a 64-bit number each, and one left
LARGEST_PUBLISHED_SCENARIO = 3


class Concept(StrEnum):
    """What of the joint distribution of inputs and labels a change moves."""

    COVARIATE = "covariate"
    PRIOR = "prior"
    CONCEPT = "concept"
    QUALITY = "quality"
    LABEL = "label"


class Change(BaseModel):
    """A change that goes on from `start` up to, and without, `end`; without `end`, to the last day."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    concepts: ClassVar[tuple[Concept, ...]]
    columns: ClassVar[tuple[str, ...]]
    touches: ClassVar[str]

    start: date = Field(description="First day.")
    end: date | None = Field(None, description="First day on which it no longer goes on.")

    @model_validator(mode="after")
    def _ends_after_start(self) -> Change:
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"an `end` after `start`, {self.start}")
        return self

    @property
    def affected_columns(self) -> tuple[str, ...]:
        """The columns whose values or distribution it changes; empty if it is which rows there are."""
        return self.columns


class FraudRate(Change):
    """More or fewer frauds.

    The number of terminals and of customers that are newly compromised a day (scenarios 2 and 3) is multiplied by
    `factor`, and so is the number of large amounts (scenario 1), by raising or lowering amounts; an amount above the
    limit is still always a fraud. What was compromised before `end` stays so for its days.
    """

    kind: Literal["fraud_rate"]
    factor: float = Field(ge=0, le=1_000, description="On the number of frauds that begin each day.")

    concepts = (Concept.PRIOR,)
    columns = ("TX_FRAUD", "TX_FRAUD_SCENARIO", "TX_AMOUNT")
    touches = (
        "transactions whose amount was raised or lowered, and those at terminals or of customers that are compromised, "
        "or are not, because of it"
    )


class NewFraudScenario(Change):
    """Frauds of a kind that did not exist before: card testing.

    Each day, `cards_per_day` customers' cards are tried out: `transactions_per_card` additional transactions of small
    amounts within `minutes`, at one terminal that may be anywhere. All are frauds.
    """

    kind: Literal["new_fraud_scenario"]
    number: int = Field(
        4, gt=LARGEST_PUBLISHED_SCENARIO, le=127, description="Value of TX_FRAUD_SCENARIO, of no other change."
    )
    cards_per_day: int = Field(3, ge=1, le=1_000_000, description="Cards tried out a day.")
    transactions_per_card: int = Field(10, ge=1, le=10_000, description="Transactions for each card.")
    minutes: float = Field(15.0, gt=0, le=1_440, description="Time from a card's first to its last at most.")
    lowest_amount: float = Field(0.5, ge=0, le=1_000_000, description="Amounts are uniform from this")
    highest_amount: float = Field(5.0, ge=0, le=1_000_000, description="to this.")

    concepts = (Concept.CONCEPT, Concept.PRIOR)
    columns = ("TX_FRAUD", "TX_FRAUD_SCENARIO")
    touches = "the transactions that it adds"

    @model_validator(mode="after")
    def _amounts_in_order(self) -> NewFraudScenario:
        if self.highest_amount < self.lowest_amount:
            raise ValueError(f"a `highest_amount` of at least `lowest_amount`, {self.lowest_amount:g}")
        return self


class AmountInflation(Change):
    """Legitimate purchases cost more, or less, and frauds do not.

    Amounts are multiplied after it was decided what is a fraud, so that an amount above the limit of scenario 1 may
    now be legitimate. Either by `yearly_rate`, compounded daily, or by `factor`, reached in equal ratios over
    `over_days`. The level reached at `end` stays.
    """

    kind: Literal["amount_inflation"]
    yearly_rate: float | None = Field(None, gt=-1, le=100, description="Rise in a year: 0.05 is 5 %.")
    factor: float | None = Field(None, gt=0, le=1_000, description="Instead: the level that is reached.")
    over_days: int = Field(0, ge=0, le=20_000, description="Days until `factor` is reached; 0 is at once.")

    concepts = (Concept.COVARIATE, Concept.CONCEPT)
    columns = ("TX_AMOUNT",)
    touches = "legitimate transactions whose amount is another"

    @model_validator(mode="after")
    def _one_of_two(self) -> AmountInflation:
        if (self.yearly_rate is None) == (self.factor is None):
            raise ValueError("exactly one of `yearly_rate` and `factor`")
        if self.yearly_rate is not None and self.over_days:
            raise ValueError("`over_days` only with `factor`")
        return self


class SeasonalHabits(Change):
    """Customers buy more and less, later and earlier, in waves.

    The number of transactions a day is multiplied by 1 + `amplitude` s and the time of day moves by
    `time_swing_hours` s around the clock, where s = sin(2 pi t / `period_days`) and t counts days from `start` to noon.
    """

    kind: Literal["seasonal_habits"]
    amplitude: float = Field(ge=0, le=1, description="Swing of the number of transactions, as a share of it.")
    period_days: float = Field(gt=0, le=20_000, description="Length of a wave.")
    time_swing_hours: float = Field(0.0, ge=0, le=12, description="Swing of the time of day.")

    concepts = (Concept.COVARIATE,)
    columns = ("TX_DATETIME", "TX_TIME_SECONDS")
    touches = "all transactions of its days"


class SuddenHabits(Change):
    """From one day to the next, some customers buy more or less often, or at another time of day."""

    kind: Literal["sudden_habits"]
    factor: float = Field(1.0, ge=0, le=1_000, description="On their number of transactions a day.")
    shift_hours: float = Field(0.0, ge=-12, le=12, description="On the time of day, around the clock.")
    customer_share: float = Field(1.0, gt=0, le=1, description="Share of the customers, drawn once.")

    concepts = (Concept.COVARIATE,)
    columns = ("TX_DATETIME", "TX_TIME_SECONDS")
    touches = "all transactions of these customers"


class TerminalChurn(Change):
    """Terminals close, and as many open elsewhere.

    Closed ones have no further transactions; new ones have identifiers that were never used. To replace many on one
    date, let `end` be the day after `start`. What is closed at `end` stays closed.
    """

    kind: Literal["terminal_churn"]
    share_per_day: float = Field(gt=0, le=1, description="Share of the open terminals that is replaced each day.")

    concepts = (Concept.COVARIATE,)
    columns = ("TERMINAL_ID",)
    touches = "transactions at terminals that it opened"


class BrokenFeature(Change):
    """A column breaks on its way here; frauds are decided on the true values, and labels stay as they are.

    A table with nulls in CUSTOMER_ID or TERMINAL_ID is one that `fraud-detect features` refuses: it shows what a check
    of the input is for, not how a model ages.
    """

    kind: Literal["broken_feature"]
    fault: Literal["nulls", "unit_change"] = Field(description="Values are missing, or multiplied by `factor`.")
    column: Literal["TX_AMOUNT", "CUSTOMER_ID", "TERMINAL_ID", "TX_TIME_SECONDS", "TX_TIME_DAYS"] = Field(
        "TX_AMOUNT", description="Which; only TX_AMOUNT has a unit."
    )
    share: float = Field(1.0, gt=0, le=1, description="Share of the transactions, drawn at random.")
    factor: float | None = Field(None, gt=0, le=1_000_000, description="Of a change of unit; cents are 100.")

    concepts = (Concept.QUALITY,)
    touches = "transactions whose value is missing or multiplied"

    @model_validator(mode="after")
    def _fits_its_fault(self) -> BrokenFeature:
        if (self.factor is None) == (self.fault == "unit_change"):
            raise ValueError("a `factor` with the fault unit_change, and only with it")
        if self.fault == "unit_change" and self.column != "TX_AMOUNT":
            raise ValueError("the `column` TX_AMOUNT for the fault unit_change")
        return self

    @property
    def affected_columns(self) -> tuple[str, ...]:
        """The broken column."""
        return (self.column,)


class LateLabels(Change):
    """Labels become known later than usual; see the column LABEL_TIME."""

    kind: Literal["late_labels"]
    extra_days: float = Field(ge=0, le=3_650, description="Later by this")
    spread_days: float = Field(0.0, ge=0, le=3_650, description="and by up to this, drawn uniformly.")
    share: float = Field(1.0, gt=0, le=1, description="Share of the transactions, drawn at random.")

    concepts = (Concept.LABEL,)
    columns = ("LABEL_TIME",)
    touches = "transactions whose label is later"


AnyChange = Annotated[
    FraudRate
    | NewFraudScenario
    | AmountInflation
    | SeasonalHabits
    | SuddenHabits
    | TerminalChurn
    | BrokenFeature
    | LateLabels,
    Field(discriminator="kind"),
]
