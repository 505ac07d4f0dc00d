"""A console over a small model, a clock that tests turn, and browsers that are logged in to it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import select

from factories import an_artifact
from fraud_detect.console.accounts import tokens, users
from fraud_detect.console.app import create_app
from fraud_detect.console.context import EXTENSION, Console
from fraud_detect.console.endpoint import Reason, Row, Score
from fraud_detect.console.settings import Settings
from fraud_detect.console.storage.tables import AuditEntry, Role

PASSWORD = "correct horse battery"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
_FORM_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass
class Turned:
    """A clock that stands until a test turns it."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def turn(self, **amount: float) -> None:
        """Go on by so many seconds, minutes, ..."""
        self.now += timedelta(**amount)


@dataclass
class SigmoidEndpoint:
    """Scores a row with the sigmoid of `feature`, as `factories.a_graph` does; `fault` is raised if it is set."""

    feature: str = "amount"
    fault: Exception | None = None
    seen: list[Row] = field(default_factory=list)

    def score(self, rows: Sequence[Row], *, reasons: int = 0) -> Sequence[Score]:
        """Return the scores of `rows`, which are kept in `seen`."""
        if self.fault is not None:
            raise self.fault
        self.seen.extend(rows)
        return [self._score(float(str(row[self.feature])), reasons) for row in rows]

    def _score(self, value: float, reasons: int) -> Score:
        probability = 1 / (1 + math.exp(-value))
        told = (Reason(self.feature, value, value),) if reasons else ()
        return Score(probability, int(probability >= 0.5), told, value, 0.0, 0.0)

    def score_csv(self, body: bytes) -> Sequence[float]:
        """Return the probabilities of the rows of a CSV with a header."""
        names, *lines = body.decode().splitlines()
        place = names.split(",").index(self.feature)
        return [self._score(float(line.split(",")[place]), 0).probability for line in lines]

    def __str__(self) -> str:
        return "http://localhost:8080"


class CompiledPages(BytecodeCache):
    """Jinja's templates, compiled once for the consoles of all tests rather than for each."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill in what is known of a template."""
        if bucket.key in self._known:
            bucket.bytecode_from_string(self._known[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Remember what was compiled."""
        self._known[bucket.key] = bucket.bytecode_to_string()


PAGES = CompiledPages()


def database_of(root: Path) -> str:
    """Return the address of the database of the console under `root`; tests put PostgreSQL's in place of this."""
    return f"sqlite:///{root / 'console/console.sqlite'}"


def settings_for(root: Path, **overrides: Any) -> Settings:
    """Return the settings of a console under `root`, whose model folder is there."""
    (root / "console").mkdir(exist_ok=True)
    given: dict[str, Any] = {
        "model_folder": root / "model",
        "report_folder": root / "output/data",
        "folder": root / "console",
        "database_url": database_of(root),
        "secret_key": b"k" * 32,
        "rate_limits": False,
    }
    return Settings(**{**given, **overrides})


def a_console(
    root: Path,
    *,
    endpoint: Any = None,
    desk_endpoint: Any = None,
    clock: Any = None,
    artifact: dict[str, Any] | None = None,
    **overrides: Any,
) -> Flask:
    """Return a console over a model of two numbers, `amount` and `hour`; `overrides` are fields of `Settings`."""
    if not (root / "model").exists():
        (root / "model").mkdir(parents=True)
        an_artifact(root / "model", **(artifact or {}))
    settings = settings_for(root, **overrides)
    app = create_app(settings, endpoint or SigmoidEndpoint(), desk_endpoint=desk_endpoint, clock=clock or Turned())
    app.testing = False  # errors are answered as they are to users
    app.jinja_env.bytecode_cache = PAGES
    return app


def parts_of(app: Flask) -> Console:
    """Return the database, clock and so on of a console."""
    found: Console = app.extensions[EXTENSION]
    return found


def an_account(app: Flask, role: Role = Role.ANALYST, *, name: str | None = None, customer: str | None = None) -> str:
    """Make an account, named as its role where no name is given, and return its name."""
    here, chosen = parts_of(app), name or str(role)
    if role is Role.CUSTOMER and customer is None:
        customer = chosen
    with here.database.writing() as rows:
        users.created(rows, name=chosen, password=PASSWORD, role=role, customer=customer, now=here.clock(), by="test")
    return chosen


def a_token(app: Flask, name: str = "shop") -> str:
    """Make a token of a program and return it."""
    here = parts_of(app)
    with here.database.writing() as rows:
        return tokens.made(rows, name=name, by=None, actor="test", now=here.clock())


def audit_of(app: Flask) -> list[str]:
    """Return the actions in the audit log, in order."""
    with parts_of(app).database.reading() as rows:
        return list(rows.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def form_token(client: FlaskClient, page: str = "/log-in") -> str:
    """Return the token that forms of this browser's session have to carry."""
    found = _FORM_TOKEN.search(client.get(page).text)
    assert found is not None, page
    return found.group(1)


def posted(client: FlaskClient, path: str, *, page: str | None = None, **fields: Any) -> Any:
    """Return the answer to a form of `page`, or of `path` itself, as a browser sends it."""
    return client.post(path, data={"csrf_token": form_token(client, page or path), **fields})


def logged_in(app: Flask, role: Role = Role.ANALYST, **account: Any) -> FlaskClient:
    """Return a browser that a new account of `role` is logged in with."""
    client = app.test_client()
    answer = posted(client, "/log-in", name=an_account(app, role, **account), password=PASSWORD)
    assert answer.status_code == 302, answer.text
    return client
