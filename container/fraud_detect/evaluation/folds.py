"""Which days a prequential fold trains and tests on, and which cards leave its test.

Knows times, labels and cards. Never knows models, features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from fraud_detect.errors import TableError
from fraud_detect.evaluation.card_precision import Cards, Days
from fraud_detect.evaluation.ranking import Labels

SECONDS_PER_DAY = 86_400
EPOCH = date(1970, 1, 1).toordinal()
FIRST_DAY, LAST_DAY = date.min.toordinal() - EPOCH, date.max.toordinal() - EPOCH


@dataclass(frozen=True)
class Scheme:
    """How many days each fold trains on, waits and tests on, and how many folds there are.

    A defrauded card is known as such since the last `known_days` training days, without them since all of them.
    """

    train_days: int
    delay_days: int
    test_days: int
    folds: int
    known_days: int | None = None

    @property
    def needed_days(self) -> int:
        """Days from the first training day of the earliest fold to the last test day of the latest."""
        return self.train_days + self.delay_days + self.folds * self.test_days


@dataclass(frozen=True)
class FoldDays:
    """The days of one fold, counted from 1970-01-01, each range with both of its ends; `known_days` as of `Scheme`."""

    first_train: int
    last_train: int
    first_test: int
    last_test: int
    known_days: int | None = None

    @property
    def first_known(self) -> int:
        """The first day whose frauds make a card known as defrauded."""
        return self.first_train if self.known_days is None else self.last_train - self.known_days + 1

    @property
    def delay(self) -> int:
        """Days between the last training day and the first test day: a label is known only so much later."""
        return self.first_test - self.last_train - 1


def whole_days(times: NDArray[np.float64]) -> Days:
    """Return the calendar day (UTC) of each of `times`, seconds since 1970, shape (n,), as days since 1970, int64.

    Raises
    ------
    TableError
        If a time is no date of the years 1 to 9999.
    """
    days = np.floor(times / SECONDS_PER_DAY)
    outside = (days < FIRST_DAY) | (days > LAST_DAY)
    if outside.any():
        raise TableError(
            f"A time is {times[outside][0]:.10g} seconds from 1970",
            expected="dates of the years 1 to 9999",
            remedy="Write times as text such as 2026-01-31 23:59:59, or as seconds (divide milliseconds by 1000).",
        )
    return days.astype(np.int64)


def day_name(day: int) -> str:
    """Return a day, counted from 1970-01-01, as ISO 8601 has it."""
    return date.fromordinal(EPOCH + day).isoformat()


def fold_days(first: int, last: int, scheme: Scheme) -> Sequence[FoldDays]:
    """Return the folds of data from day `first` to day `last`, both included; the latest fold comes first.

    Each fold tests on the `test_days` before those of the fold before it in the sequence, and trains on the
    `train_days` that end `delay_days` before its test begins.

    Raises
    ------
    TableError
        If there are too few days.
    """
    if last - first + 1 < scheme.needed_days:
        raise TableError(
            f"The times span {last - first + 1} days, {day_name(first)} to {day_name(last)}",
            expected=f"at least {scheme.needed_days}: train_days={scheme.train_days} + "
            f"delay_days={scheme.delay_days} + folds={scheme.folds} x test_days={scheme.test_days}",
            remedy="Lower them or add earlier rows; numbers in the time column count seconds.",
        )
    return [_fold_that_ends(last - number * scheme.test_days, scheme) for number in range(scheme.folds)]


def _fold_that_ends(last_test: int, scheme: Scheme) -> FoldDays:
    first_test = last_test - scheme.test_days + 1
    last_train = first_test - 1 - scheme.delay_days
    return FoldDays(last_train - scheme.train_days + 1, last_train, first_test, last_test, scheme.known_days)


def known_as_defrauded(days: Days, cards: Cards, labels: Labels, fold: FoldDays) -> NDArray[np.bool_]:
    """Return which rows are of a card that is known as defrauded on the row's day, bool, shape (n,).

    On day T a card is known if it has a fraud on any day from the fold's first known day to T - delay - 1: the frauds
    of the training days, or of the last of them, and those after them as their labels arrive.

    `days`: int64, `cards`: uint64, `labels`: uint8, 1 = fraud; shape (n,) each.
    """
    counted = (labels == 1) & (days >= fold.first_known)
    known, places = np.unique(cards[counted], return_inverse=True)
    earliest = np.full(len(known), LAST_DAY)
    np.minimum.at(earliest, places, days[counted])
    place = np.searchsorted(known, cards)
    found = place < len(known)
    found[found] = known[place[found]] == cards[found]
    result = np.zeros(len(cards), dtype=bool)
    result[found] = earliest[place[found]] <= days[found] - fold.delay - 1
    return result
