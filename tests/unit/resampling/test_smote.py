"""SMOTE makes frauds between frauds: numbers in between, categories by vote, gaps kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fraud_detect.errors import TableError
from fraud_detect.resampling.over import smote
from fraud_detect.resampling.registry import none
from fraud_detect.resampling.resampled import Resampling
from fraud_detect.schema import Float32Matrix

NUMBERS = (False, False)
WITH_CODES = (False, True)


def some_rows(frauds: Float32Matrix, legitimate: int = 200) -> tuple[Float32Matrix, np.ndarray]:
    """Return `frauds` among legitimate rows that lie far away from them, and labels."""
    others = np.full((legitimate, frauds.shape[1]), 1_000, dtype=np.float32)
    labels = np.concatenate((np.ones(len(frauds)), np.zeros(legitimate))).astype(np.uint8)
    return np.concatenate((frauds, others)), labels


def numbers(count: int = 20, *, seed: int = 0) -> Float32Matrix:
    return np.random.default_rng(seed).normal(size=(count, 2)).astype(np.float32)


def with_codes(codes: tuple[float, ...] = (3, 7), count: int = 20) -> Float32Matrix:
    rows = numbers(count)
    rows[:, 1] = np.resize(codes, count)
    return rows


def made(frauds: Float32Matrix, categorical: tuple[bool, ...] = NUMBERS, **overrides: Any) -> Float32Matrix:
    """Return the synthetic frauds."""
    given: dict[str, Any] = {"ratio": 0.5, "k_neighbors": 5, "seed": 0}
    features, labels = some_rows(frauds)
    return smote(features, labels, categorical, Resampling(**{**given, **overrides})).synthetic


def test_the_ratio_says_how_many_frauds_there_are_afterwards() -> None:
    assert made(numbers(20), ratio=0.5).shape == (100 - 20, 2)


def test_rows_come_in_float32() -> None:
    assert made(numbers()).dtype == np.float32


@pytest.mark.parametrize("ratio", [0.05, 0.1])
def test_enough_frauds_need_no_more(ratio: float) -> None:
    assert made(numbers(20), ratio=ratio).shape == (0, 2)


def test_none_makes_none() -> None:
    features, labels = some_rows(numbers())

    assert none(features, labels, NUMBERS, Resampling(1, 5, 0)).synthetic.shape == (0, 2)


def test_legitimate_rows_have_no_part_in_the_synthetic_ones() -> None:
    frauds = numbers()

    synthetic = made(frauds)

    assert (synthetic >= frauds.min(axis=0) - 1e-5).all()
    assert (synthetic <= frauds.max(axis=0) + 1e-5).all()


def test_the_rows_that_are_given_are_left_as_they_are() -> None:
    features, labels = some_rows(numbers())
    before = features.copy()

    smote(features, labels, NUMBERS, Resampling(0.5, 5, 0))

    assert (features == before).all()


def test_a_synthetic_row_lies_between_two_frauds() -> None:
    frauds = numbers(2)

    start, end = frauds
    along = (made(frauds, k_neighbors=1) - start) / (end - start)

    assert along[:, 0] == pytest.approx(along[:, 1], abs=1e-4)
    assert ((along > -1e-4) & (along < 1 + 1e-4)).all()


def test_the_unit_of_a_column_does_not_choose_the_neighbours() -> None:
    """Distances are taken between standardised columns: cents or euros give the same rows."""
    frauds = numbers()
    scaled = frauds * np.array([1_000, 1], dtype=np.float32)

    assert made(scaled)[:, 0] / 1_000 == pytest.approx(made(frauds)[:, 0], abs=1e-4)


def test_categories_are_voted_on_and_never_averaged() -> None:
    synthetic = made(with_codes(), WITH_CODES)

    assert set(synthetic[:, 1].tolist()) == {3, 7}
    assert len(np.unique(synthetic[:, 0])) > 20


def test_the_number_column_may_stand_on_either_side_of_the_categories() -> None:
    synthetic = made(with_codes()[:, ::-1], (True, False))

    assert set(synthetic[:, 0].tolist()) == {3, 7}


@pytest.mark.parametrize(("column", "categorical"), [(0, NUMBERS), (0, WITH_CODES), (1, WITH_CODES)])
def test_what_is_always_missing_stays_so(column: int, categorical: tuple[bool, ...]) -> None:
    frauds = with_codes() if categorical == WITH_CODES else numbers()
    frauds[:, column] = np.nan

    synthetic = made(frauds, categorical)

    assert np.isnan(synthetic[:, column]).all()
    assert np.isfinite(synthetic[:, 1 - column]).all()


@pytest.mark.parametrize("categorical", [NUMBERS, WITH_CODES])
def test_what_is_missing_now_and_then_is_missing_now_and_then(categorical: tuple[bool, ...]) -> None:
    frauds = with_codes() if categorical == WITH_CODES else numbers()
    frauds[:10, 0] = np.nan
    frauds[:10, 1] = frauds[0, 1]  # neighbours of each other

    absent = np.isnan(made(frauds, categorical)[:, 0])

    assert 0 < absent.sum() < len(absent)


def test_a_gap_in_a_category_column_is_no_category() -> None:
    frauds = with_codes((0, 5))
    frauds[::4, 1] = np.nan

    codes = made(frauds, WITH_CODES)[:, 1]

    assert set(codes[~np.isnan(codes)].tolist()) <= {0, 5}


def test_a_column_of_one_value_keeps_it() -> None:
    frauds = numbers()
    frauds[:, 1] = 4.5

    assert made(frauds)[:, 1] == pytest.approx(4.5)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unit", [1e-45, 1e30])
def test_values_at_the_ends_of_float32_stay_finite(unit: float) -> None:
    frauds = numbers()
    frauds[:, 1] = np.where(frauds[:, 1] > 0, np.float32(unit), 0)

    assert np.isfinite(made(frauds)).all()


def test_the_same_seed_makes_the_same_rows() -> None:
    assert made(numbers(), seed=3).tobytes() == made(numbers(), seed=3).tobytes()


def test_another_seed_makes_other_rows() -> None:
    assert made(numbers(), seed=3).tobytes() != made(numbers(), seed=4).tobytes()


@pytest.mark.parametrize("count", [2, 3, 5])
def test_few_frauds_shrink_the_number_of_neighbours_with_a_warning(
    count: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert made(numbers(count), k_neighbors=5).shape == (100 - count, 2)
    assert f"{count} frauds allow k_neighbors={count - 1}, not 5" in caplog.text


def test_enough_frauds_bring_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    made(numbers(6), k_neighbors=5)

    assert "allow k_neighbors" not in caplog.text


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_frauds_are_the_users_fault(count: int) -> None:
    with pytest.raises(TableError, match=f"has {count} fraud rows.*resampler=none"):
        made(numbers(count))


def test_a_table_of_categories_alone_cannot_be_resampled() -> None:
    with pytest.raises(TableError, match="no number column"):
        made(with_codes(), (True, True))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("categorical", [NUMBERS, WITH_CODES])
def test_nothing_is_warned_of_that_is_as_it_should_be(categorical: tuple[bool, ...]) -> None:
    frauds = with_codes()
    frauds[:, 0] = np.nan
    frauds[:2, 0] = 1

    assert len(made(frauds, categorical)) == 80
