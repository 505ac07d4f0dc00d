"""The page that says what each feature is, made from the definitions.

Knows definitions. Never knows SQL, engines.
"""

from __future__ import annotations

from collections.abc import Mapping

from fraud_detect.features.definitions import (
    AMOUNT,
    CUSTOMER,
    EXTENDED,
    HANDBOOK,
    HOURS_PER_DAY,
    LABEL_TIME,
    REQUIRED,
    TERMINAL,
    TIME,
    Aggregate,
    PeriodFeature,
    WindowFeature,
)

_ENTITIES: Mapping[tuple[str, ...], str] = {
    (CUSTOMER,): "the customer",
    (TERMINAL,): "the terminal",
    (CUSTOMER, TERMINAL): "the customer at this terminal",
}
_MEANINGS: Mapping[Aggregate, str] = {
    Aggregate.COUNT: "transactions of {entity} in {window}",
    Aggregate.MEAN_AMOUNT: "mean amount of {entity}'s transactions in {window}",
    Aggregate.FRAUD_COUNT: "frauds at {entity} in {window}",
    Aggregate.FRAUD_SHARE: "share of frauds among {entity}'s labelled transactions in {window}; 0 without any",
    Aggregate.TERMINALS: "distinct terminals of {entity} in {window}",
    Aggregate.AMOUNT_ZSCORE: "standard deviations off {entity}'s earlier mean amount in {window}; 0 without any",
    Aggregate.AMOUNT_RATIO: "amount over the mean of {entity}'s earlier ones in {window}; 1 without any",
    Aggregate.AMOUNT_MAX_RATIO: "amount over the largest of {entity}'s earlier ones in {window}; 1 without any",
    Aggregate.SECONDS_SINCE_LAST: "seconds since the last transaction of {entity} in {window}; {horizon} without one",
    Aggregate.SECONDS_SINCE_FRAUD: "seconds since the last fraud at {entity} in {window}; {horizon} without one",
    Aggregate.FIRST: "1 if {entity} has no earlier transaction in {window}, else 0",
}
SECONDS_PER_DAY = 86_400

_PAGE = """# Features

Made by `fraud-detect features --list-features`.

Transactions need the columns {required};
all columns are kept. Files are Parquet, or CSV in UTF-8 (plain or `.gz`) with a header, commas and decimal points. Ids
may be text or numbers; in CSV they count as they are written, so that 007 and 7 are two customers. A label may be
empty where it is not known yet, but its column must be there.

Windows end at the transaction and are open on the left: one of n days holds what is less than n days old. Transactions
of the same moment, to the microsecond, count each other. Days and hours are those of UTC. Amounts count with six
decimals in means, and with four in standard deviations.

**Labels count when they are known.** Where features need them, windows end 7 days before the transaction. Where there
is a column `{label_time}`, it decides instead: a window then holds what became known in its days, and labels without
a time are left out. The column is no feature: put it into `drop_columns` when you train.

## The handbook's set (`--set handbook`, the default)

| column | what |
|---|---|
| `{amount}` | the amount, which is there already |
{handbook}

## The extended set (`--set extended`)

The handbook's, and

| column | what |
|---|---|
{extended}

## What is refused, and what is counted

An error, with the number of transactions: ids that occur twice; missing ids or times; times that are none, or some
with an offset from UTC and some without; amounts that are infinite or too large; labels other than 0 and 1; a
`{label_time}` that is not after `{time}`. And columns that are absent, or have the name of a feature.

Kept, and told as a warning with the number: negative and missing amounts, missing labels, labels without a time,
transactions out of order (they are sorted), files without rows, days without transactions.

## Day after day

The output folder has one Parquet file a day, and a note (`.features.json`) of what each was made of. The next run
computes the days that are new, or for which something changed: a late transaction, a label that came, a file that is
gone or damaged. The input may then be the latest days only, with the history that their windows reach back to; where
some of that is missing, the run says which days it needs. Everything is computed anew with `--full`, and where the
set of features, a column's type (in CSV it follows from all values), or the engine or its version is another; the log
says why.

The files are read by anything that reads Parquet:

```python
import duckdb

features = duckdb.sql("FROM 'DIR/*.parquet'").df()
```
"""


def as_markdown() -> str:
    """Return the page."""
    return _PAGE.format(
        required=", ".join(f"`{name}`" for name in REQUIRED),
        amount=AMOUNT,
        time=TIME,
        label_time=LABEL_TIME,
        handbook="\n".join([*map(_period, HANDBOOK.periods), *map(_window, HANDBOOK.windows)]),
        extended="\n".join(_window(window) for window in EXTENDED.windows if window not in HANDBOOK.windows),
    )


def _period(period: PeriodFeature) -> str:
    cycle = "day" if period.cycle_hours == HOURS_PER_DAY else "week"
    return (
        f"| `{period.name}` | 1 from hour {period.from_hour} to before hour {period.to_hour} of the {cycle}, else 0 |"
    )


def _window(window: WindowFeature) -> str:
    days = f"{window.window_days} days" if window.window_days > 1 else "day"
    place = f"the {days} up to {window.delay_days} days before" if window.delay_days else f"the last {days}"
    meaning = _MEANINGS[window.aggregate].format(
        entity=_ENTITIES[window.entity], window=place, horizon=f"{window.horizon_days * SECONDS_PER_DAY:,}"
    )
    return f"| `{window.name}` | {meaning} |"
