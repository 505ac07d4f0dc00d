"""What can be set about a console.

Knows names and defaults. Never knows the environment, files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fraud_detect.console.keys import Sealed

Clock = Callable[[], datetime]
"""Gives the time, with its zone."""


def utc_now() -> datetime:
    """Return the time of this machine, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Smtp:
    """The mail server that takes alerts: `starttls` before anything is said, `user` and `password` where it asks."""

    host: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password: str = ""
    starttls: bool = True
    mails_an_hour: int = 12
    console_url: str = ""
    """Where people reach the console, for links in mails; none without it."""


@dataclass(frozen=True)
class Settings:
    """A console's settings, read once."""

    model_folder: Path
    """Folder with manifest.json, and with examples.json where training wrote one."""
    report_folder: Path
    """Folder with report.html and metrics.json."""
    folder: Path
    """Folder of the console's own: database, uploads, feedback. Made with mode 0700."""
    database_url: str
    secret_key: bytes
    """At least 32 random bytes: what signs cookies and encrypts customers' secrets is derived from it."""
    earlier_keys: tuple[bytes, ...] = ()
    """What sealed secrets before, while the key is being changed: they still open."""
    behind_https: bool = False
    """Whether browsers come by HTTPS: cookies are then sent by HTTPS only."""
    idle_session: timedelta = timedelta(minutes=30)
    longest_session: timedelta = timedelta(hours=12)
    upload_limit_bytes: int = 200 * 1024 * 1024
    smtp: Smtp | None = None
    rate_limits: bool = True

    @property
    def sealed(self) -> Sealed:
        """What opens and seals the secrets in the console's database."""
        return Sealed(self.secret_key, self.earlier_keys)
