"""What the desk of one console has running: its intake, its hub, its mails.

Knows Flask's extensions. Never knows pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Flask, current_app

from fraud_detect.console.context import EXTENSION, Console
from fraud_detect.console.desk.columns import Columns, columns_of
from fraud_detect.console.desk.filing import Filed
from fraud_detect.console.desk.hub import Hub
from fraud_detect.console.desk.intake import Intake
from fraud_detect.console.desk.mail import Mailer

DESK = "fraud_detect_desk"


@dataclass(frozen=True)
class Desk:
    """The running parts. Their threads begin when they are first needed: after a server's fork, not before."""

    columns: Columns
    intake: Intake
    hub: Hub


def set_up(app: Flask) -> None:
    """Give `app` its desk."""
    here: Console = app.extensions[EXTENSION]
    smtp = here.settings.smtp
    heard = Mailer(smtp).tell if smtp is not None else _silence
    app.extensions[DESK] = Desk(
        columns=columns_of(here.manifest),
        intake=Intake(here.database, here.desk_endpoint, here.manifest, here.clock, heard),
        hub=Hub(here.database),
    )


def desk_of(app: Flask) -> Desk:
    """Return the desk of `app`."""
    found: Desk = app.extensions[DESK]
    return found


def desk() -> Desk:
    """Return the desk of the console whose request this is."""
    found: Desk = current_app.extensions[DESK]
    return found


def _silence(_: Sequence[Filed]) -> None:
    """Tell nobody."""
