"""Calls in the database: opened, joined, codes entered, ended; every attempt with its line in the audit log.

Whoever writes holds the row of the customer's secret first, so that what happens to one customer's calls happens in
some order: two right codes at once cannot both count, and six wrong ones at once are no more tries than five.

Knows the tables, the states of a call, the audit log. Never knows Flask.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fraud_detect.console import audit
from fraud_detect.console.calls import codes, enrolment, states
from fraud_detect.console.calls.codes import Outcome, Side
from fraud_detect.console.calls.people import Person, Seat
from fraud_detect.console.calls.states import Call, Proof, State
from fraud_detect.console.keys import Sealed, fingerprint
from fraud_detect.console.storage.tables import Call as Row
from fraud_detect.console.storage.tables import CustomerSecret, LoginSession
from fraud_detect.errors import UserError

TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
MOST_LISTED = 50


class CallError(UserError):
    """A call cannot be opened."""


@dataclass(frozen=True)
class Keys:
    """What opens the customers' secrets, and the bank's own part in the codes."""

    sealed: Sealed
    banks: bytes


def call_of(row: Row) -> Call:
    """Return what a row says, as the states know it."""
    return Call(
        token=row.token,
        agent=Seat(row.agent_session_id, row.agent_key_hash),
        opened_at=row.opened_at,
        state=State(row.state),
        customer=_customers_seat(row),
        joined_at=row.joined_at,
        banks_proof=Proof(row.bank_tries, row.bank_last_step, row.bank_verified_at),
        customers_proof=Proof(row.customer_tries, row.customer_last_step, row.customer_verified_at),
        ended_at=row.ended_at,
    )


def _customers_seat(row: Row) -> Seat | None:
    if row.customer_session_id is None or row.customer_key_hash is None:
        return None
    return Seat(row.customer_session_id, row.customer_key_hash)


def _keep(row: Row, call: Call) -> None:
    row.state, row.ended_at, row.joined_at = call.state, call.ended_at, call.joined_at
    if call.customer is not None:
        row.customer_session_id, row.customer_key_hash = call.customer.session_id, call.customer.key_hash
    bank, customer = call.banks_proof, call.customers_proof
    row.bank_tries, row.bank_last_step, row.bank_verified_at = bank.tries, bank.last_step, bank.at
    row.customer_tries, row.customer_last_step, row.customer_verified_at = (
        customer.tries,
        customer.last_step,
        customer.at,
    )


def opened(rows: Session, customer: str, *, case_id: int | None, agent: Person, key: str, now: datetime) -> str:
    """Open a call for the browser that gets `key`, and return its token; one that the agent has with her ends.

    Raises
    ------
    CallError
        If the customer has no authenticator or a locked one, or another agent has a call open.
    """
    _check_authenticator(enrolment.held(rows, customer), customer, now)
    for row in _going_on(rows, customer, now):
        if row.agent_id != agent.user_id:
            raise _taken(row)
        _hang_up(rows, row, agent, now)
    made = Row(
        token=secrets.token_urlsafe(TOKEN_BYTES),
        case_id=case_id,
        customer=customer,
        agent_id=agent.user_id,
        agent_session_id=agent.session_id,
        agent_key_hash=fingerprint(key),
        state=State.OPEN,
        opened_at=now,
    )
    rows.add(made)
    rows.flush()
    _note(rows, made, agent.name, "call opened", now, case=case_id, customer=customer)
    return made.token


def _check_authenticator(secret: CustomerSecret | None, customer: str, now: datetime) -> None:
    if secret is None or secret.confirmed_at is None:
        raise CallError(
            f"The customer '{customer}' has set up no authenticator",
            expected="one, without which neither side can prove itself",
            remedy="Let the customer log in and open Authenticator; until then trust nobody's word on the phone.",
        )
    if enrolment.locked(secret, now):
        until = None if secret.failures >= enrolment.MOST_FAILURES else secret.locked_until
        raise CallError(
            f"The authenticator of the customer '{customer}' is locked after too many wrong codes",
            expected="one that is not",
            remedy=f"Wait until {_clock(until)}, or let an administrator reset it.",
        )


def _taken(row: Row) -> CallError:
    return CallError(
        f"The customer '{row.customer}' has a call open with another agent",
        expected="one call at a time",
        remedy=f"Wait until it ends, at {_clock(states.expires_at(call_of(row)))} if nothing happens in it.",
    )


def _clock(when: datetime | None) -> str:
    return "an administrator resets it" if when is None else f"{when:%H:%M} UTC"


def _going_on(rows: Session, customer: str, now: datetime) -> Sequence[Row]:
    """Return the customer's calls that go on; those whose time is up are kept as expired."""
    theirs = select(Row).where(Row.customer == customer, Row.state.in_(states.GOING_ON))
    found = rows.scalars(theirs.execution_options(populate_existing=True)).all()
    return [row for row in found if _seen(rows, row, now).goes_on]


def seen(rows: Session, row: Row, now: datetime) -> Call:
    """Return a call as it is at `now`: over if its time is up, or if the log-in of one end was ended."""
    call, left_at = call_of(row), _left_at(rows, row) if row.state in states.GOING_ON else None
    return states.seen_at(call if left_at is None else states.ended(call, now=left_at), now)


