"""Rows are divided into training, validation and test parts, each with both classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fraud_detect.artifact.manifest import Labels
from fraud_detect.errors import TableError
from fraud_detect.schema import Column, Schema
from fraud_detect.tables.table import Rows, Table
from fraud_detect.training.parameters import Hyperparameters
from fraud_detect.training.partition import Parts, divide


def some_rows(count: int = 1_000, *, frauds: int | None = None, start: int = 0, times: bool = False) -> Rows:
    """Return rows numbered from `start` in their one feature, with frauds evenly spread, a fifth unless told."""
    number = np.arange(start, start + count)
    labels = np.zeros(count, dtype=np.uint8)
    labels[np.linspace(0, count - 1, count // 5 if frauds is None else frauds).astype(int)] = 1
    return Rows(number.astype(np.float32).reshape(-1, 1), labels, number.astype(float) if times else None)


def a_table_of(rows: Rows) -> Table:
    return Table(rows, Schema(columns=(Column(name="x"),), label="Class"), Labels())


def parts_of(train: Rows, validation: Rows | None = None, test: Rows | None = None, **overrides: Any) -> Parts:
    def table(rows: Rows | None) -> Table | None:
        return None if rows is None else a_table_of(rows)

    return divide(a_table_of(train), table(validation), table(test), Hyperparameters(**overrides))


def numbers(rows: Rows | None) -> set[int]:
    return set() if rows is None else set(rows.features[:, 0].astype(int).tolist())


def test_a_fifth_of_the_rows_is_held_out_for_validation() -> None:
    parts = parts_of(some_rows())

    assert (len(parts.training), len(parts.validation), parts.test) == (800, 200, None)
    assert parts.validation.frauds == 40


def test_shares_are_of_all_rows_of_the_train_channel() -> None:
    parts = parts_of(some_rows(), validation_fraction=0.3, test_fraction=0.2)

    assert parts.test is not None
    assert (len(parts.training), len(parts.validation), len(parts.test)) == (500, 300, 200)


def test_every_row_is_in_exactly_one_part() -> None:
    parts = parts_of(some_rows(), test_fraction=0.2)

    found = [numbers(part) for part in (parts.training, parts.validation, parts.test)]
    assert sum(map(len, found)) == 1_000
    assert set().union(*found) == set(range(1_000))


def test_channels_of_their_own_leave_the_train_channel_whole() -> None:
    validation, test = some_rows(100, start=5_000), some_rows(100, start=6_000)

    parts = parts_of(some_rows(), validation, test)

    assert (len(parts.training), parts.validation, parts.test) == (1_000, validation, test)


def test_a_test_channel_wins_over_a_test_fraction() -> None:
    test = some_rows(100, start=6_000)

    parts = parts_of(some_rows(), test=test, test_fraction=0.4, validation_fraction=0.25)

    assert (len(parts.training), len(parts.validation), parts.test) == (750, 250, test)


def test_with_times_training_comes_before_validation_and_validation_before_test() -> None:
    parts = parts_of(some_rows(times=True), test_fraction=0.2)

    assert max(numbers(parts.training)) < min(numbers(parts.validation))
    assert max(numbers(parts.validation)) < min(numbers(parts.test))
    assert len(numbers(parts.test)) == 200


def test_another_seed_holds_out_other_rows() -> None:
    assert numbers(parts_of(some_rows(), seed=1).validation) != numbers(parts_of(some_rows(), seed=2).validation)


@pytest.mark.parametrize("name", ["validation", "test"])
def test_rows_that_are_also_in_the_train_channel_are_warned_of(name: str, caplog: pytest.LogCaptureFixture) -> None:
    channels = {"validation": some_rows(100, start=5_000), name: some_rows(100, start=950)}

    parts_of(some_rows(), **channels)

    assert f"50 of 100 rows of the {name} channel are also in the train channel" in caplog.text


@pytest.mark.parametrize("frauds", [0, 100])
def test_a_validation_channel_of_one_class_is_refused(frauds: int) -> None:
    with pytest.raises(TableError, match=f"validation part has {frauds} frauds among 100 rows"):
        parts_of(some_rows(), some_rows(100, frauds=frauds, start=5_000))


def test_a_test_channel_of_one_class_is_taken() -> None:
    """Nothing is chosen by it; its figures that are not defined are null."""
    assert parts_of(some_rows(), test=some_rows(10, frauds=0, start=5_000)).test is not None


def test_a_card_is_in_one_part() -> None:
    rows = replace(some_rows(times=True), cards=np.random.default_rng(0).integers(1, 300, 1_000).astype(np.uint64))

    parts = parts_of(rows, split="grouped", card_column="card", time_column="when", test_fraction=0.2)

    found = [set(part.cards.tolist()) for part in (parts.training, parts.validation, parts.test) if part is not None]
    assert sum(map(len, found)) == len(set().union(*found))
    assert len(parts.validation) == pytest.approx(200, abs=40)


def test_rows_to_cross_validate_are_those_of_the_train_channel_that_are_not_for_testing() -> None:
    parts = parts_of(some_rows(), test_fraction=0.2)

    assert numbers(parts.cross_validated()) == numbers(parts.training) | numbers(parts.validation)


def test_rows_of_a_validation_channel_are_not_cross_validated() -> None:
    parts = parts_of(some_rows(), some_rows(100, start=5_000))

    assert numbers(parts.cross_validated()) == numbers(parts.training)
