"""Folds lie where they are said to lie, and cards leave the test when their frauds are known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_detect.errors import TableError
from fraud_detect.evaluation.folds import FoldDays, Scheme, day_name, fold_days, known_as_defrauded, whole_days

HANDBOOK = Scheme(train_days=7, delay_days=7, test_days=7, folds=1)
FOLD = FoldDays(first_train=10, last_train=12, first_test=15, last_test=17)  # a delay of 2 days
schemes = st.builds(Scheme, st.integers(1, 30), st.integers(0, 30), st.integers(1, 30), st.integers(1, 6))


def day(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def known(*rows: tuple[int, int, int]) -> list[bool]:
    """Return which of the rows (day, card, label) are of a card known as defrauded."""
    days, cards, labels = (np.array(column) for column in zip(*rows, strict=True))
    return known_as_defrauded(days, cards.astype(np.uint64), labels.astype(np.uint8), FOLD).tolist()


def test_a_card_is_known_since_the_last_known_days_of_training() -> None:
    days, cards, labels = np.array([10, 12, 16, 16]), np.array([1, 2, 1, 2], dtype=np.uint64), np.array([1, 1, 0, 0])

    found = [
        known_as_defrauded(days, cards, labels.astype(np.uint8), replace(FOLD, known_days=known_days)).tolist()
        for known_days in (None, 3, 2, 1)
    ]

    both, latter = [False, False, True, True], [False, False, False, True]
    assert found == [both, both, latter, latter]


def test_one_fold_of_the_handbook_is_its_own_split() -> None:
    (fold,) = fold_days(day("2018-04-01"), day("2018-08-14"), HANDBOOK)

    named = [day_name(place) for place in (fold.first_train, fold.last_train, fold.first_test, fold.last_test)]
    assert named == ["2018-07-25", "2018-07-31", "2018-08-08", "2018-08-14"]


def test_folds_go_back_by_their_test_days() -> None:
    folds = fold_days(0, 99, Scheme(train_days=10, delay_days=3, test_days=5, folds=3))

    assert folds == [FoldDays(82, 91, 95, 99), FoldDays(77, 86, 90, 94), FoldDays(72, 81, 85, 89)]


@given(schemes, st.integers(-1_000, 30_000), st.integers(0, 100))
def test_a_fold_has_the_days_that_were_asked_for(scheme: Scheme, first: int, spare: int) -> None:
    for fold in fold_days(first, first + scheme.needed_days - 1 + spare, scheme):
        assert fold.last_train - fold.first_train + 1 == scheme.train_days
        assert fold.delay == scheme.delay_days
        assert fold.last_test - fold.first_test + 1 == scheme.test_days


@given(schemes, st.integers(-1_000, 30_000))
def test_just_enough_days_are_used_from_first_to_last(scheme: Scheme, first: int) -> None:
    last = first + scheme.needed_days - 1

    folds = fold_days(first, last, scheme)

    assert (folds[0].last_test, folds[-1].first_train) == (last, first)
    assert all(later.first_test == earlier.last_test + 1 for later, earlier in pairwise(folds))


@given(schemes, st.integers(-1_000, 30_000))
def test_a_day_too_few_is_refused(scheme: Scheme, first: int) -> None:
    with pytest.raises(TableError, match=f"span {scheme.needed_days - 1} days.* at least {scheme.needed_days}: train"):
        fold_days(first, first + scheme.needed_days - 2, scheme)


def test_the_refusal_says_what_there_is_and_what_it_takes() -> None:
    with pytest.raises(TableError) as caught:
        fold_days(day("2018-08-01"), day("2018-08-14"), Scheme(7, 7, 7, 4))

    assert caught.value.got == "The times span 14 days, 2018-08-01 to 2018-08-14"
    assert caught.value.expected == "at least 42: train_days=7 + delay_days=7 + folds=4 x test_days=7"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "1970-01-01"), (86_399.999, "1970-01-01"), (86_400, "1970-01-02"), (-0.001, "1969-12-31")],
)
def test_a_day_goes_from_midnight_to_midnight(seconds: float, expected: str) -> None:
    assert [day_name(int(place)) for place in whole_days(np.array([seconds]))] == [expected]


@pytest.mark.parametrize("seconds", [1.5e12, -1.5e12, 1e300])
def test_times_that_are_no_dates_are_refused(seconds: float) -> None:
    with pytest.raises(TableError, match="divide milliseconds by 1000"):
        whole_days(np.array([0.0, seconds]))


def test_a_card_with_a_fraud_in_training_is_known_on_every_test_day() -> None:
    assert known((12, 1, 1), (15, 1, 0), (17, 1, 0)) == [False, True, True]


def test_a_fraud_of_the_delay_is_known_when_the_delay_is_over() -> None:
    """The fraud of day 13 is known from day 16 on: 13 <= 16 - 2 - 1."""
    assert known((13, 1, 1), (15, 1, 0), (16, 1, 0), (17, 1, 0)) == [False, False, True, True]


def test_a_fraud_whose_label_has_not_arrived_excludes_nothing() -> None:
    assert known((15, 1, 1), (16, 1, 1), (17, 1, 0)) == [False, False, False]


def test_a_fraud_before_the_training_days_excludes_nothing() -> None:
    assert known((9, 1, 1), (15, 1, 0)) == [False, False]


def test_other_cards_stay() -> None:
    assert known((12, 2, 1), (15, 1, 0), (15, 2, 0), (15, 3, 0)) == [False, False, True, False]


def by_the_handbook(days: np.ndarray, cards: np.ndarray, labels: np.ndarray) -> set[int]:
    """Return the test rows that are left out, gathered as the handbook does: a pool of cards that grows day by day."""
    pool = set(cards[(days >= FOLD.first_train) & (days <= FOLD.last_train) & (labels == 1)].tolist())
    left_out: set[int] = set()
    for step in range(FOLD.last_test - FOLD.first_test + 1):
        pool |= set(cards[(days == FOLD.last_train + step) & (labels == 1)].tolist())
        today = np.flatnonzero(days == FOLD.first_test + step)
        left_out |= {int(row) for row in today if cards[row] in pool}
    return left_out


@pytest.mark.parametrize("seed", range(20))
def test_random_data_loses_the_rows_that_the_handbook_leaves_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    days, cards = rng.integers(FOLD.first_train, FOLD.last_test + 1, 300), rng.integers(40, size=300).astype(np.uint64)
    labels = (rng.random(300) < 0.1).astype(np.uint8)

    mask = known_as_defrauded(days, cards, labels, FOLD) & (days >= FOLD.first_test)

    assert set(np.flatnonzero(mask).tolist()) == by_the_handbook(days, cards, labels)
