"""A call as a machine of states: who joined, who has proven what, and when it is over. Time is passed in.

    open -> joined -> bank verified -> verified        each step within ten minutes of the one before
      any of these -> ended                            by either side
      any of these -> expired                          when its time is up
      joined, bank verified -> locked                  by the fifth code that was not right

Knows codes. Never knows the database, Flask, whose names belong to sessions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from fraud_detect.console.calls import codes
from fraud_detect.console.calls.codes import Outcome, Shown, Side
from fraud_detect.console.calls.people import Seat

MOST_TRIES = 5
NEXT_STEP_WITHIN = timedelta(minutes=10)
LONGEST_TALK = timedelta(minutes=60)
"""How long a call counts as verified."""


class State(StrEnum):
    """How far a call is."""

    OPEN = "open"
    JOINED = "joined"
    BANK_VERIFIED = "bank verified"
    VERIFIED = "verified"
    ENDED = "ended"
    EXPIRED = "expired"
    LOCKED = "locked"


GOING_ON = (State.OPEN, State.JOINED, State.BANK_VERIFIED, State.VERIFIED)


@dataclass(frozen=True)
class Proof:
    """How far one side has shown who it is: codes that were not right, and the step and time of the one that was."""

    tries: int = 0
    last_step: int | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class Call:
    """A call between the agent's browser and, once joined, the customer's."""

    token: str
    agent: Seat
    opened_at: datetime
    state: State = State.OPEN
    customer: Seat | None = None
    joined_at: datetime | None = None
    banks_proof: Proof = Proof()
    customers_proof: Proof = Proof()
    ended_at: datetime | None = None

    @property
    def goes_on(self) -> bool:
        """Whether anything can still happen."""
        return self.state in GOING_ON

    @property
    def tries_left(self) -> int:
        """How many codes that are not right the side that is to prove itself now still has."""
        turn = TURNS.get(self.state)
        return 0 if turn is None else MOST_TRIES - proof_of(self, turn.side).tries


@dataclass(frozen=True)
class Turn:
    """Whose code a state waits for, and the state after it."""

    side: Side
    after: State


TURNS: Mapping[State, Turn] = {
    State.JOINED: Turn(Side.BANK, State.BANK_VERIFIED),
    State.BANK_VERIFIED: Turn(Side.CUSTOMER, State.VERIFIED),
}
"""The bank comes first: who asks for the customer's code before giving the bank's is not the bank."""


def proof_of(call: Call, side: Side) -> Proof:
    """Return how far `side` has shown who it is."""
    return call.banks_proof if side is Side.BANK else call.customers_proof


def shows(call: Call, side: Side) -> Seat | None:
    """Return who is shown the codes of `side`."""
    return call.agent if side is Side.BANK else call.customer


def enters(call: Call, side: Side) -> Seat | None:
    """Return who enters the codes of `side`: the one opposite."""
    return call.customer if side is Side.BANK else call.agent


def expires_at(call: Call) -> datetime:
    """Return when a call that goes on is over if nothing happens."""
    if call.customers_proof.at is not None:
        return call.customers_proof.at + LONGEST_TALK
    return (call.banks_proof.at or call.joined_at or call.opened_at) + NEXT_STEP_WITHIN


def seen_at(call: Call, now: datetime) -> Call:
    """Return the call as it is at `now`: expired if its time is up."""
    if call.goes_on and now >= expires_at(call):
        return replace(call, state=State.EXPIRED, ended_at=expires_at(call))
    return call


def joined(call: Call, seat: Seat, *, now: datetime) -> Call:
    """Return the call with the customer's browser in it, or as it is if it waits for none."""
    call = seen_at(call, now)
    if call.state is not State.OPEN:
        return call
    return replace(call, state=State.JOINED, customer=seat, joined_at=now)


def ended(call: Call, *, now: datetime) -> Call:
    """Return the call after one side hung up."""
    call = seen_at(call, now)
    return replace(call, state=State.ENDED, ended_at=now) if call.goes_on else call


def shown(call: Call, seat: Seat, secrets: Mapping[Side, str], *, now: datetime) -> Shown | None:
    """Return the code that the page of `seat` shows now; None where it is not its turn, or not its call."""
    turn = TURNS.get(seen_at(call, now).state)
    if turn is None or shows(call, turn.side) != seat:
        return None
    return codes.shown(secrets[turn.side], now=now)


def entered(
    call: Call, side: Side, code: str, *, seat: Seat, secrets: Mapping[Side, str], now: datetime
) -> tuple[Call, Outcome]:
    """Return the call after `seat` entered `code` as the one of `side`, and what came of it."""
    call = seen_at(call, now)
    if enters(call, side) != seat:
        return call, Outcome.FOREIGN
    turn = TURNS.get(call.state)
    if turn is None or turn.side is not side:
        return call, Outcome.UNEXPECTED
    proof = proof_of(call, side)
    outcome, step = codes.judged(secrets[side], code, now=now, last_step=proof.last_step)
    if outcome is Outcome.RIGHT:
        done = replace(proof, last_step=step, at=now)
        return _with_proof(replace(call, state=turn.after), side, done), Outcome.RIGHT
    return _after_a_miss(call, side, outcome, now)


def _after_a_miss(call: Call, side: Side, outcome: Outcome, now: datetime) -> tuple[Call, Outcome]:
    proof = proof_of(call, side)
    call = _with_proof(call, side, replace(proof, tries=proof.tries + 1))
    if proof.tries + 1 < MOST_TRIES:
        return call, outcome
    return replace(call, state=State.LOCKED, ended_at=now), Outcome.LOCKED


def _with_proof(call: Call, side: Side, proof: Proof) -> Call:
    return replace(call, banks_proof=proof) if side is Side.BANK else replace(call, customers_proof=proof)
