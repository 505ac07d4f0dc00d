"""One database, SQLite or PostgreSQL: sessions that read, and sessions that write all or nothing.

Knows SQLAlchemy and what the two engines want. Never knows the tables' meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session

from fraud_detect.errors import SettingError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 30
"""How long a write waits for those before it; SQLite lets one in at a time."""
POSTGRESQL_CONNECTION = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""libpq's settings: without them a server whose host vanishes is waited for until the kernel gives up, for hours."""
POSTGRESQL_SESSION = {"TimeZone": "UTC", "statement_timeout": "60s", "lock_timeout": "30s"}
"""Times in other zones may lie beyond Python's years. Of what is read by a cursor each fetch is a statement."""
DIALECTS = ("sqlite", "postgresql")
MIGRATION_LOCK = 0x6D69677261
"""PostgreSQL's advisory lock for who brings the tables up to date."""


class Database:
    """Where the console keeps what it knows. Threads may share it."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        # SQLite's transactions see one state by themselves; PostgreSQL's see a new one at each statement.
        one_state = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        self._reading = self.engine.execution_options(**one_state)

    @property
    def is_sqlite(self) -> bool:
        """Whether one file is the database."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that sees one state of the database and changes nothing."""
        with Session(self._reading, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session whose changes are on the disk when the block ends, or undone where it raises."""
        with (
            self.engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
            Session(connection, expire_on_commit=False) as session,
        ):
            yield session
            session.flush()

    def migrate(self) -> None:
        """Bring the tables to this version's form, from any earlier one or from none; processes that do so wait.

        Raises
        ------
        SettingError
            If the database cannot be reached, is none, or was used by a newer version.
        """
        try:
            self._migrate()
        except DBAPIError as error:
            raise SettingError(
                f"The database {self} cannot be used ({_first_line(error.orig)})",
                expected="one that can be reached and written",
                remedy="Look whether it runs, its address, its user and password, and the rights of its files.",
            ) from error

    def _migrate(self) -> None:
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            if not self.is_sqlite:  # where who writes waits anyway
                for limit in ("statement_timeout", "lock_timeout"):  # a large table may take its time
                    connection.execute(text(f"SET LOCAL {limit} = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            config = _alembic(connection)
            current = MigrationContext.configure(connection).get_current_revision()
            known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
            if current is not None and current not in known:
                raise SettingError(
                    f"The database {self} has tables of version {current}",
                    expected=f"one of {', '.join(sorted(known))}",
                    remedy="Use the version of fraud-detect that made them, or a newer one.",
                )
            command.upgrade(config, "head")

    def __str__(self) -> str:
        return self.engine.url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() not in DIALECTS:
        raise SettingError(
            f"The database is '{parsed.get_backend_name() if parsed else url}'",
            expected="an address that begins with sqlite:/// or postgresql://",
            remedy="Pass --database postgresql://USER@HOST/NAME, or leave it out for a file of SQLite under ROOT.",
        )
    if parsed.get_backend_name() == "postgresql":
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_size=20,
            max_overflow=20,
            pool_pre_ping=True,  # its server may have started anew since
            connect_args=POSTGRESQL_CONNECTION,
        )
        event.listen(engine, "connect", _prepare_postgresql)
        return engine
    engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS}, pool_size=20, max_overflow=20)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0]


def _prepare_postgresql(connection: Any, _: object) -> None:
    for name, value in POSTGRESQL_SESSION.items():
        connection.execute(f"SET {name} = '{value}'")
    connection.commit()  # else the end of a transaction could undo them


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say: see below
    # Sorting in memory: a container's read-only root has no place for SQLite's files of a moment.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the right to write at once: a transaction that read first could no longer get it after another's write."""
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
