"""The database on both engines: migrations, who may write when, and what is said where it cannot be used."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

import console_factories
from console_factories import NOON
from fraud_detect.console import audit, audit_reading
from fraud_detect.console.storage.database import Database
from fraud_detect.console.storage.tables import Table
from fraud_detect.errors import SettingError
from postgresql import ClusterOfTests

WRITERS, LINES_EACH = 8, 5


@pytest.fixture
def empty(tmp_path: Path, database_engine: str, request: pytest.FixtureRequest) -> str:
    """Return the address of a database without tables."""
    if database_engine == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite'}"
    databases: ClusterOfTests = request.getfixturevalue("cluster")
    return databases.fresh()


@pytest.fixture
def migrated(empty: str) -> Iterator[Database]:
    """Give a database of this version."""
    database = Database(empty)
    database.migrate()
    yield database
    database.close()


def test_migrations_end_at_the_tables_that_the_code_knows(migrated: Database) -> None:
    with migrated.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []


def test_a_second_migration_changes_nothing(migrated: Database) -> None:
    with migrated.writing() as rows:
        audit.append(rows, actor="", action="kept", subject="", now=NOON)
    migrated.migrate()
    with migrated.reading() as rows:
        assert audit_reading.verdict(rows).entries == 1


def _migrate(url: str) -> None:
    database = Database(url)
    database.migrate()
    database.close()


def test_processes_that_migrate_at_once_wait_for_each_other(empty: str) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        for done in [pool.submit(_migrate, empty) for _ in range(3)]:
            done.result()
    assert "users" in inspect(Database(empty).engine).get_table_names()


def test_a_database_of_a_newer_version_is_refused(migrated: Database) -> None:
    with migrated.writing() as rows:
        rows.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SettingError, match="has tables of version 9999; expected one of 0001"):
        migrated.migrate()


def test_eight_writers_make_one_chain(migrated: Database) -> None:
    """No line is lost, none is written twice, and the chain holds."""

    def write(writer: int) -> None:
        for _ in range(LINES_EACH):
            with migrated.writing() as rows:
                audit.append(rows, actor=f"writer {writer}", action="wrote", subject="", now=NOON)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with migrated.reading() as rows:
        verdict = audit_reading.verdict(rows)
    assert (verdict.entries, verdict.broken_at) == (WRITERS * LINES_EACH, None)


def test_a_block_that_raises_leaves_nothing(migrated: Database) -> None:
    def fail() -> None:
        with migrated.writing() as rows:
            audit.append(rows, actor="", action="lost", subject="", now=NOON)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with migrated.reading() as rows:
        assert audit_reading.verdict(rows).entries == 0


def test_who_reads_sees_one_state_of_the_database(migrated: Database) -> None:
    with migrated.reading() as before:
        assert audit_reading.verdict(before).entries == 0
        with migrated.writing() as rows:
            audit.append(rows, actor="", action="meanwhile", subject="", now=NOON)
        assert audit_reading.verdict(before).entries == 0


def test_a_consoles_database_is_that_of_its_root(tmp_path: Path, database_engine: str) -> None:
    assert console_factories.database_of(tmp_path).startswith(database_engine)


@pytest.mark.usefixtures("one_engine")
def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    file = tmp_path / "no.sqlite"
    file.write_text("not a database at all, but long enough to look like one" * 100)
    with pytest.raises(SettingError, match=r"cannot be used.*not a database"):
        Database(f"sqlite:///{file}").migrate()


def test_a_server_that_is_not_there_is_said_without_the_password() -> None:
    with pytest.raises(SettingError) as caught:
        Database("postgresql://ada:secret@127.0.0.1:1/nowhere").migrate()
    assert ("secret" in str(caught.value), "ada:***@127.0.0.1:1/nowhere" in str(caught.value)) == (False, True)


@pytest.mark.parametrize("url", ["mysql://host/name", "nonsense", ""])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(SettingError, match="sqlite:/// or postgresql://"):
        Database(url)


@pytest.fixture
def on_a_server_in_berlin(cluster: ClusterOfTests) -> Iterator[Database]:
    """Give a database of PostgreSQL whose sessions are in another time zone than UTC, unless they say so."""
    url = cluster.fresh()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET TimeZone = 'Europe/Berlin'".encode())
    database = Database(url)
    yield database
    database.close()
    cluster.drop_all()


def test_the_last_time_of_python_is_read_wherever_the_server_is(on_a_server_in_berlin: Database) -> None:
    with on_a_server_in_berlin.reading() as rows:
        last = rows.scalar(text("SELECT timestamptz '9999-12-31 23:59:59Z'"))
    assert last == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_a_statement_and_a_wait_have_an_end_also_after_a_rollback(on_a_server_in_berlin: Database) -> None:
    with on_a_server_in_berlin.reading() as rows:
        rows.rollback()
        limits = [rows.scalar(text(f"SHOW {name}")) for name in ("TimeZone", "statement_timeout", "lock_timeout")]
    assert limits == ["UTC", "1min", "30s"]


def test_a_migration_may_take_its_time(on_a_server_in_berlin: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[object] = []

    def look(config: Config, _: str) -> None:
        connection = config.attributes["connection"]
        limits.extend(connection.scalar(text(f"SHOW {name}")) for name in ("statement_timeout", "lock_timeout"))

    monkeypatch.setattr(command, "upgrade", look)
    on_a_server_in_berlin.migrate()
    assert limits == ["0", "0"]
