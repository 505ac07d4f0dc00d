"""Card precision@k by hand, against the handbook's way of computing it, and in what must always hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fraud_detect.evaluation.by_day import by_day
from fraud_detect.evaluation.card_precision import card_precision, oracle_card_precision
from fraud_detect.evaluation.summary import mean, standard_deviation

DAY, CARD, LABEL, SCORE = range(4)
Table = list[tuple[int, int, int, float]]


def columns(table: Table) -> tuple[Any, ...]:
    """Return days, cards, labels and scores of rows (day, card, label, score)."""
    values = np.array(table, dtype=np.float64).reshape(-1, 4)
    kinds = (np.int64, np.uint64, np.uint8, np.float64)
    return tuple(values[:, place].astype(kind) for place, kind in enumerate(kinds))


def precision_of(table: Table, k: int) -> dict[int, float]:
    return card_precision(*columns(table), k)


def oracle_of(table: Table, k: int) -> dict[int, float]:
    return oracle_card_precision(*columns(table)[:3], k)


def test_the_share_of_the_k_highest_cards_that_are_defrauded() -> None:
    table = [(0, 1, 1, 0.9), (0, 2, 0, 0.8), (0, 3, 1, 0.7), (0, 4, 0, 0.1)]

    assert [precision_of(table, k)[0] for k in (1, 2, 3)] == pytest.approx([1, 1 / 2, 2 / 3])


def test_a_card_counts_once_by_its_highest_score() -> None:
    """Card 1 fills one of the two places with its three rows."""
    table = [(0, 1, 0, 0.9), (0, 1, 0, 0.8), (0, 1, 0, 0.7), (0, 2, 1, 0.6), (0, 3, 0, 0.5)]

    assert precision_of(table, 2) == {0: 0.5}


def test_a_card_is_detected_by_any_fraud_of_the_day() -> None:
    """Its highest score may be that of a legitimate row: the card is checked, and the fraud found."""
    assert precision_of([(0, 1, 0, 0.9), (0, 1, 1, 0.1), (0, 2, 0, 0.5)], 1) == {0: 1.0}


def test_a_detected_card_leaves_the_days_after() -> None:
    table = [(0, 1, 1, 0.9), (1, 1, 1, 0.9), (1, 2, 1, 0.5), (2, 1, 1, 0.9), (2, 3, 0, 0.1)]

    assert precision_of(table, 1) == {0: 1.0, 1: 1.0, 2: 0.0}


def test_a_card_that_was_checked_in_vain_stays() -> None:
    assert precision_of([(0, 1, 0, 0.9), (1, 1, 1, 0.9)], 1) == {0: 0.0, 1: 1.0}


def test_a_defrauded_card_that_was_not_checked_stays() -> None:
    assert precision_of([(0, 1, 1, 0.1), (0, 2, 0, 0.9), (1, 1, 1, 0.9)], 1) == {0: 0.0, 1: 1.0}


def test_fewer_cards_than_k_are_divided_by_k_all_the_same() -> None:
    assert precision_of([(0, 1, 1, 0.9), (0, 2, 1, 0.8)], 100) == {0: 0.02}


def test_equal_scores_come_in_the_order_of_cards_whatever_the_order_of_rows() -> None:
    table = [(0, 5, 1, 0.5), (0, 3, 0, 0.5), (0, 9, 1, 0.5)]

    assert precision_of(table, 2) == precision_of(table[::-1], 2) == {0: 0.5}


def test_the_oracle_finds_as_many_as_there_are_and_can_be_checked() -> None:
    table = [(0, 1, 1, 0.0), (0, 2, 1, 0.0), (0, 3, 1, 0.0), (0, 4, 0, 1.0), (1, 1, 1, 0.0), (1, 5, 1, 0.0)]

    assert oracle_of(table, 2) == {0: 1.0, 1: 0.5}
    assert oracle_of(table, 4) == {0: 0.75, 1: 0.25}


def test_a_day_without_frauds_has_a_precision_of_nought() -> None:
    assert precision_of([(0, 1, 0, 0.9)], 1) == oracle_of([(0, 1, 0, 0.9)], 1) == {0: 0.0}


def by_the_handbook(days: Any, cards: Any, labels: Any, scores: Any, k: int) -> dict[int, float]:
    """Return card precision as the handbook computes it, with pandas, day by day."""
    frame = pd.DataFrame({"day": days, "card": cards, "label": labels, "score": scores})
    found: list[Any] = []
    result = {}
    for day in sorted(frame["day"].unique()):
        today = frame[(frame["day"] == day) & ~frame["card"].isin(found)]
        top = today.groupby("card").max().sort_values("score", ascending=False, kind="stable").head(k)
        detected = top[top["label"] == 1].index.tolist()
        result[int(day)] = len(detected) / k
        found.extend(detected)
    return result


@pytest.mark.parametrize("seed", range(20))
def test_random_data_comes_to_what_the_handbook_computes(seed: int) -> None:
    rng, rows = np.random.default_rng(seed), 600
    days, cards = rng.integers(100, 107, rows), rng.integers(80, size=rows).astype(np.uint64)
    labels, scores = (rng.random(rows) < 0.1).astype(np.uint8), np.round(rng.random(rows), 2)

    for k in (1, 7, 30, 200):
        assert card_precision(days, cards, labels, scores, k) == by_the_handbook(days, cards, labels, scores, k)
        assert oracle_card_precision(days, cards, labels, k) == by_the_handbook(days, cards, labels, labels, k)


rows = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 6), st.integers(0, 1), st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    min_size=1,
    max_size=40,
)


@given(rows, st.integers(1, 8), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(table: Table, k: int, random: Any) -> None:
    shuffled = random.sample(table, len(table))

    assert precision_of(shuffled, k) == precision_of(table, k)


@given(rows, st.integers(1, 8))
def test_the_first_day_is_never_better_than_the_oracles(table: Table, k: int) -> None:
    """Later days may be: what a model misses today it can still find tomorrow."""
    first = min(row[DAY] for row in table)

    assert precision_of(table, k)[first] <= oracle_of(table, k)[first]


@given(rows)
def test_with_room_for_all_cards_every_defrauded_card_is_found_once(table: Table) -> None:
    found = sum(precision_of(table, 10).values()) * 10

    assert found == pytest.approx(len({row[CARD] for row in table if row[LABEL]}))


@given(rows, arrays.arrays(np.float64, 2, elements=st.floats(0.1, 10)))
def test_the_scale_of_the_scores_does_not_matter(table: Table, scale: np.ndarray) -> None:
    scaled = [(day, card, label, score * scale[0] - scale[1]) for day, card, label, score in table]

    assert precision_of(scaled, 3) == precision_of(table, 3)


def test_days_are_told_with_their_counts_and_means() -> None:
    daily = by_day(*columns([(17_000, 1, 1, 0.9), (17_000, 2, 0, 0.8), (17_002, 2, 0, 0.9)]), 1)

    document = daily.as_json()
    assert [tuple(day.values()) for day in document["days"]] == [
        ("2016-07-18", 2, 1, 2, 1.0, 1.0, 1.0),
        ("2016-07-20", 1, 0, 1, None, 0.0, 0.0),
    ]
    assert (document["card_precision"], document["oracle_card_precision"]) == (0.5, 0.5)


def test_without_cards_there_is_nothing_to_say_of_them() -> None:
    days, _, labels, scores = columns([(0, 1, 1, 0.9)])

    document = by_day(days, None, labels, scores, 1).as_json()

    assert (document["card_precision"], document["days"][0]["cards"]) == (None, None)
    assert document["days"][0]["average_precision"] == 1.0


@pytest.mark.parametrize(
    ("values", "expected"), [([1.0, None, 2.0], (1.5, 0.5**0.5)), ([1.0, None], (1.0, None)), ([None], (None, None))]
)
def test_means_and_deviations_are_of_what_is_defined(values: list[float | None], expected: tuple[float, float]) -> None:
    assert (mean(values), standard_deviation(values)) == pytest.approx(expected)
