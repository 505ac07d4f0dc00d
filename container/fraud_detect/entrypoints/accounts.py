"""`fraud-detect accounts`: accounts of the console, from the command line.

Knows the console's accounts. Never knows Flask.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from fraud_detect.console.accounts import users
from fraud_detect.console.settings import utc_now
from fraud_detect.console.storage.database import Database
from fraud_detect.console.storage.tables import Role
from fraud_detect.entrypoints.console import database_option, root_option, settings_of
from fraud_detect.entrypoints.faults import faults_shown


@click.group("accounts")
def command() -> None:
    """Make and list accounts of the console."""


@command.command("add")
@click.argument("name")
@root_option
@database_option
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.ADMIN.value, show_default=True)
@click.option("--customer", help="For the role customer: whose account it is, as transactions name the customer.")
@click.password_option(
    help="Asked for on the terminal where it is left out; or set FRAUD_DETECT_PASSWORD.", envvar="FRAUD_DETECT_PASSWORD"
)
@faults_shown()
def add(name: str, root: Path, database: str | None, role: str, customer: str | None, password: str) -> None:
    """Make the account NAME; the first one is made here, others also in the console."""
    store = Database(settings_of(root, database, os.environ).database_url)
    store.migrate()
    with store.writing() as rows:
        users.created(
            rows, name=name, password=password, role=Role(role), customer=customer, now=utc_now(), by="command line"
        )
    click.echo(f"The account {name} has the role {role}.")
