"""Which days are computed, given what is there."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fraud_detect.errors import TableError
from fraud_detect.features.checks import DayRows
from fraud_detect.features.incremental import Basis, Plan, State, parse, plan

BASIS = Basis("an engine 1.0", "some features", {"TX_AMOUNT": "DOUBLE"})
HORIZON = 3


def a_day(day: int, fingerprint: str = "same", until: int | None = None) -> DayRows:
    return DayRows(day, 10, fingerprint, day + HORIZON if until is None else until)


def days(first: int, end: int) -> list[DayRows]:
    return [a_day(day) for day in range(first, end)]


def a_plan(found: Sequence[DayRows], before: Sequence[DayRows] | None, present: range = range(100)) -> Plan:
    state = None if before is None else State(BASIS, {each.day: each for each in before}, dict.fromkeys(range(100), 1))
    return plan(found, BASIS, state, dict.fromkeys(present, 1))


def test_without_a_state_every_day_is_computed() -> None:
    assert a_plan(days(0, 5), None) == Plan([0, 1, 2, 3, 4], (), {})


def test_what_is_there_and_unchanged_stays() -> None:
    made = a_plan(days(0, 5), days(0, 5))
    assert (made.compute, made.remove, sorted(made.keep)) == ([], [], [0, 1, 2, 3, 4])


def test_a_new_day_alone_is_computed() -> None:
    assert a_plan(days(0, 6), days(0, 5)).compute == [5]


def test_a_changed_day_changes_the_days_of_its_horizon() -> None:
    found = [*days(0, 4), a_day(4, "changed"), *days(5, 12)]
    assert a_plan(found, days(0, 12)).compute == [4, 5, 6, 7]


def test_a_day_that_comes_late_changes_the_days_of_its_horizon() -> None:
    before = [*days(0, 4), *days(5, 12)]
    assert a_plan(days(0, 12), before).compute == [4, 5, 6, 7]


def test_a_day_without_transactions_any_more_is_removed_and_changes_the_days_of_its_horizon() -> None:
    found = [*days(0, 4), *days(5, 12)]
    made = a_plan(found, days(0, 12))
    assert (made.compute, made.remove) == ([5, 6, 7], [4])
    assert 4 not in made.keep


@pytest.mark.parametrize(("old", "new"), [(9, 6), (6, 9)])
def test_a_label_moved_in_time_changes_the_days_that_it_reached_or_reaches(old: int, new: int) -> None:
    before = [a_day(0), a_day(1, "old", until=old), *days(2, 12)]
    found = [a_day(0), a_day(1, "new", until=new), *days(2, 12)]
    assert a_plan(found, before).compute == list(range(1, 10))


def test_a_missing_file_is_made_again_and_nothing_else() -> None:
    made = plan(
        days(0, 5),
        BASIS,
        State(BASIS, {each.day: each for each in days(0, 5)}, dict.fromkeys(range(5), 1)),
        dict.fromkeys((0, 1, 3, 4), 1),
    )
    assert made.compute == [2]


def test_another_basis_computes_everything() -> None:
    state = State(
        Basis("an engine 1.1", BASIS.features, BASIS.columns),
        {each.day: each for each in days(0, 5)},
        dict.fromkeys(range(5), 1),
    )
    assert plan(days(0, 5), BASIS, state, dict.fromkeys(range(5), 1)) == Plan([0, 1, 2, 3, 4], (), {})


def test_days_before_the_input_stay() -> None:
    made = a_plan(days(5, 11), days(0, 10))
    assert (made.compute, sorted(made.keep)) == ([10], list(range(10)))


def test_the_first_day_whose_history_is_all_given_can_be_computed() -> None:
    found = [*days(5, 9), a_day(9, "changed")]
    assert a_plan(found, days(0, 10)).compute == [9]
    found = [*days(5, 8), a_day(8, "changed"), a_day(9)]
    with pytest.raises(TableError, match=r"1970-01-09 need transactions since 1970-01-06.*begins on 1970-01-07"):
        a_plan(found[1:], days(0, 10))


def test_history_that_a_late_label_brings_is_needed_too() -> None:
    before = [a_day(0, until=50), *days(1, 10)]
    with pytest.raises(TableError, match="need transactions since 1970-01-01"):
        a_plan([*days(5, 10), a_day(10)], before)


def test_a_state_comes_back_from_its_text() -> None:
    state = State(
        BASIS,
        {each.day: each for each in (*days(-2, 2), a_day(2_932_896, until=2_932_896))},
        dict.fromkeys((-2, -1, 0, 1, 2_932_896), 7),
    )
    assert parse(state.as_json()) == state


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "1",
        "null",
        '{"format": 1}',
        State(BASIS, {0: a_day(0)}, {0: 1}).as_json().replace('"format": 1', '"format": 2'),
        State(BASIS, {0: a_day(0)}, {0: 1}).as_json().replace("1970-01-01", "1970-13-01"),
        State(BASIS, {0: a_day(0)}, {0: 1}).as_json().replace("engine", "motor"),
        '{"format": 1, "basis": [], "days": []}',
    ],
)
def test_a_text_that_is_no_state_is_none(text: str | None) -> None:
    assert parse(text) is None