def _left_at(rows: Session, row: Row) -> datetime | None:
    """Return when the first of both ends logged out, or was logged out."""
    both = LoginSession.id.in_([row.agent_session_id, row.customer_session_id])
    left: datetime | None = rows.scalar(select(func.min(LoginSession.ended_at)).where(both))
    return left


def _seen(rows: Session, row: Row, now: datetime) -> Call:
    """Return the same, and keep it if it is over by itself."""
    call = seen(rows, row, now)
    if call.state != row.state:
        _keep(row, call)
        _note(rows, row, "", f"call {call.state}", now)
    return call


def held(rows: Session, token: str) -> tuple[Row, CustomerSecret] | None:
    """Return a call and its customer's secret, which keeps other writers from both; None if there is none."""
    seen = found(rows, token)
    secret = None if seen is None else enrolment.held(rows, seen.customer)
    if seen is None or secret is None:
        return None
    rows.refresh(seen)  # it may have changed while this waited
    return seen, secret


def joined(rows: Session, token: str, code: str, *, person: Person, key: str, keys: Keys, now: datetime) -> Outcome:
    """Let the customer's browser into the call if `code` is one of the customer's app."""
    both = held(rows, token)
    if both is None:
        return Outcome.FOREIGN
    row, secret = both
    if row.customer != person.customer:
        _note(rows, row, person.name, "call joined", now, outcome=Outcome.FOREIGN)
        return Outcome.FOREIGN
    call, outcome = _seen(rows, row, now), Outcome.UNEXPECTED
    if call.state is State.OPEN:
        outcome = enrolment.checked(secret, code, sealed=keys.sealed, now=now)
    if outcome is Outcome.RIGHT:
        _keep(row, states.joined(call, person.seat(key), now=now))
    _note(rows, row, person.name, "call joined", now, outcome=outcome, failures=secret.failures)
    return outcome


def secrets_of(row: Row, secret: CustomerSecret, keys: Keys) -> Mapping[Side, str]:
    """Return the secrets of the codes of both sides."""
    customers = enrolment.opened_secret(keys.sealed, secret.secret)
    return {side: codes.secret_of(row.token, side, customers=customers, banks=keys.banks) for side in Side}


def looked_up_secrets(rows: Session, row: Row, keys: Keys) -> Mapping[Side, str]:
    """Return the secrets of the codes of both sides, to show one; none if the authenticator was reset."""
    secret = enrolment.found(rows, row.customer)
    return {} if secret is None or secret.secret is None else secrets_of(row, secret, keys)


def entered(
    rows: Session, token: str, side: Side, code: str, *, person: Person, key: str, keys: Keys, now: datetime
) -> Outcome:
    """Take `code` as the one by which `side` proves itself; the customer is locked for a while with the call."""
    both = held(rows, token)
    if both is None:
        return Outcome.FOREIGN
    row, secret = both
    call, outcome = states.entered(
        _seen(rows, row, now),
        side,
        code,
        seat=person.seat(key),
        secrets=secrets_of(row, secret, keys),
        now=now,
    )
    _keep(row, call)
    tries = states.proof_of(call, side).tries
    _note(rows, row, person.name, "call code", now, side=side, outcome=outcome, tries=tries)
    if outcome is Outcome.LOCKED:
        secret.locked_until = max(secret.locked_until or now, now + enrolment.LOCKS[0])
    return outcome


def ended(rows: Session, token: str, *, person: Person, now: datetime) -> bool:
    """End a call of the agent's or the customer's, from any browser of theirs; return whether it is theirs."""
    both = held(rows, token)
    if both is None:
        return False
    row = both[0]
    if person.user_id != row.agent_id and person.customer != row.customer:
        return False
    if _seen(rows, row, now).goes_on:
        _hang_up(rows, row, person, now)
    return True


def reset(rows: Session, customer: str, *, by: Person, now: datetime) -> bool:
    """Take the customer's authenticator away and end the calls that rest on it; return whether there was one."""
    enrolment.held(rows, customer)
    for row in _going_on(rows, customer, now):
        _hang_up(rows, row, by, now)
    return enrolment.reset(rows, customer, by=by, now=now)


def _hang_up(rows: Session, row: Row, person: Person, now: datetime) -> None:
    _keep(row, states.ended(call_of(row), now=now))
    _note(rows, row, person.name, "call ended", now)


def of_agent(rows: Session, user_id: int) -> Sequence[Row]:
    """Return an agent's calls, newest first."""
    return rows.scalars(select(Row).where(Row.agent_id == user_id).order_by(Row.id.desc()).limit(MOST_LISTED)).all()


def of_customer(rows: Session, customer: str) -> Sequence[Row]:
    """Return a customer's calls, newest first."""
    return rows.scalars(select(Row).where(Row.customer == customer).order_by(Row.id.desc()).limit(MOST_LISTED)).all()


def found(rows: Session, token: str) -> Row | None:
    """Return a call, to look at; None if there is none."""
    if not _TOKEN.fullmatch(token):  # PostgreSQL takes not every text
        return None
    return rows.scalars(select(Row).where(Row.token == token)).first()


def _note(rows: Session, row: Row, actor: str, action: str, now: datetime, **detail: object) -> None:
    audit.append(rows, actor=actor, action=action, subject=f"call {row.id}", now=now, detail=detail)
