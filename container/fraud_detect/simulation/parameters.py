"""Every number of the simulated world, declared once.

Knows pydantic. Never knows random generators, files.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fraud_detect.errors import SettingError

SECONDS_PER_DAY = 86_400


class Parameters(BaseModel):
    """The size of the world and the habits of its customers; the defaults are the published ones.

    Customers and terminals lie in a square of `area_side` units; `radius` is in the same units. With
    `label_delay_days`, tables say when each label becomes known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    customers: int = Field(5_000, ge=1, le=100_000_000)
    terminals: int = Field(10_000, ge=1, le=100_000_000)
    days: int = Field(183, ge=1, le=20_000)
    start: date = Field(date(2018, 4, 1), ge=date(1900, 1, 1), le=date(2200, 1, 1))
    radius: float = Field(5.0, gt=0, le=1e9)

    area_side: float = Field(100.0, gt=0, le=1e9)
    lowest_mean_amount: float = Field(5.0, gt=0)
    highest_mean_amount: float = Field(100.0, gt=0)
    amount_deviation_share: float = Field(0.5, ge=0)
    most_transactions_per_day: float = Field(4.0, gt=0)
    mean_time_seconds: float = Field(SECONDS_PER_DAY / 2, ge=0, le=SECONDS_PER_DAY)
    time_deviation_seconds: float = Field(20_000.0, ge=0)

    label_delay_days: int | None = Field(None, ge=1, le=3_650)


def parse(values: Mapping[str, Any]) -> Parameters:
    """Return the parameters that `values` overrides.

    Raises
    ------
    SettingError
        Naming every value that is unknown or out of range.
    """
    try:
        return Parameters.model_validate(values)
    except ValidationError as error:
        faults = [(".".join(map(str, fault["loc"])), fault) for fault in error.errors()]
        raise SettingError(
            "; ".join(f"`{name}` is '{fault['input']}'" for name, fault in faults),
            expected="; ".join(f"`{name}` {wanted(fault['msg'])}" for name, fault in faults),
            remedy="Correct the value and start again.",
        ) from None


def wanted(message: str) -> str:
    """Return what pydantic's `message` says should have been there, as a noun phrase."""
    return message.removeprefix("Input should be ")
