"""The states of a call: every way through it and every way off it, at exact times."""

from __future__ import annotations

from datetime import timedelta

import pytest

from call_factories import (
    AGENT,
    CUSTOMER,
    SECRETS,
    STEP,
    STRANGER,
    a_call,
    a_call_that_knows_the_bank,
    a_joined_call,
    a_verified_call,
    code,
    enter,
    wrong_code,
)
from console_factories import NOON
from fraud_detect.console.calls import states
from fraud_detect.console.calls.codes import Outcome, Side
from fraud_detect.console.calls.people import Seat
from fraud_detect.console.calls.states import Call, State

MADE = {
    "open": a_call,
    "joined": a_joined_call,
    "bank verified": a_call_that_knows_the_bank,
    "verified": a_verified_call,
}
WRONG = wrong_code(*(code(side, NOON + STEP * steps) for side in Side for steps in range(-12, 3)))
TICK = timedelta(seconds=1)


def test_both_sides_prove_themselves_one_after_the_other() -> None:
    assert [make().state for make in MADE.values()] == list(MADE)


@pytest.mark.parametrize(
    ("state", "shown_to_agent", "shown_to_customer"),
    [("open", 0, 0), ("joined", 1, 0), ("bank verified", 0, 1), ("verified", 0, 0)],
)
def test_each_code_is_shown_at_its_turn_to_its_own_side(
    state: str, shown_to_agent: int, shown_to_customer: int
) -> None:
    seats = (AGENT, CUSTOMER, STRANGER)
    shown = [states.shown(MADE[state](), seat, SECRETS, now=NOON) is not None for seat in seats]
    assert shown == [shown_to_agent, shown_to_customer, False]


@pytest.mark.parametrize("seat", [Seat(1, "other"), Seat(9, "agent's key"), CUSTOMER])
def test_a_code_is_shown_to_nobody_with_another_log_in_or_another_key(seat: Seat) -> None:
    assert states.shown(a_joined_call(), seat, SECRETS, now=NOON) is None


def test_the_code_that_is_shown_is_right_and_says_for_how_long() -> None:
    shown = states.shown(a_joined_call(), AGENT, SECRETS, now=NOON + 7 * TICK)
    assert shown is not None
    assert (shown.code, shown.seconds_left) == (code(Side.BANK), 23)


@pytest.mark.parametrize(
    ("seconds_later", "outcome"),
    [
        (0, Outcome.RIGHT),
        (29, Outcome.RIGHT),
        (30, Outcome.RIGHT),
        (59, Outcome.RIGHT),
        (60, Outcome.LATE),
        (329, Outcome.LATE),
        (360, Outcome.WRONG),
    ],
)
def test_a_code_counts_until_the_end_of_the_step_after_its_own(seconds_later: int, outcome: Outcome) -> None:
    assert enter(a_joined_call(), Side.BANK, code(Side.BANK), now=NOON + seconds_later * TICK)[1] is outcome


@pytest.mark.parametrize(("steps", "outcome"), [(1, Outcome.RIGHT), (2, Outcome.WRONG)])
def test_a_clock_that_is_one_step_ahead_is_borne_with(steps: int, outcome: Outcome) -> None:
    assert enter(a_joined_call(), Side.BANK, code(Side.BANK, NOON + steps * STEP))[1] is outcome


@pytest.mark.parametrize("side", list(Side))
def test_the_code_of_the_other_side_is_wrong(side: Side) -> None:
    call = a_joined_call() if side is Side.BANK else a_call_that_knows_the_bank()
    other = Side.CUSTOMER if side is Side.BANK else Side.BANK
    assert enter(call, side, code(other))[1] is Outcome.WRONG


@pytest.mark.parametrize("seat", [AGENT, STRANGER, Seat(2, "other"), Seat(9, "customer's key")])
def test_only_the_customers_browser_enters_the_banks_code(seat: Seat) -> None:
    call = a_joined_call()
    assert enter(call, Side.BANK, code(Side.BANK), seat=seat) == (call, Outcome.FOREIGN)


@pytest.mark.parametrize("seat", [CUSTOMER, STRANGER, Seat(1, "other"), Seat(9, "agent's key")])
def test_only_the_agents_browser_enters_the_customers_code(seat: Seat) -> None:
    call = a_call_that_knows_the_bank()
    assert enter(call, Side.CUSTOMER, code(Side.CUSTOMER), seat=seat) == (call, Outcome.FOREIGN)


