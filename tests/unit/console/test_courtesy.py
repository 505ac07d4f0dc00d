"""Work in the background rests while transactions come in, and only then."""

from __future__ import annotations

import pytest

from fraud_detect.console.courtesy import RECENT_SECONDS, REST, THINGS_BETWEEN, Courtesy


class Clocks:
    """The time, and what a thread has worked: a thousandth of a second for each thing."""

    def __init__(self) -> None:
        self.now, self.worked = 100.0, 0.0

    def rested(self, courtesy: Courtesy, things: int) -> list[float]:
        """Return the rests among so many things."""
        rests: list[float] = []
        for _ in courtesy.among(range(things), rests.append):
            self.worked += 0.001
        return rests


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def courtesy(clocks: Clocks) -> Courtesy:
    return Courtesy(lambda: clocks.now, lambda: clocks.worked)


def test_nothing_rests_where_no_transaction_comes(courtesy: Courtesy, clocks: Clocks) -> None:
    assert clocks.rested(courtesy, 10 * THINGS_BETWEEN) == []


def test_a_rest_is_a_multiple_of_what_was_worked_since_the_last_one(courtesy: Courtesy, clocks: Clocks) -> None:
    courtesy.came()

    assert clocks.rested(courtesy, 3 * THINGS_BETWEEN + 1) == pytest.approx([REST * THINGS_BETWEEN * 0.001] * 3)


def test_a_while_after_the_last_transaction_nothing_rests_any_more(courtesy: Courtesy, clocks: Clocks) -> None:
    courtesy.came()
    clocks.now += RECENT_SECONDS

    assert clocks.rested(courtesy, 10 * THINGS_BETWEEN) == []


def test_all_things_are_given_in_their_order(courtesy: Courtesy) -> None:
    courtesy.came()

    assert list(courtesy.among(range(2 * THINGS_BETWEEN), lambda _: None)) == list(range(2 * THINGS_BETWEEN))
