"""Scored transactions as cases: written once each, under the key that their sender gave them.

Knows the table of cases. Never knows Flask, endpoints, threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from fraud_detect.console.desk.transactions import Transaction
from fraud_detect.console.endpoint import Score
from fraud_detect.console.reasons import as_documents
from fraud_detect.console.storage.tables import Case, CaseState
from fraud_detect.errors import UserError

ORDER_LOCK_KEY = 0x63617365
"""PostgreSQL's advisory lock under which ids are given: who reads on from an id misses none that commits later."""
MOST_KEYS_ASKED = 500


class KeyTaken(UserError):
    """A key names another transaction already."""


@dataclass(frozen=True)
class Judged:
    """A transaction with what the model says of it."""

    transaction: Transaction
    score: Score
    threshold: float
    model: str

    @property
    def alert(self) -> bool:
        """Whether the probability reaches the threshold."""
        return self.score.probability >= self.threshold

    @property
    def expected_loss(self) -> float:
        """Probability times amount, none below 0; the probability itself where there is no amount."""
        amount, probability = self.transaction.amount, self.score.probability
        return probability if amount is None else probability * max(0.0, amount)


@dataclass(frozen=True)
class Filed:
    """A case as its sender hears of it; `new` is false where it was there before."""

    id: int
    probability: float
    alert: bool
    expected_loss: float
    state: str
    new: bool = True


def filed(session: Session, judged: Sequence[Judged], *, now: datetime) -> Sequence[Filed]:
    """Write the cases that are not there yet, and return all of them in their order.

    Raises
    ------
    KeyTaken
        If a key stands for another transaction: nothing is to be written then.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ORDER_LOCK_KEY})
    known = _known(session, [one.transaction.key for one in judged if one.transaction.key is not None])
    firsts = _firsts(judged, known)
    _check(judged, known, firsts)
    written = _written(session, firsts, now)
    by_key = {one.transaction.key: made for one, made in zip(firsts, written, strict=True)}
    unnamed = iter([made for one, made in zip(firsts, written, strict=True) if one.transaction.key is None])
    return [_answer(one.transaction.key, known, by_key, unnamed) for one in judged]


def _known(session: Session, keys: Sequence[str]) -> Mapping[str, Case]:
    found: dict[str, Case] = {}
    for start in range(0, len(keys), MOST_KEYS_ASKED):
        some = select(Case).where(Case.key.in_(keys[start : start + MOST_KEYS_ASKED]))
        found.update({str(case.key): case for case in session.scalars(some)})
    return found


def _firsts(judged: Sequence[Judged], known: Mapping[str, Case]) -> Sequence[Judged]:
    """Return those that are new, each key once."""
    seen, firsts = set(known), []
    for one in judged:
        key = one.transaction.key
        if key is None or key not in seen:
            firsts.append(one)
        if key is not None:
            seen.add(key)
    return firsts


def _check(judged: Sequence[Judged], known: Mapping[str, Case], firsts: Sequence[Judged]) -> None:
    said = {key: _content_of_case(case) for key, case in known.items()}
    said |= {one.transaction.key: _content(one.transaction) for one in firsts if one.transaction.key is not None}
    for one in judged:
        key = one.transaction.key
        if key is not None and _content(one.transaction) != said[key]:
            raise KeyTaken(
                f"The id '{key}' is that of a transaction that says something else",
                expected="the same content with the same id",
                remedy="Give each transaction an id of its own.",
            )


def _content(one: Transaction) -> tuple[object, ...]:
    return dict(one.features), dict(one.context), one.customer, one.amount, one.occurred_at


def _content_of_case(case: Case) -> tuple[object, ...]:
    return case.features, case.context, case.customer, case.amount, case.occurred_at


def _written(session: Session, firsts: Sequence[Judged], now: datetime) -> Sequence[Filed]:
    if not firsts:
        return []
    rows = [_row(one, now) for one in firsts]
    ids = session.scalars(insert(Case).returning(Case.id, sort_by_parameter_order=True), rows).all()
    return [
        Filed(number, row["probability"], row["alert"], row["expected_loss"], row["state"])
        for number, row in zip(ids, rows, strict=True)
    ]


def _row(one: Judged, now: datetime) -> dict[str, Any]:
    said = one.transaction
    return {
        "key": said.key,
        "received_at": now,
        "occurred_at": said.occurred_at,
        "customer": said.customer,
        "amount": said.amount,
        "features": dict(said.features),
        "context": dict(said.context),
        "probability": one.score.probability,
        "threshold": one.threshold,
        "alert": one.alert,
        "expected_loss": one.expected_loss,
        "reasons": as_documents(one.score.reasons),
        "model": one.model,
        "state": str(CaseState.OPEN if one.alert else CaseState.PASSED),
    }


def _answer(key: str | None, known: Mapping[str, Case], by_key: Mapping[str | None, Filed], unnamed: Any) -> Filed:
    if key is None:
        made: Filed = next(unnamed)
        return made
    if key in known:
        case = known[key]
        return Filed(case.id, case.probability, case.alert, case.expected_loss, case.state, new=False)
    return by_key[key]
