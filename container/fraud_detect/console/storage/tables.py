"""The tables. Times are in UTC, with their zone; amounts are in the currency of the transactions.

Knows columns and keys. Never knows who reads or writes them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, Index, LargeBinary, MetaData, String, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Utc(TypeDecorator[datetime]):
    """A time with its zone on both sides; SQLite keeps none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        """Return `value` in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _: Dialect) -> datetime | None:
        """Return `value` with UTC as its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Table(DeclarativeBase):
    """Base of all tables; constraints have names, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Utc, dict[str, Any]: JSON, list[Any]: JSON, bytes: LargeBinary}  # noqa: RUF012 - SQLAlchemy's own name


class Role(StrEnum):
    """What an account may do."""

    ADMIN = "admin"
    ANALYST = "analyst"
    AGENT = "agent"
    CUSTOMER = "customer"


class User(Table):
    """An account. `customer` is whom an account of the role customer belongs to, as transactions name them."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    password_hash: Mapped[str] = mapped_column(String(256))
    role: Mapped[str] = mapped_column(String(16))
    customer: Mapped[str | None] = mapped_column(String(128), index=True)
    totp_secret: Mapped[bytes | None]
    """Encrypted; None where log-in asks for no second factor."""
    totp_last_step: Mapped[int | None]
    """The step of the last code that was taken: none is taken twice."""
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    disabled: Mapped[bool] = mapped_column(default=False)
    must_change_password: Mapped[bool] = mapped_column(default=False)
    """Whether somebody else chose the password, which then is good for choosing another and nothing else."""
    created_at: Mapped[datetime]


class LoginSession(Table):
    """One log-in of one browser, which can be ended from here."""

    __tablename__ = "login_sessions"
    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    address: Mapped[str] = mapped_column(String(64), default="")
    browser: Mapped[str] = mapped_column(String(256), default="")


class ApiToken(Table):
    """What a program shows instead of a password; only its hash is kept."""

    __tablename__ = "api_tokens"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    """None where it was made from the command line."""
    revoked_at: Mapped[datetime | None]


class CaseState(StrEnum):
    """Where a transaction stands. One below the threshold is no alert and stays `passed` until somebody decides."""

    PASSED = "passed"
    OPEN = "open"
    ESCALATED = "escalated"
    CONFIRMED = "confirmed"
    CLEARED = "cleared"


class Case(Table):
    """A scored transaction; `id` is the order in which they came. `key` is the sender's own name of it, if any."""

    __tablename__ = "cases"
    __table_args__ = (Index("ix_cases_state_expected_loss", "state", "expected_loss"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str | None] = mapped_column(String(128), unique=True)
    received_at: Mapped[datetime] = mapped_column(index=True)
    occurred_at: Mapped[datetime | None]
    customer: Mapped[str | None] = mapped_column(String(128), index=True)
    amount: Mapped[float | None]
    features: Mapped[dict[str, Any]]
    context: Mapped[dict[str, Any]]
    """What the transaction said beside the model's features."""
    probability: Mapped[float]
    threshold: Mapped[float]
    alert: Mapped[bool]
    expected_loss: Mapped[float]
    """Probability times amount; the probability itself where there is no amount."""
    reasons: Mapped[list[Any]]
    model: Mapped[str] = mapped_column(String(64))
    """sha256 of the model's training data, as the manifest has it."""
    state: Mapped[str] = mapped_column(String(16))


class Decision(Table):
    """What an analyst made of a case; the last one counts."""

    __tablename__ = "decisions"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    at: Mapped[datetime]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    state: Mapped[str] = mapped_column(String(16))


class Note(Table):
    """What somebody wrote down about a case."""

    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    at: Mapped[datetime]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    text: Mapped[str] = mapped_column(Text)


class ScoredFile(Table):
    """A file of rows that somebody uploaded to be scored; it lies under the console's folder by its `token`."""

    __tablename__ = "scored_files"
    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(256))
    uploaded_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))
    rows: Mapped[int] = mapped_column(default=0)
    rows_done: Mapped[int] = mapped_column(default=0)
    alerts: Mapped[int] = mapped_column(default=0)
    fault: Mapped[str] = mapped_column(Text, default="")


class CustomerSecret(Table):
    """What a customer's authenticator app shares with the bank, encrypted. A writer holds it for all calls of hers."""

    __tablename__ = "customer_secrets"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[str] = mapped_column(String(128), unique=True)
    secret: Mapped[bytes | None]
    """The one that counts; None until a code of it was entered, before which no call can be verified."""
    confirmed_at: Mapped[datetime | None]
    pending_secret: Mapped[bytes | None]
    """The one that is being set up, shown to the browser that asked for it until a code of it is entered."""
    pending_session_id: Mapped[int | None] = mapped_column(ForeignKey("login_sessions.id"))
    pending_key_hash: Mapped[str | None] = mapped_column(String(64))
    last_step: Mapped[int | None]
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]


class Call(Table):
    """A call between an agent and a customer, and how far each side has shown who it is."""

    __tablename__ = "calls"
    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"), index=True)
    customer: Mapped[str] = mapped_column(String(128), index=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    agent_session_id: Mapped[int] = mapped_column(ForeignKey("login_sessions.id"))
    agent_key_hash: Mapped[str] = mapped_column(String(64))
    """Of a key in a cookie of the browser that opened the call; the other end has one of its own."""
    customer_session_id: Mapped[int | None] = mapped_column(ForeignKey("login_sessions.id"))
    customer_key_hash: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(24))
    opened_at: Mapped[datetime]
    joined_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    bank_verified_at: Mapped[datetime | None]
    customer_verified_at: Mapped[datetime | None]
    bank_tries: Mapped[int] = mapped_column(default=0)
    customer_tries: Mapped[int] = mapped_column(default=0)
    bank_last_step: Mapped[int | None]
    customer_last_step: Mapped[int | None]


class AuditEntry(Table):
    """One line of the log that only grows; `hash` covers the line and the hash of the one before."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(64), index=True)
    subject: Mapped[str] = mapped_column(String(160), index=True)
    detail: Mapped[str] = mapped_column(Text)
    """JSON, as it was hashed."""
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
