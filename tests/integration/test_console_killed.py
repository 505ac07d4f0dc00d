"""A console that is killed at random moments while it is written to: what it has confirmed is there afterwards."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import urllib3
from sqlalchemy import func, select

import postgresql
from factories import an_artifact
from fraud_detect.console import audit_reading
from fraud_detect.console.accounts import users
from fraud_detect.console.settings import utc_now
from fraud_detect.console.storage.database import Database
from fraud_detect.console.storage.tables import ApiToken, AuditEntry, Role
from fraud_detect.entrypoints.cli import main
from running_server import a_free_port

pytestmark = pytest.mark.alone

PASSWORD = "correct horse battery"
KILLS, WRITERS, SEED, START_SECONDS = 3, 4, 20260601, 240


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the address of a database that keeps what it confirms."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'console.sqlite'}"
        return
    binaries = postgresql.programs()
    if binaries is None:
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL is not installed; expected Debian's package. apt-get install postgresql")
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    with postgresql.running(binaries, settings=()) as cluster:
        yield cluster.fresh()


@dataclass
class Killed:
    """A console that is started, written to by one administrator in many threads, and killed."""

    root: Path
    url: str
    confirmed: list[str] = field(default_factory=list)
    cookie: str = ""

    def run_and_kill(self, number: int, seconds: float) -> None:
        """Start the console, make tokens by many threads, and kill it after so many seconds of that."""
        port = a_free_port()
        command = ["-c", f"from {main.__module__} import main; main()", "console", "--endpoint", "http://127.0.0.1:1"]
        where = ["--root", str(self.root), "--database", self.url, "--port", str(port)]
        with (self.root / "console.log").open("ab") as log:
            process = subprocess.Popen([sys.executable, *command, *where], stderr=log, start_new_session=True)
        http = urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=WRITERS, retries=False, timeout=30)
        try:
            _wait_for(http)
            token = self._logged_in(http)
            with ThreadPoolExecutor(WRITERS) as pool:
                for writer in range(WRITERS):
                    pool.submit(self._write, http, token, f"{number}-{writer}")
                time.sleep(seconds)
                os.killpg(process.pid, signal.SIGKILL)
        finally:
            process.kill()
            process.wait()

    def _logged_in(self, http: urllib3.HTTPConnectionPool) -> str:
        """Return the form token of a session, the one from before the kill where there was one."""
        page = http.request("GET", "/tokens", headers={"Cookie": self.cookie}, redirect=False)
        if page.status != 200:
            form = http.request("GET", "/log-in")
            self.cookie = _cookie(form)
            fields = {"name": "ada", "password": PASSWORD, "csrf_token": _form_token(form)}
            self.cookie = _cookie(self._post(http, "/log-in", fields))
            page = http.request("GET", "/tokens", headers={"Cookie": self.cookie})
            self.cookie = _cookie(page) or self.cookie
        return _form_token(page)

    def _write(self, http: urllib3.HTTPConnectionPool, token: str, name: str) -> None:
        """Make one token after the other, until nobody answers."""
        for count in range(10_000):
            try:
                answer = self._post(http, "/tokens", {"csrf_token": token, "name": f"{name}-{count}"})
            except (urllib3.exceptions.HTTPError, OSError):
                return
            if answer.status != 200:
                return
            self.confirmed.append(f"{name}-{count}")

    def _post(
        self, http: urllib3.HTTPConnectionPool, path: str, fields: dict[str, str]
    ) -> urllib3.response.BaseHTTPResponse:
        return http.request(
            "POST", path, fields=fields, encode_multipart=False, headers={"Cookie": self.cookie}, redirect=False
        )


def _answers(http: urllib3.HTTPConnectionPool) -> bool:
    try:
        return http.request("GET", "/ping").status == 200
    except (urllib3.exceptions.HTTPError, OSError):
        return False


def _wait_for(http: urllib3.HTTPConnectionPool) -> None:
    """Wait until the console answers, which takes long on a machine that does much else."""
    deadline = time.monotonic() + START_SECONDS
    while not _answers(http):
        assert time.monotonic() < deadline, "the console does not start"
        time.sleep(0.1)


def _cookie(answer: urllib3.response.BaseHTTPResponse) -> str:
    return answer.headers.get("Set-Cookie", "").partition(";")[0]


def _form_token(answer: urllib3.response.BaseHTTPResponse) -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', answer.data.decode())
    assert found is not None, answer.data
    return found.group(1)


def test_nothing_that_was_confirmed_is_lost_by_kills_at_random_moments(tmp_path: Path, url: str) -> None:
    """And each token has its line in the audit log, whose chain holds."""
    (tmp_path / "model").mkdir()
    an_artifact(tmp_path / "model")
    database, moments = Database(url), random.Random(SEED)  # noqa: S311 - moments, not secrets
    database.migrate()
    with database.writing() as rows:
        users.created(rows, name="ada", password=PASSWORD, role=Role.ADMIN, now=utc_now(), by="test")
    killed = Killed(tmp_path, url)
    for number in range(KILLS):
        killed.run_and_kill(number, moments.uniform(0.5, 2.5))
    with database.reading() as rows:
        kept = set(rows.scalars(select(ApiToken.name)))
        noted = rows.scalar(select(func.count()).where(AuditEntry.action == "token made"))
        verdict = audit_reading.verdict(rows)
    assert len(killed.confirmed) >= KILLS
    assert set(killed.confirmed) - kept == set()
    assert (noted, verdict.broken_at) == (len(kept), None)
