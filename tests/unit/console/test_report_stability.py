"""The population stability index."""

from __future__ import annotations

import math

import pytest

from fraud_detect.console.report.stability import stability

EDGES = [0.0, 1.0, 2.0]


def test_the_index_is_that_of_the_definition() -> None:
    found = stability(EDGES, [8000, 2000], [500, 500])
    shares = [(0.8, 0.5), (0.2, 0.5)]
    assert found is not None
    assert found.index == pytest.approx(sum((b - a) * math.log(b / a) for a, b in shares), rel=0.01)


def test_equal_shares_have_none() -> None:
    found = stability(EDGES, [8000, 2000], [80000, 20000])
    assert found is not None
    assert found.index == pytest.approx(0, abs=1e-6)


def test_an_empty_group_has_a_finite_part() -> None:
    found = stability(EDGES, [500, 500], [1000, 0])
    assert found is not None
    assert math.isfinite(found.index)


def test_bins_are_put_together_to_tenths_of_the_rows() -> None:
    found = stability([float(edge) for edge in range(101)], [10] * 100, [10] * 100)
    assert found is not None
    assert len(found.groups) == 10


def test_what_is_left_at_the_end_joins_the_last_group() -> None:
    found = stability([0.0, 1.0, 2.0, 3.0], [500, 490, 10], [100, 100, 100])
    assert found is not None
    assert [(group.low, group.high) for group in found.groups] == [(0.0, 1.0), (1.0, 3.0)]


def test_all_of_training_in_one_bin_is_one_group() -> None:
    found = stability(EDGES, [1000, 0], [50, 50])
    assert found is not None
    assert (len(found.groups), found.index) == (1, 0.0)


@pytest.mark.parametrize(("expected", "found"), [([0, 0], [100, 100]), ([100, 100], [50, 49])])
def test_too_few_rows_have_no_index(expected: list[int], found: list[int]) -> None:
    assert stability(EDGES, expected, found) is None


def test_chance_makes_it_smaller_the_more_rows_there_are() -> None:
    few, many = (stability(EDGES, [500, 500], [cases, cases]) for cases in (100, 10_000))
    assert few is not None
    assert many is not None
    assert few.by_chance == pytest.approx(1 / 1000 + 1 / 200)
    assert many.by_chance < few.by_chance
