"""Splits hold out the share that was asked for; duplicates and rows of one time stay together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fraud_detect.errors import TableError
from fraud_detect.evaluation.split import (
    Labels,
    Split,
    chronological,
    dealt,
    entity_hashes,
    fraud_groups,
    grouped,
    row_hashes,
    stratified,
)
from fraud_detect.schema import Float32Matrix

tables = st.tuples(st.integers(1, 60), st.integers(1, 3)).flatmap(
    lambda shape: arrays.arrays(np.float32, shape, elements=st.sampled_from([-1.0, -0.0, 0.0, 1.5, float("nan")]))
)
fractions = st.floats(0.05, 0.5)


def labels_of(count: int, frauds: int) -> Labels:
    labels = np.zeros(count, dtype=np.uint8)
    labels[:frauds] = 1
    return labels


def distinct_rows(count: int) -> Float32Matrix:
    return np.arange(count, dtype=np.float32).reshape(-1, 1)


def a_split(count: int = 1_000, frauds: int = 100, *, fraction: float = 0.2, seed: int = 0) -> Split:
    return stratified(row_hashes(distinct_rows(count), seed), labels_of(count, frauds), fraction)


def as_text(rows: Float32Matrix) -> list[str]:
    return [str((row + 0).tolist()) for row in rows]


@given(tables, st.integers(0, 100))
def test_rows_have_equal_hashes_exactly_if_they_mean_the_same(rows: Float32Matrix, seed: int) -> None:
    """Minus nought and nought mean the same to every model, and so do all missing values."""
    assert len(set(row_hashes(rows, seed).tolist())) == len(set(as_text(rows)))


def test_another_nan_is_the_same_missing_value() -> None:
    odd = np.array([[0x7FC00001]], dtype=np.uint32).view(np.float32)

    assert row_hashes(odd, 0) == row_hashes(np.array([[np.nan]], dtype=np.float32), 0)


def test_hashes_leave_the_rows_as_they_are() -> None:
    rows = np.array([[-0.0, np.nan]], dtype=np.float32)

    row_hashes(rows, 0)

    assert np.signbit(rows[0, 0])


def test_equal_values_in_other_columns_are_other_rows() -> None:
    first, second = row_hashes(np.array([[1, 2], [2, 1]], dtype=np.float32), 0)

    assert first != second


@given(tables, st.data(), fractions)
def test_duplicates_never_straddle_a_split(rows: Float32Matrix, data: st.DataObject, fraction: float) -> None:
    labels = data.draw(arrays.arrays(np.uint8, len(rows), elements=st.integers(0, 1)))
    hashes = row_hashes(rows, 0)
    assume(all(len(np.unique(hashes[labels == label])) >= 2 for label in (0, 1)))

    split = stratified(hashes, labels, fraction)

    assert not set(hashes[split.training].tolist()) & set(hashes[split.held_out].tolist())
    assert sorted([*split.training, *split.held_out]) == list(range(len(rows)))


@given(st.integers(20, 200), fractions, st.integers(0, 1_000))
def test_each_class_is_held_out_in_the_share_that_was_asked_for(frauds: int, fraction: float, seed: int) -> None:
    split = a_split(1_000, frauds, fraction=fraction, seed=seed)

    held_out_frauds = int((split.held_out < frauds).sum())
    assert held_out_frauds == pytest.approx(fraction * frauds, abs=1)
    assert len(split.held_out) - held_out_frauds == pytest.approx(fraction * (1_000 - frauds), abs=1)


def test_indices_ascend() -> None:
    split = a_split()

    assert (np.diff(split.training) > 0).all()
    assert (np.diff(split.held_out) > 0).all()


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(random: object) -> None:
    rows, labels = distinct_rows(100), labels_of(100, 20)
    order = list(range(100))
    random.shuffle(order)  # type: ignore[attr-defined]

    split = stratified(row_hashes(rows, 0), labels, 0.2)
    shuffled = stratified(row_hashes(rows[order], 0), labels[order], 0.2)

    assert set(rows[split.held_out, 0]) == set(rows[order][shuffled.held_out, 0])


def test_another_seed_holds_out_other_rows() -> None:
    assert a_split(seed=1).held_out.tolist() != a_split(seed=2).held_out.tolist()


def test_the_same_seed_holds_out_the_same_rows() -> None:
    assert a_split(seed=1).held_out.tolist() == a_split(seed=1).held_out.tolist()


def test_a_row_of_both_classes_goes_with_the_frauds() -> None:
    """Legitimate rows that look exactly like a fraud follow it, whatever their own class would do."""
    rows = np.concatenate((distinct_rows(50), np.full((10, 1), 0, dtype=np.float32)))
    labels = labels_of(60, 20)

    split = stratified(row_hashes(rows, 3), labels, 0.3)

    twins = [0, *range(50, 60)]
    assert set(twins) <= set(split.training.tolist()) or set(twins) <= set(split.held_out.tolist())


@pytest.mark.parametrize(("frauds", "name"), [(1, "fraud"), (9, "legitimate")])
def test_one_distinct_row_of_a_class_cannot_be_split(frauds: int, name: str) -> None:
    with pytest.raises(TableError, match=f"1 distinct {name} rows"):
        stratified(row_hashes(distinct_rows(10), 0), labels_of(10, frauds), 0.2)


@pytest.mark.parametrize("fraction", [0.001, 0.5])
def test_each_side_gets_at_least_one_fraud(fraction: float) -> None:
    split = stratified(row_hashes(distinct_rows(10), 0), labels_of(10, 2), fraction)

    assert (split.held_out < 2).sum() == (split.training < 2).sum() == 1


def test_the_latest_rows_are_held_out() -> None:
    labels = np.tile([0, 1], 50).astype(np.uint8)
    times = np.random.default_rng(0).permutation(100).astype(float)

    split = chronological(times, labels, 0.2)

    assert sorted(times[split.held_out]) == list(range(80, 100))


@given(arrays.arrays(np.float64, 40, elements=st.integers(0, 8).map(float)), fractions)
def test_rows_of_one_time_stay_together(times: np.ndarray, fraction: float) -> None:
    labels = np.tile([0, 1], 20).astype(np.uint8)
    try:
        split = chronological(times, labels, fraction)
    except TableError:
        assume(False)

    assert times[split.training].max() < times[split.held_out].min()
    assert len(split.training) + len(split.held_out) == 40


@pytest.mark.parametrize("frauds", [slice(0, 10), slice(90, 100), slice(0, 100), slice(0, 0)])
def test_a_side_of_one_class_is_refused(frauds: slice) -> None:
    labels = np.zeros(100, dtype=np.uint8)
    labels[frauds] = 1

    with pytest.raises(TableError, match="Split by time"):
        chronological(np.arange(100.0), labels, 0.2)


def test_rows_of_one_single_time_cannot_be_split() -> None:
    with pytest.raises(TableError, match="the earlier part has 0 rows"):
        chronological(np.zeros(10), labels_of(10, 5), 0.2)


def cards_of(count: int, cards: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, cards + 1, count).astype(np.uint64)


@given(st.integers(0, 1_000), fractions)
def test_an_entity_is_never_on_both_sides(seed: int, fraction: float) -> None:
    cards = cards_of(1_000, 150, seed=seed)

    split = grouped(entity_hashes(cards, seed), labels_of(1_000, 100), fraction)

    assert not set(cards[split.training].tolist()) & set(cards[split.held_out].tolist())
    assert sorted([*split.training, *split.held_out]) == list(range(1_000))


@pytest.mark.parametrize("fraction", [0.1, 0.3])
def test_whole_entities_are_held_out_in_about_the_share_of_each_class(fraction: float) -> None:
    split = grouped(entity_hashes(cards_of(20_000, 3_000), 0), labels_of(20_000, 400), fraction)

    frauds = int((split.held_out < 400).sum())
    assert frauds == pytest.approx(fraction * 400, abs=5)
    assert len(split.held_out) - frauds == pytest.approx(fraction * 19_600, rel=0.1)


def test_another_seed_holds_out_other_entities() -> None:
    cards, labels = cards_of(1_000, 150), labels_of(1_000, 100)

    first, second = (grouped(entity_hashes(cards, seed), labels, 0.2).held_out.tolist() for seed in (1, 2))

    assert first != second


def test_entities_have_equal_hashes_exactly_if_they_are_the_same() -> None:
    hashes = entity_hashes(np.array([0, 1, 2**64 - 1, 1], dtype=np.uint64), 0)

    assert hashes[1] == hashes[3]
    assert len(np.unique(hashes)) == 3


def test_frauds_of_one_entity_cannot_be_split() -> None:
    cards = np.where(labels_of(100, 10) == 1, 7, np.arange(100)).astype(np.uint64)

    with pytest.raises(TableError, match="1 distinct entities with frauds"):
        grouped(entity_hashes(cards, 0), labels_of(100, 10), 0.2)


def test_a_side_without_legitimate_rows_is_refused() -> None:
    hashes = np.array([1, 5, 5, 10], dtype=np.uint64)  # of an entity of frauds, of one with both, of one without

    with pytest.raises(TableError, match="the held-out part has 1 rows, 1 of them frauds"):
        grouped(hashes, np.array([1, 1, 0, 0], dtype=np.uint8), 0.5)


@given(tables, st.data(), st.integers(2, 5))
def test_duplicates_are_dealt_to_one_fold(rows: Float32Matrix, data: st.DataObject, folds: int) -> None:
    labels = data.draw(arrays.arrays(np.uint8, len(rows), elements=st.integers(0, 1)))
    hashes = row_hashes(rows, 0)

    places = dealt(hashes, labels, folds)

    assert all(len(np.unique(places[hashes == value])) == 1 for value in np.unique(hashes))
    assert ((places >= 0) & (places < folds)).all()


@given(st.integers(10, 200), st.integers(2, 10), st.integers(0, 1_000))
def test_each_fold_gets_an_equal_share_of_each_class(frauds: int, folds: int, seed: int) -> None:
    labels = labels_of(1_000, frauds)
    places = dealt(row_hashes(distinct_rows(1_000), seed), labels, folds)

    for label in (0, 1):
        counts = np.bincount(places[labels == label], minlength=folds)
        assert counts.max() - counts.min() <= 1


def test_large_entities_are_spread_over_the_folds() -> None:
    cards = np.repeat(np.arange(1, 41), [100] * 4 + [10] * 36).astype(np.uint64)
    labels = (np.arange(len(cards)) % 10 == 0).astype(np.uint8)

    places = dealt(entity_hashes(cards, 0), labels, 4)

    assert np.bincount(places[labels == 1]).tolist() == [19] * 4


def test_the_order_of_the_rows_does_not_change_their_folds() -> None:
    rows, labels = distinct_rows(100), labels_of(100, 20)
    order = np.random.default_rng(0).permutation(100)

    assert (
        dealt(row_hashes(rows[order], 0), labels[order], 5).tolist()
        == dealt(row_hashes(rows, 0), labels, 5)[order].tolist()
    )


def test_frauds_are_counted_by_what_stays_together() -> None:
    assert fraud_groups(np.array([5, 5, 6, 7], dtype=np.uint64), np.array([1, 1, 0, 1], dtype=np.uint8)) == 2
