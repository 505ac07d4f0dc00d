"""`fraud-detect audit`: whether the audit log of a console is whole.

Knows the console's log. Never knows Flask.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from fraud_detect.console import audit_reading
from fraud_detect.console.storage.database import Database
from fraud_detect.entrypoints.console import database_option, root_option, settings_of
from fraud_detect.entrypoints.faults import faults_shown

BROKEN = 1


@click.command("audit", short_help="Verify the audit log of the console.")
@root_option
@database_option
@faults_shown()
def command(root: Path, database: str | None) -> None:
    """Verify the chain of the audit log; print how many lines hold and the hash of the last, to be noted elsewhere.

    The exit code is 1 where the chain is broken. Lines that were cut off the end show only in the count and hash.
    """
    store = Database(settings_of(root, database, os.environ).database_url)
    store.migrate()
    with store.reading() as rows:
        verdict = audit_reading.verdict(rows)
    click.echo(f"{verdict.entries} lines hold; the last hash is {verdict.last_hash}")
    if verdict.broken_at is not None:
        click.echo(f"The chain is broken at line {verdict.broken_at}: it was changed, removed or inserted.", err=True)
        sys.exit(BROKEN)
