"""Authenticator apps of customers: set up, asked for a code, taken away.

A secret that is being set up counts for nothing until a code of it is entered, so the one before holds until then. It
is shown to the one browser that gave the password (and a code of the one before), lest a stolen session copies it.

Knows the table of customers' secrets, one-time codes, the audit log. Never knows calls, Flask.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from fraud_detect.console import audit, one_time_codes
from fraud_detect.console.calls import codes
from fraud_detect.console.calls.codes import Outcome
from fraud_detect.console.calls.people import Person, Seat
from fraud_detect.console.keys import Sealed
from fraud_detect.console.storage.tables import CustomerSecret
from fraud_detect.errors import UserError

TRIES = 5
LOCKS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4), timedelta(hours=24))
"""For how long after so many times five wrong codes in a row; the last for every five more."""
MOST_FAILURES = 100
"""NIST SP 800-63B: after so many in a row the authenticator is of no more use."""
FRESH = timedelta(hours=24)
"""Agents are told of an authenticator younger than this: it may be that of somebody who took over the account."""


class EnrolmentError(UserError):
    """A customer's authenticator cannot be used."""


def held(rows: Session, customer: str) -> CustomerSecret | None:
    """Return the customer's row, and keep other writers from it, and so from all calls of hers, until the end."""
    mine = select(CustomerSecret).where(CustomerSecret.customer == customer).with_for_update()
    return rows.scalars(mine.execution_options(populate_existing=True)).first()


def found(rows: Session, customer: str) -> CustomerSecret | None:
    """Return the customer's row, to look at."""
    return rows.scalars(select(CustomerSecret).where(CustomerSecret.customer == customer)).first()


def locked(row: CustomerSecret, now: datetime) -> bool:
    """Return whether no code is looked at."""
    return row.failures >= MOST_FAILURES or (row.locked_until is not None and now < row.locked_until)


def fresh(row: CustomerSecret, now: datetime) -> bool:
    """Return whether the authenticator was set up so lately that agents should know."""
    return row.confirmed_at is not None and now < row.confirmed_at + FRESH


def opened_secret(sealed: Sealed, secret: bytes | None) -> str:
    """Return a secret as it was before it was encrypted.

    Raises
    ------
    EnrolmentError
        If there is none, or another key encrypted it.
    """
    try:
        return sealed.open(secret or b"")
    except InvalidToken as error:
        raise EnrolmentError(
            "The customer's authenticator cannot be used",
            expected="one that is set up, under the console's present secret key",
            remedy="Let an administrator reset it, and set it up again.",
        ) from error


def permitted(
    rows: Session, customer: str, code: str | None, *, person: Person, sealed: Sealed, now: datetime
) -> str | None:
    """Return None if a new secret may be made: none counts yet, or `code` is one of it. Else what is wrong."""
    row = held(rows, customer)
    if row is None or row.secret is None:
        return None
    if code is None:
        return "no code"
    outcome = checked(row, code, sealed=sealed, now=now)
    _note(rows, person.name, "authenticator replaced", customer, now, outcome=outcome, failures=row.failures)
    return None if outcome is Outcome.RIGHT else outcome


def begun(rows: Session, customer: str, *, person: Person, key: str, sealed: Sealed, now: datetime) -> None:
    """Make a new secret, which the browser that gets `key` sees until a code of it is entered."""
    row = held(rows, customer) or _made(rows, customer)
    row.pending_secret = sealed.seal(one_time_codes.new_secret())
    row.pending_session_id, row.pending_key_hash = person.session_id, person.seat(key).key_hash
    _note(rows, person.name, "authenticator begun", customer, now)


def refused(rows: Session, customer: str, *, person: Person, now: datetime) -> None:
    """Note that somebody who gave a wrong password asked for a new secret."""
    _note(rows, person.name, "authenticator refused", customer, now)


def _made(rows: Session, customer: str) -> CustomerSecret:
    row = CustomerSecret(customer=customer, failures=0)
    try:
        with rows.begin_nested():
            rows.add(row)
    except IntegrityError:  # made by another log-in since; `held` waits for that one
        found_now = held(rows, customer)
        if found_now is None:
            raise
        return found_now
    return row


def pending(row: CustomerSecret | None, *, seat: Seat, sealed: Sealed) -> str | None:
    """Return the secret that is being set up in this browser, if one is."""
    if row is None or row.pending_session_id is None or row.pending_key_hash is None:
        return None
    if seat != Seat(row.pending_session_id, row.pending_key_hash):
        return None
    return opened_secret(sealed, row.pending_secret)


def confirmed(
    rows: Session, customer: str, code: str, *, person: Person, key: str, sealed: Sealed, now: datetime
) -> Outcome:
    """Let the secret that is being set up count from now on, if `code` is one of it."""
    row = held(rows, customer)
    secret = pending(row, seat=person.seat(key), sealed=sealed)
    if row is None or secret is None:
        return Outcome.UNEXPECTED
    outcome, step = codes.judged(secret, code, now=now, last_step=None)
    _note(rows, person.name, "authenticator set up", customer, now, outcome=outcome)
    if outcome is Outcome.RIGHT:
        row.secret, row.confirmed_at, row.last_step = row.pending_secret, now, step
        row.pending_secret = row.pending_session_id = row.pending_key_hash = row.locked_until = None
        row.failures = 0
    return outcome


def checked(row: CustomerSecret, code: str, *, sealed: Sealed, now: datetime) -> Outcome:
    """Return whether `code` is one of the app's, for the first time; wrong ones are counted and lock.

    `row` has to be `held`. Nothing is noted here: the caller knows what the code was for.
    """
    if locked(row, now):
        return Outcome.LOCKED
    outcome, step = codes.judged(opened_secret(sealed, row.secret), code, now=now, last_step=row.last_step)
    if outcome is Outcome.RIGHT:
        row.failures, row.last_step, row.locked_until = 0, step, None
        return outcome
    row.failures += 1
    if row.failures % TRIES:
        return outcome
    row.locked_until = now + LOCKS[min(row.failures // TRIES, len(LOCKS)) - 1]
    return Outcome.LOCKED


def reset(rows: Session, customer: str, *, by: Person, now: datetime) -> bool:
    """Take the customer's authenticator away; return whether there was one."""
    there = held(rows, customer) is not None
    rows.execute(delete(CustomerSecret).where(CustomerSecret.customer == customer))
    _note(rows, by.name, "authenticator reset", customer, now, there=there)
    return there


def _note(rows: Session, actor: str, action: str, customer: str, now: datetime, **detail: object) -> None:
    audit.append(rows, actor=actor, action=action, subject=f"customer {customer}", now=now, detail=detail)
