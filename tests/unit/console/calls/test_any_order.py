"""Whatever two browsers, a stranger and the clock do in whatever order, nobody is verified who should not be."""

# ruff: noqa: D102 - the names of rules and invariants are sentences

from __future__ import annotations

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from call_factories import AGENT, CUSTOMER, SECRETS, STRANGER, a_call, code, wrong_code
from console_factories import NOON
from fraud_detect.console.calls import states
from fraud_detect.console.calls.codes import Outcome, Side
from fraud_detect.console.calls.states import State

SEATS = {"agent": AGENT, "customer": CUSTOMER, "stranger": STRANGER}
OPPOSITE = {Side.BANK: CUSTOMER, Side.CUSTOMER: AGENT}
ORDER = list(State)[:4]
GUESS = wrong_code()


class AnyOrder(RuleBasedStateMachine):
    """Does anything at any time; keeps what it saw itself, to hold the call against."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.call = NOON, a_call()
        self.misses = dict.fromkeys(Side, 0)
        self.right: list[Side] = []
        self.before = self.call

    @rule(seconds=st.sampled_from([1, 29, 30, 31, 60, 299, 600, 3600]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(who=st.sampled_from(["customer", "stranger"]))
    def join(self, who: str) -> None:
        if who == "stranger" and self.call.customer is None:
            return  # the app's code, which comes before, keeps strangers out
        self.call = states.joined(self.call, SEATS[who], now=self.now)

    @rule(
        side=st.sampled_from(Side), who=st.sampled_from(list(SEATS)), steps=st.integers(-3, 3), of=st.sampled_from(Side)
    )
    def enter(self, side: Side, who: str, steps: int, of: Side) -> None:
        given = code(of, self.now + steps * timedelta(seconds=30))
        self._enter(side, who, given, fits=of is side and abs(steps) <= 1)

    @rule(side=st.sampled_from(Side), who=st.sampled_from(list(SEATS)))
    def guess(self, side: Side, who: str) -> None:
        near = {code(side, self.now + steps * timedelta(seconds=30)) for steps in (-1, 0, 1)}
        self._enter(side, who, GUESS, fits=GUESS in near)

    def _enter(self, side: Side, who: str, given: str, *, fits: bool) -> None:
        before = states.seen_at(self.call, self.now)
        self.call, outcome = states.entered(self.call, side, given, seat=SEATS[who], secrets=SECRETS, now=self.now)
        expected = ORDER.index(State.JOINED if side is Side.BANK else State.BANK_VERIFIED)
        its_turn = SEATS[who] == OPPOSITE[side] and before.state is ORDER[expected]
        assert (outcome is Outcome.RIGHT) == (its_turn and fits)
        if outcome is Outcome.RIGHT:
            self.right.append(side)
        elif its_turn:
            self.misses[side] += 1

    @rule()
    def end(self) -> None:
        self.call = states.ended(self.call, now=self.now)

    @invariant()
    def who_is_verified_was_verified_in_this_order(self) -> None:
        proven = [side for side in Side if states.proof_of(self.call, side).at is not None]
        assert proven == self.right == list(Side)[: len(proven)]
        assert (self.call.state is State.VERIFIED) <= (len(proven) == 2)

    @invariant()
    def tries_are_counted_and_five_are_the_end(self) -> None:
        assert self.misses == {side: states.proof_of(self.call, side).tries for side in Side}
        assert (max(self.misses.values()) == 5) == (self.call.state is State.LOCKED)

    @invariant()
    def a_state_is_never_left_backwards(self) -> None:
        if not self.before.goes_on:
            assert self.call == self.before
        elif self.call.goes_on:
            assert ORDER.index(self.call.state) >= ORDER.index(self.before.state)
        self.before = self.call

    @invariant()
    def a_code_is_shown_to_its_own_side_only(self) -> None:
        shown = [who for who, seat in SEATS.items() if states.shown(self.call, seat, SECRETS, now=self.now)]
        state = states.seen_at(self.call, self.now).state
        assert shown == {State.JOINED: ["agent"], State.BANK_VERIFIED: ["customer"]}.get(state, [])


AnyOrder.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestAnyOrder = AnyOrder.TestCase
