"""Many at once: one right code counts once, wrong ones are no more than five, one call is open."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

import console_factories
from call_factories import wrong_code
from console_factories import NOON, PASSWORD
from fraud_detect.console.accounts import sessions, users
from fraud_detect.console.calls import records, states
from fraud_detect.console.calls.codes import Outcome, Side
from fraud_detect.console.calls.people import Person
from fraud_detect.console.calls.records import CallError, Keys
from fraud_detect.console.keys import Sealed
from fraud_detect.console.one_time_codes import code_at, step_at
from fraud_detect.console.storage.database import Database
from fraud_detect.console.storage.tables import AuditEntry, CustomerSecret, LoginSession, Role

KEYS = Keys(Sealed(b"s" * 32), b"b" * 32)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
AT_ONCE = 12


class Line:
    """A database with an agent, another, and a customer whose app is set up."""

    def __init__(self, root: Path) -> None:
        (root / "console").mkdir()
        self.database = Database(console_factories.database_of(root))
        self.database.migrate()
        with self.database.writing() as rows:
            self.agents = [_a_person(rows, name, Role.AGENT) for name in ("ada", "bob")]
            self.customer = _a_person(rows, "eve", Role.CUSTOMER)
            rows.add(CustomerSecret(customer="eve", secret=KEYS.sealed.seal(SECRET), confirmed_at=NOON, failures=0))

    def open(self, agent: int = 0) -> str:
        """Open a call and return its token."""
        with self.database.writing() as rows:
            return records.opened(rows, "eve", case_id=None, agent=self.agents[agent], key="agent's", now=NOON)

    def join(self, token: str, code: str) -> Outcome:
        """Let the customer join by a code of the app."""
        with self.database.writing() as rows:
            return records.joined(rows, token, code, person=self.customer, key="customer's", keys=KEYS, now=NOON)

    def enter(self, token: str, code: str) -> Outcome:
        """Let the customer enter `code` as the bank's."""
        with self.database.writing() as rows:
            return records.entered(
                rows, token, Side.BANK, code, person=self.customer, key="customer's", keys=KEYS, now=NOON
            )

    def banks_code(self, token: str) -> str:
        """Return what the agent's page shows."""
        with self.database.reading() as rows:
            row = records.found(rows, token)
            assert row is not None
            secrets_of = records.looked_up_secrets(rows, row, KEYS)
        shown = states.shown(records.call_of(row), self.agents[0].seat("agent's"), secrets_of, now=NOON)
        assert shown is not None
        return shown.code

    def attempts(self, action: str) -> Counter[str]:
        """Return how often each outcome of `action` is in the audit log."""
        with self.database.reading() as rows:
            lines = rows.scalars(select(AuditEntry.detail).where(AuditEntry.action == action))
            return Counter(json.loads(line)["outcome"] for line in lines)


def _a_person(rows: Session, name: str, role: Role, now: datetime = NOON) -> Person:
    customer = name if role is Role.CUSTOMER else None
    user = users.created(rows, name=name, password=PASSWORD, role=role, now=now, by="test", customer=customer)
    sessions.opened(rows, user, now=now, address="", browser="")
    rows.flush()
    login = rows.scalars(select(LoginSession).where(LoginSession.user_id == user.id)).one()
    return Person(name, user.id, login.id, customer)


def at_once(act: Callable[[int], object], times: int = AT_ONCE) -> Counter[object]:
    with ThreadPoolExecutor(times) as pool:
        return Counter(pool.map(act, range(times)))


def test_of_many_right_codes_at_once_one_counts(tmp_path: Path) -> None:
    line = Line(tmp_path)
    token = line.open()
    line.join(token, code_at(SECRET, step_at(NOON)))
    code = line.banks_code(token)
    outcomes = at_once(lambda _: line.enter(token, code))
    assert outcomes == {Outcome.RIGHT: 1, Outcome.UNEXPECTED: AT_ONCE - 1}
    assert line.attempts("call code") == outcomes


def test_of_many_wrong_codes_at_once_five_are_tries(tmp_path: Path) -> None:
    line = Line(tmp_path)
    token = line.open()
    line.join(token, code_at(SECRET, step_at(NOON)))
    wrong = wrong_code(line.banks_code(token))
    outcomes = at_once(lambda _: line.enter(token, wrong))
    assert outcomes == {Outcome.WRONG: 4, Outcome.LOCKED: 1, Outcome.UNEXPECTED: AT_ONCE - 5}


def test_of_many_right_codes_of_the_app_at_once_one_joins(tmp_path: Path) -> None:
    line = Line(tmp_path)
    token, code = line.open(), code_at(SECRET, step_at(NOON))
    assert at_once(lambda _: line.join(token, code)) == {Outcome.RIGHT: 1, Outcome.UNEXPECTED: AT_ONCE - 1}


def test_of_many_wrong_codes_of_the_app_at_once_five_are_tries(tmp_path: Path) -> None:
    line = Line(tmp_path)
    token, wrong = line.open(), wrong_code(*(code_at(SECRET, step_at(NOON) + steps) for steps in range(-12, 3)))
    assert at_once(lambda _: line.join(token, wrong)) == {Outcome.WRONG: 4, Outcome.LOCKED: AT_ONCE - 4}
    with line.database.reading() as rows:
        assert rows.scalars(select(CustomerSecret.failures)).one() == 5


def test_of_two_agents_who_open_at_once_one_has_the_call(tmp_path: Path) -> None:
    line = Line(tmp_path)

    def open_or_not(agent: int) -> bool:
        try:
            line.open(agent)
        except CallError:
            return False
        return True

    assert at_once(open_or_not, 2) == {True: 1, False: 1}
