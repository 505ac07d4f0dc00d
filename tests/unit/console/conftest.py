"""Every test of the console that has a folder runs on SQLite and on PostgreSQL; and passwords are hashed cheaply."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

import console_factories
import postgresql
from fraud_detect.console.accounts import passwords
from postgresql import ClusterOfTests

ENGINES = ("sqlite", "postgresql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on both engines if it has a folder: without one it has no console, and so no database."""
    if "tmp_path" in metafunc.fixturenames and "one_engine" not in metafunc.fixturenames:
        metafunc.parametrize("database_engine", ENGINES, indirect=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[ClusterOfTests]:
    """Give a PostgreSQL server; the test is skipped where there is none, unless CI=true."""
    binaries = postgresql.programs()
    if binaries is None:
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL is not installed; expected Debian's package. apt-get install postgresql")
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    with postgresql.running(binaries) as running:
        yield running


@pytest.fixture
def one_engine() -> None:
    """Be asked for by a test that names its database itself."""


@pytest.fixture(autouse=True)
def database_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Put the consoles that this test makes on one of the engines."""
    engine: str = getattr(request, "param", ENGINES[0])
    if engine == ENGINES[0]:
        yield engine
        return
    databases: ClusterOfTests = request.getfixturevalue("cluster")
    monkeypatch.setattr(console_factories, "database_of", databases.of)
    yield engine
    databases.drop_all()


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make a hash quick: that it is slow is argon2's affair, and would cost each test a tenth of a second."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords.stand_in.cache_clear()
    yield
    passwords.stand_in.cache_clear()