def test_nobody_enters_a_code_before_somebody_joined() -> None:
    assert enter(a_call(), Side.BANK, code(Side.BANK))[1] is Outcome.FOREIGN


@pytest.mark.parametrize("state", ["open", "joined", "verified"])
def test_the_customers_code_is_not_taken_out_of_turn(state: str) -> None:
    call = MADE[state]()
    assert enter(call, Side.CUSTOMER, code(Side.CUSTOMER)) == (call, Outcome.UNEXPECTED)


@pytest.mark.parametrize("state", ["bank verified", "verified"])
def test_the_banks_code_is_taken_once(state: str) -> None:
    call = MADE[state]()
    assert enter(call, Side.BANK, code(Side.BANK)) == (call, Outcome.UNEXPECTED)


@pytest.mark.parametrize("side", list(Side))
def test_the_fifth_wrong_code_locks_the_call(side: Side) -> None:
    call = a_joined_call() if side is Side.BANK else a_call_that_knows_the_bank()
    outcomes = []
    for _ in range(6):
        call, outcome = enter(call, side, WRONG)
        outcomes.append(outcome)
    assert outcomes == [Outcome.WRONG] * 4 + [Outcome.LOCKED, Outcome.UNEXPECTED]
    assert (call.state, states.proof_of(call, side).tries, call.ended_at) == (State.LOCKED, 5, NOON)


def test_the_right_code_comes_too_late_for_a_locked_call() -> None:
    call = a_joined_call()
    for _ in range(5):
        call, _ = enter(call, Side.BANK, WRONG)
    assert enter(call, Side.BANK, code(Side.BANK)) == (call, Outcome.UNEXPECTED)


def test_each_side_has_its_own_tries() -> None:
    call = a_joined_call()
    for _ in range(4):
        call, _ = enter(call, Side.BANK, WRONG)
    call, _ = enter(call, Side.BANK, code(Side.BANK))
    assert (call.state, call.tries_left) == (State.BANK_VERIFIED, 5)


@pytest.mark.parametrize(("state", "minutes"), [("open", 10), ("joined", 10), ("bank verified", 10), ("verified", 60)])
def test_a_call_in_which_nothing_happens_expires_to_the_second(state: str, minutes: int) -> None:
    call, end = MADE[state](), NOON + timedelta(minutes=minutes)
    assert (states.seen_at(call, end - TICK).state, states.seen_at(call, end).state) == (state, State.EXPIRED)
    assert states.seen_at(call, end + STEP).ended_at == end


def test_every_step_gives_the_next_one_ten_minutes() -> None:
    late = NOON + timedelta(minutes=9)
    call = states.joined(a_call(), CUSTOMER, now=late)
    call, outcome = enter(call, Side.BANK, code(Side.BANK, late), now=late)
    assert (outcome, states.expires_at(call)) == (Outcome.RIGHT, late + timedelta(minutes=10))


def test_nothing_is_taken_or_shown_in_an_expired_call() -> None:
    end = NOON + timedelta(minutes=10)
    call, outcome = enter(a_joined_call(), Side.BANK, code(Side.BANK, end), now=end)
    assert (call.state, outcome) == (State.EXPIRED, Outcome.UNEXPECTED)
    assert states.shown(a_joined_call(), AGENT, SECRETS, now=end) is None


@pytest.mark.parametrize("state", list(MADE))
def test_either_side_ends_a_call_that_goes_on(state: str) -> None:
    call = states.ended(MADE[state](), now=NOON + TICK)
    assert (call.state, call.ended_at, call.goes_on) == (State.ENDED, NOON + TICK, False)


def test_ending_what_is_over_changes_nothing() -> None:
    over = states.ended(a_call(), now=NOON)
    assert states.ended(over, now=NOON + TICK) == over


@pytest.mark.parametrize("make", [a_joined_call, a_call_that_knows_the_bank, lambda: states.ended(a_call(), now=NOON)])
def test_nobody_joins_twice_or_joins_what_is_over(make: object) -> None:
    call = make()  # type: ignore[operator]
    assert states.joined(call, STRANGER, now=NOON) == call


def test_nobody_joins_an_expired_call() -> None:
    assert states.joined(a_call(), CUSTOMER, now=NOON + timedelta(minutes=10)).customer is None


@pytest.mark.parametrize("state", ["open", "verified"])
def test_a_state_that_waits_for_no_code_has_no_tries(state: str) -> None:
    call: Call = MADE[state]()
    assert call.tries_left == 0
