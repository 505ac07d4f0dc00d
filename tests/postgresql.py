"""A PostgreSQL of the tests' own, from Debian's packages: as fast as it gets, since nothing in it has to last.

`ClusterOfTests` is started once a process; each test gets a database of its own, made from one that is migrated.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from fraud_detect.console.storage.database import Database

BINARIES = Path("/usr/lib/postgresql")
OWNER = "postgres"
TEMPLATE = "migrated"
IN_MEMORY, ON_DISK = Path("/dev/shm"), Path("/tmp")  # noqa: S108 - mkdtemp makes a folder of its own there
ROOM_BYTES = 1 << 30
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300", "shared_buffers=32MB")


def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs; None where there is none."""
    found = sorted(BINARIES.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@dataclass
class ClusterOfTests:
    """A server that listens on a socket in its own folder and on no port."""

    folder: Path
    made: int = 0
    urls: dict[Path, str] = field(default_factory=dict)
    """The database of each console's root."""

    def url(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgresql://{OWNER}@/{name}?host={self.folder}"

    def of(self, root: Path) -> str:
        """Return the address of the database of the console under `root`, which is made at first."""
        if root not in self.urls:
            self.urls[root] = self.fresh(template=TEMPLATE)
        return self.urls[root]

    def fresh(self, *, template: str = "template0") -> str:
        """Return the address of a new database."""
        self.made += 1
        name = f"test_{self.made}"
        self._do(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop_all(self) -> None:
        """Drop every database that a test has had."""
        for number in range(1, self.made + 1):
            self._do(f'DROP DATABASE IF EXISTS "test_{number}" WITH (FORCE)')
        self.made, self.urls = 0, {}

    def make_template(self) -> None:
        """Make the database that those of consoles begin as."""
        self._do(f'CREATE DATABASE "{TEMPLATE}" TEMPLATE template0')
        database = Database(self.url(TEMPLATE))
        database.migrate()
        database.close()

    def _do(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def running(binaries: Path, *, settings: tuple[str, ...] = FAST) -> Iterator[ClusterOfTests]:
    """Give a new server; it is stopped and its files are deleted at the end. It refuses root, so it runs as another."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=_place()))  # a socket's path has to be short
    user = _owner() if os.geteuid() == 0 else None
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    who = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def do(*command: str) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **who)  # type: ignore[call-overload]

    data = str(folder / "data")
    do(f"{binaries}/initdb", "-D", data, "-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
    options = " ".join(f"-c {one}" for one in (*settings, "listen_addresses=''", f"unix_socket_directories={folder}"))
    control = (f"{binaries}/pg_ctl", "-D", data, "-s", "-w")
    try:
        do(*control, "-l", f"{folder}/log", "-o", options, "start")
        cluster = ClusterOfTests(folder)
        cluster.make_template()
        yield cluster
    finally:
        do(*control, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _place() -> Path:
    """Return where to keep databases: in memory where there is room, for each test makes one and drops it again."""
    if IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK) and shutil.disk_usage(IN_MEMORY).free > ROOM_BYTES:
        return IN_MEMORY
    return ON_DISK


def _owner() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(OWNER)
    except KeyError:
        return pwd.getpwnam("nobody")
