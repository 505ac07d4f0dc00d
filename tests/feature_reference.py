"""The features by plain loops over all transactions, exact until the last step; for tests of small tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from fraud_detect.features.definitions import AGAINST_THE_PAST, LABEL_TIME, Aggregate, FeatureSet, WindowFeature

Row = Mapping[str, Any]
SECOND = timedelta(seconds=1)


def expected(row: Row, rows: Sequence[Row], features: FeatureSet) -> Mapping[str, Any]:
    """Return the window features of one of `rows`."""
    return {window.name: _value(window, row, list(_within(window, row, rows))) for window in features.windows}


def _within(window: WindowFeature, row: Row, rows: Sequence[Row]) -> Iterator[Row]:
    length, delay, now = timedelta(days=window.window_days), timedelta(days=window.delay_days), row["TX_DATETIME"]
    by_label_time = window.delay_days > 0 and LABEL_TIME in row
    for other in rows:
        if any(other[name] != row[name] for name in window.entity):
            continue
        moment = other[LABEL_TIME] if by_label_time else other["TX_DATETIME"] + delay
        if moment is None or not now - length < moment <= now:
            continue
        if moment == now and window.aggregate in AGAINST_THE_PAST:
            continue
        yield other


def _value(window: WindowFeature, row: Row, past: Sequence[Row]) -> Any:
    if window.aggregate in OF_TIMES:
        last = max((other["TX_DATETIME"] for other in past if OF_TIMES[window.aggregate](other)), default=None)
        horizon_seconds = window.horizon_days * 86_400.0
        return horizon_seconds if last is None else (row["TX_DATETIME"] - last) / SECOND
    if window.aggregate in (*OF_AMOUNTS, Aggregate.MEAN_AMOUNT):
        amounts = [_amount(other) for other in past if other["TX_AMOUNT"] is not None]
        if window.aggregate is Aggregate.MEAN_AMOUNT:
            return float(sum(amounts) / len(amounts)) if amounts else None
        return None if row["TX_AMOUNT"] is None else OF_AMOUNTS[window.aggregate](_amount(row), amounts)
    return OF_ROWS[window.aggregate](past)


def _labels(past: Sequence[Row]) -> Sequence[int]:
    return [other["TX_FRAUD"] for other in past if other["TX_FRAUD"] is not None]


def _share(past: Sequence[Row]) -> float:
    return sum(_labels(past)) / len(_labels(past)) if _labels(past) else 0.0


def _amount(row: Row) -> Fraction:
    return Fraction(repr(row["TX_AMOUNT"]))


def _zscore(amount: Fraction, amounts: Sequence[Fraction]) -> float:
    count = len(amounts)
    if count < 2 or len(set(amounts)) == 1:
        return 0.0
    mean = sum(amounts) / count
    variance = sum((each - mean) ** 2 for each in amounts) / (count - 1)
    with localcontext(prec=50):
        deviation = (Decimal(variance.numerator) / variance.denominator).sqrt()
        distance = Decimal((amount - mean).numerator) / (amount - mean).denominator
        return float(distance / deviation)


def _ratio(amount: Fraction, amounts: Sequence[Fraction]) -> float:
    return float(amount * len(amounts) / sum(amounts)) if sum(amounts) else 1.0


def _max_ratio(amount: Fraction, amounts: Sequence[Fraction]) -> float:
    return float(amount / max(amounts)) if amounts and max(amounts) else 1.0


OF_ROWS: Mapping[Aggregate, Callable[[Sequence[Row]], float]] = {
    Aggregate.COUNT: len,
    Aggregate.FIRST: lambda past: int(not past),
    Aggregate.FRAUD_COUNT: lambda past: sum(_labels(past)),
    Aggregate.FRAUD_SHARE: _share,
    Aggregate.TERMINALS: lambda past: len({other["TERMINAL_ID"] for other in past}),
}
OF_AMOUNTS: Mapping[Aggregate, Callable[[Fraction, Sequence[Fraction]], float]] = {
    Aggregate.AMOUNT_ZSCORE: _zscore,
    Aggregate.AMOUNT_RATIO: _ratio,
    Aggregate.AMOUNT_MAX_RATIO: _max_ratio,
}
OF_TIMES: Mapping[Aggregate, Callable[[Row], bool]] = {
    Aggregate.SECONDS_SINCE_LAST: lambda _: True,
    Aggregate.SECONDS_SINCE_FRAUD: lambda other: other["TX_FRAUD"] == 1,
}
