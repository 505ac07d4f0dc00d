"""A console that really runs, in a process of its own: the command's, but that it counts no requests.

Run as a program it is that process: console_process.py ROOT ENDPOINT PORT
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from sqlalchemy import select

from fraud_detect.console.accounts import users
from fraud_detect.console.keys import fingerprint
from fraud_detect.console.settings import Settings, utc_now
from fraud_detect.console.storage.database import Database
from fraud_detect.console.storage.tables import ApiToken, Role, User
from fraud_detect.entrypoints.console import Server, settings_of
from running_server import PATIENCE_SECONDS, a_free_port, descendants, is_gone, wait_until

PASSWORD = "correct horse battery"


@dataclass
class ConsoleProcess:
    """A console over `root`, which holds a model, that scores with `endpoint`; leaving its block stops it."""

    root: Path
    endpoint: str
    port: int = field(default_factory=a_free_port)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.database.close()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        arguments = [str(self.root), self.endpoint, str(self.port)]
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen([sys.executable, __file__, *arguments], stderr=log)
        wait_until(self._answers)
        self.database = Database(self.settings.database_url)

    def stop(self) -> int:
        """Send SIGTERM, and return the exit code."""
        return self._ended_by(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to it and to the process below it."""
        family = [self._process.pid, *descendants(self._process.pid)]
        for pid in family:
            os.kill(pid, signal.SIGKILL)
        self._process.wait(PATIENCE_SECONDS)
        wait_until(lambda: all(map(is_gone, family)))

    def _ended_by(self, number: signal.Signals) -> int:
        self._process.send_signal(number)
        try:
            return self._process.wait(PATIENCE_SECONDS)
        finally:
            self._process.kill()

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.log
        try:
            with urllib.request.urlopen(f"{self.url}/ping", timeout=PATIENCE_SECONDS) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except OSError:
            return False

    @property
    def pid(self) -> int:
        """The number of its process, above that of its worker."""
        return self._process.pid

    @property
    def _log_file(self) -> Path:
        return self.root / "console.log"

    @property
    def log(self) -> str:
        """What it has said."""
        return self._log_file.read_text()

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> Settings:
        """Its settings."""
        return settings_of(self.root, None, {})

    def account(self, name: str, role: Role, *, customer: str | None = None) -> str:
        """Make an account with `PASSWORD`, and return its name."""
        with self.database.writing() as rows:
            users.created(
                rows, name=name, password=PASSWORD, role=role, customer=customer, now=utc_now(), by="the tests"
            )
        return name

    def token(self) -> str:
        """Make an API token, and return it."""
        token = secrets.token_urlsafe(32)
        name = self.account(f"maker-{secrets.token_hex(4)}", Role.ADMIN)
        with self.database.writing() as rows:
            maker = rows.scalars(select(User).where(User.name == name)).one()
            made = {"token_hash": fingerprint(token), "created_at": utc_now(), "created_by": maker.id}
            rows.add(ApiToken(name="tests", **made))
        return token

    def send(self, *transactions: dict[str, Any]) -> list[dict[str, Any]]:
        """Send transactions to the desk as a program does, and return what it says of each."""
        body = json.dumps({"transactions": transactions}).encode()
        headers = {"Authorization": f"Bearer {self.token()}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/transactions", body, headers)  # noqa: S310 (this machine)
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310
            said: list[dict[str, Any]] = json.loads(answer.read())["transactions"]
        return said


def main() -> None:
    """Serve until a signal comes."""
    root, endpoint, port = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    # Browsers of the tests are quicker than people, and all come from one address.
    settings = replace(settings_of(root, None, {}), rate_limits=False, idle_session=timedelta(hours=1))
    Server(settings, endpoint, {"bind": f"127.0.0.1:{port}"}).run()


if __name__ == "__main__":
    main()
