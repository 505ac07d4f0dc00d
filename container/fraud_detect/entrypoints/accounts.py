"""`fraud-detect accounts`: accounts of the console, from the command line.

Knows the console's accounts. Never knows Flask.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fraud_detect.console import key_file, secrets_at_rest
from fraud_detect.console.accounts import passwords, tokens, users
from fraud_detect.console.accounts.users import AccountError
from fraud_detect.console.settings import Settings, utc_now
from fraud_detect.console.storage.database import Database
from fraud_detect.console.storage.tables import Role, User
from fraud_detect.entrypoints.console import (
    EARLIER_KEY_VARIABLE,
    KEY_FILE,
    KEY_VARIABLE,
    database_option,
    root_option,
    settings_of,
)
from fraud_detect.entrypoints.faults import faults_shown
from fraud_detect.errors import SettingError

BY = "command line"
"""Whom the audit log names."""


@click.group("accounts")
def command() -> None:
    """Make, list and change accounts of the console, and tokens of programs."""


def _of_a_console(do: Callable[..., None]) -> Callable[..., None]:
    """Let a command say of which console, and its errors be said."""
    shown: Callable[..., None] = faults_shown()(do)
    return root_option(database_option(shown))


@command.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.ADMIN.value, show_default=True)
@click.option("--customer", help="For the role customer: whose account it is, as transactions name the customer.")
@click.password_option(
    help="Asked for on the terminal where it is left out; or set FRAUD_DETECT_PASSWORD.", envvar="FRAUD_DETECT_PASSWORD"
)
@_of_a_console
def add(name: str, root: Path, database: str | None, role: str, customer: str | None, password: str) -> None:
    """Make the account NAME; the first one is made here, others also in the console."""
    with _store(root, database).writing() as rows:
        users.created(rows, name=name, password=password, role=Role(role), customer=customer, now=utc_now(), by=BY)
    click.echo(f"The account {name} has the role {role}.")


@command.command("list")
@_of_a_console
def list_them(root: Path, database: str | None) -> None:
    """List all accounts: name, role, customer, second factor, state; with tabs between."""
    with _store(root, database).reading() as rows:
        for user in users.all_of_them(rows):
            factor = "second factor" if user.totp_secret else "password alone"
            click.echo("\t".join([user.name, user.role, user.customer or "-", factor, _state(user)]))


@command.command("disable")
@click.argument("name")
@_of_a_console
def disable(name: str, root: Path, database: str | None) -> None:
    """End all sessions of the account NAME and let it in no more."""
    _do(users.disable, name, root, database)
    click.echo(f"{name} is disabled, and logged out everywhere.")


@command.command("enable")
@click.argument("name")
@_of_a_console
def enable(name: str, root: Path, database: str | None) -> None:
    """Let the account NAME in again, also one that is locked."""
    _do(users.enable, name, root, database)
    click.echo(f"{name} can log in.")


@command.command("reset-password")
@click.argument("name")
@click.option("--second-factor-off", is_flag=True, help="Ask for no code any more either: the app is lost.")
@_of_a_console
def reset_password(name: str, root: Path, database: str | None, *, second_factor_off: bool) -> None:
    """Print a random password for the account NAME, which has to be changed at the next log-in."""
    password = passwords.one_time()
    _do(users.reset_password, name, root, database, password=password)
    if second_factor_off:
        _do(users.turn_off_second_factor, name, root, database)
    click.echo(password)


@command.command("token")
@click.argument("name")
@_of_a_console
def token(name: str, root: Path, database: str | None) -> None:
    """Print a new API token for the program NAME; it is kept nowhere else."""
    with _store(root, database).writing() as rows:
        made = tokens.made(rows, name=name, by=None, actor=BY, now=utc_now())
    click.echo(made)


@command.command("change-key")
@_of_a_console
def change_key(root: Path, database: str | None) -> None:
    """Seal all authenticators' secrets with a new key. Stop the console first: it knows the key so far alone.

    The new key is drawn into ROOT/console/key; or it is that of FRAUD_DETECT_CONSOLE_KEY, and the one so far that of
    FRAUD_DETECT_CONSOLE_EARLIER_KEY. Everybody has to log in anew, and calls under way end.
    """
    of_the_environment = bool(os.environ.get(KEY_VARIABLE))
    file = settings_of(root, database, os.environ).folder / KEY_FILE
    with key_file.used(file, to_change_it=True):
        if not of_the_environment:
            key_file.begin_change(file)
        settings = settings_of(root, database, os.environ)
        _refuse_the_same_key(settings)
        with _store(root, database).writing() as rows:
            count = secrets_at_rest.renew(rows, settings.sealed, now=utc_now(), by=BY)
        if not of_the_environment:
            key_file.end_change(file)
    click.echo(f"{count} secrets are sealed with the new key.")


def _refuse_the_same_key(settings: Settings) -> None:
    if not settings.earlier_keys or settings.secret_key in settings.earlier_keys:
        raise SettingError(
            f"{KEY_VARIABLE} is the key so far, or {EARLIER_KEY_VARIABLE} does not say which that is",
            expected="the new key in the one, the key so far in the other",
            remedy="Draw a new one: python3 -c 'import secrets; print(secrets.token_hex(32))'.",
        )


@command.command("forget-secrets")
@click.confirmation_option(prompt="Whose secret the key does not open has to set up the authenticator app anew. Go on?")
@_of_a_console
def forget_secrets(root: Path, database: str | None) -> None:
    """Turn off the second factors and customers' authenticators that no key opens any more, since it is lost."""
    settings = settings_of(root, database, os.environ)
    with _store(root, database).writing() as rows:
        count = secrets_at_rest.forget(rows, settings.sealed, now=utc_now(), by=BY)
    click.echo(f"{count} secrets are forgotten.")


def _store(root: Path, database: str | None) -> Database:
    store = Database(settings_of(root, database, os.environ).database_url)
    store.migrate()
    return store


def _do(act: Callable[..., None], name: str, root: Path, database: str | None, **more: Any) -> None:
    with _store(root, database).writing() as rows:
        found = users.named(rows, name)
        if found is None:
            raise AccountError(
                f"There is no account '{name[:80]}'", expected="one that exists", remedy="`accounts list` lists them."
            )
        act(rows, users.numbered(rows, found.id), now=utc_now(), by=BY, **more)


def _state(user: User) -> str:
    if user.disabled:
        return "disabled"
    if users.is_locked(user, now=utc_now()):
        return "locked"
    return "new password" if user.must_change_password else "active"
