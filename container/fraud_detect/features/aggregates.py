"""What an aggregate measures in its window, and the feature's value of that, as SQL expressions.

Features of the same window share their measures: a mean is made of the sum and the count that others need, too.

Knows SQL. Never knows how windows and queries are put together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from fraud_detect.features.definitions import Aggregate, WindowFeature

MILLIONTHS = 1_000_000
PARTS = 10_000
"""Squares of amounts are summed in 1 / `PARTS` of the amount's unit, so that they stay exact within 38 digits."""
US_PER_SECOND = 1_000_000
SECONDS_PER_DAY = 86_400


class Measure(Enum):
    """One number of a window, by an aggregate function; `{frame}` is the window, the other names are of `Terms`."""

    COUNT = "COUNT({counted}) OVER {frame}"
    AMOUNTS = "COUNT({millionths}) OVER {frame}"
    AMOUNT_SUM = "SUM({millionths}) OVER {frame}"
    PARTS_SUM = "SUM({parts}) OVER {frame}"
    SQUARES_SUM = "SUM(CAST({parts} AS {wide}) * CAST({parts} AS {wide})) OVER {frame}"
    LARGEST = "MAX({amount}) OVER {frame}"
    LABELLED = "COUNT({label}) OVER {frame}"
    FRAUDS = "COUNT(CASE WHEN {label} = 1 THEN 1 END) OVER {frame}"
    LAST_US = "MAX({event_us}) OVER {frame}"
    LAST_FRAUD_US = "MAX(CASE WHEN {label} = 1 THEN {event_us} END) OVER {frame}"
    TERMINALS = "{terminals}"


@dataclass(frozen=True)
class Terms:
    """The expressions that measures are made of; each is NULL in a row that must not count."""

    counted: str
    millionths: str
    parts: str
    amount: str
    label: str
    event_us: str
    terminal: str


MEASURES: Mapping[Aggregate, tuple[Measure, ...]] = {
    Aggregate.COUNT: (Measure.COUNT,),
    Aggregate.MEAN_AMOUNT: (Measure.AMOUNTS, Measure.AMOUNT_SUM),
    Aggregate.FRAUD_COUNT: (Measure.FRAUDS,),
    Aggregate.FRAUD_SHARE: (Measure.FRAUDS, Measure.LABELLED),
    Aggregate.TERMINALS: (Measure.TERMINALS,),
    Aggregate.AMOUNT_ZSCORE: (Measure.AMOUNTS, Measure.PARTS_SUM, Measure.SQUARES_SUM),
    Aggregate.AMOUNT_RATIO: (Measure.AMOUNTS, Measure.AMOUNT_SUM),
    Aggregate.AMOUNT_MAX_RATIO: (Measure.LARGEST,),
    Aggregate.SECONDS_SINCE_LAST: (Measure.LAST_US,),
    Aggregate.SECONDS_SINCE_FRAUD: (Measure.LAST_FRAUD_US,),
    Aggregate.FIRST: (Measure.COUNT,),
}

_MEAN = f"(CAST({{AMOUNT_SUM}} AS DOUBLE) / NULLIF({MILLIONTHS}e0 * {{AMOUNTS}}, 0))"
# n * sum of squares - square of the sum, over n * (n - 1): exact until the last step, and 0 for equal amounts.
_SPREAD = "(CAST({AMOUNTS} AS {wide}) * {SQUARES_SUM} - CAST({PARTS_SUM} AS {wide}) * CAST({PARTS_SUM} AS {wide}))"
_DEVIATION = f"SQRT(CAST({_SPREAD} AS DOUBLE) / ({{AMOUNTS}} * ({{AMOUNTS}} - 1e0)))"
_DISTANCE = f"({PARTS}e0 * {{amount}} - CAST({{PARTS_SUM}} AS DOUBLE) / {{AMOUNTS}})"
_ZSCORE = f"CASE WHEN {_SPREAD} > 0 THEN {_DISTANCE} / {_DEVIATION} WHEN {{amount}} IS NOT NULL THEN 0e0 END"
_RATIO = "CASE WHEN NULLIF({past}, 0e0) IS NOT NULL THEN {amount} / {past} WHEN {amount} IS NOT NULL THEN 1e0 END"
_SECONDS = f"COALESCE(({{event_us}} - {{last}}) / {US_PER_SECOND}e0, {{horizon_seconds}}e0)"

_VALUES: Mapping[Aggregate, str] = {
    Aggregate.COUNT: "CAST({COUNT} AS INTEGER)",
    Aggregate.MEAN_AMOUNT: _MEAN,
    Aggregate.FRAUD_COUNT: "CAST({FRAUDS} AS INTEGER)",
    Aggregate.FRAUD_SHARE: "COALESCE(CAST({FRAUDS} AS DOUBLE) / NULLIF({LABELLED}, 0), 0e0)",
    Aggregate.TERMINALS: "CAST({TERMINALS} AS INTEGER)",
    Aggregate.AMOUNT_ZSCORE: _ZSCORE,
    Aggregate.AMOUNT_RATIO: _RATIO.replace("{past}", _MEAN),
    Aggregate.AMOUNT_MAX_RATIO: _RATIO.replace("{past}", "{LARGEST}"),
    Aggregate.SECONDS_SINCE_LAST: _SECONDS.replace("{last}", "{LAST_US}"),
    Aggregate.SECONDS_SINCE_FRAUD: _SECONDS.replace("{last}", "{LAST_FRAUD_US}"),
    Aggregate.FIRST: "CAST(CASE WHEN {COUNT} = 0 THEN 1 ELSE 0 END AS TINYINT)",
}


def value(window: WindowFeature, columns: Mapping[Measure, str], terms: Terms, wide: str) -> str:
    """Return the feature's value, given the `columns` that hold its measures."""
    return _VALUES[window.aggregate].format(
        **{measure.name: column for measure, column in columns.items()},
        amount=terms.amount,
        event_us=terms.event_us,
        wide=wide,
        horizon_seconds=window.horizon_days * SECONDS_PER_DAY,
    )
