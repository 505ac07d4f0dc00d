"""`fraud-detect accounts` and `fraud-detect audit`: what they do, print and refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import InvalidToken
from sqlalchemy import text

import console_factories
from console_factories import PASSWORD, a_console, posted
from fraud_detect.console import key_file, secrets_at_rest
from fraud_detect.console.keys import Sealed
from fraud_detect.console.storage.database import Database
from fraud_detect.console.storage.tables import CustomerSecret, User
from fraud_detect.entrypoints.cli import main
from fraud_detect.entrypoints.console import _migrated, settings_of
from fraud_detect.errors import SettingError


def told(root: Path, *arguments: str, **options: Any) -> Result:
    """Return what the command says about the console under `root`."""
    where = ("--root", str(root), "--database", console_factories.database_of(root))
    return CliRunner().invoke(main, [*arguments, *where], **options)


def added(root: Path, name: str = "ada", *more: str) -> Result:
    return told(root, "accounts", "add", name, *more, env={"FRAUD_DETECT_PASSWORD": PASSWORD})


def test_the_first_administrator_can_log_in(tmp_path: Path) -> None:
    assert added(tmp_path).output == "The account ada has the role admin.\n"
    answer = posted(a_console(tmp_path).test_client(), "/log-in", name="ada", password=PASSWORD)
    assert answer.status_code == 302


def test_a_password_is_asked_for_twice(tmp_path: Path) -> None:
    answer = told(tmp_path, "accounts", "add", "ada", input=f"{PASSWORD}\n{PASSWORD}\n")
    assert (answer.exit_code, PASSWORD in answer.output) == (0, False)


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("no such name", (), "expected 1 to 64 letters"),
        ("ada", (), "The account 'ada' exists"),
        ("bob", ("--role", "customer"), "belongs to no customer"),
        ("bob", ("--role", "agent", "--customer", "C1"), "belongs to C1"),
    ],
    ids=["name", "taken", "customer", "agent"],
)
def test_an_account_that_cannot_be_is_refused(tmp_path: Path, name: str, more: tuple[str, ...], said: str) -> None:
    added(tmp_path)
    answer = added(tmp_path, name, *more)
    assert (answer.exit_code, said in answer.output, "Traceback" in answer.output) == (1, True, False)


def test_accounts_are_listed(tmp_path: Path) -> None:
    added(tmp_path)
    added(tmp_path, "bob", "--role", "customer", "--customer", "C1")
    assert told(tmp_path, "accounts", "list").output.splitlines() == [
        "ada\tadmin\t-\tpassword alone\tactive",
        "bob\tcustomer\tC1\tpassword alone\tactive",
    ]


def test_the_last_administrator_stays(tmp_path: Path) -> None:
    added(tmp_path)
    answer = told(tmp_path, "accounts", "disable", "ada")
    assert (answer.exit_code, "'ada' is the last administrator who can log in" in answer.output) == (1, True)


def test_a_disabled_account_can_be_enabled(tmp_path: Path) -> None:
    added(tmp_path)
    added(tmp_path, "bob")
    told(tmp_path, "accounts", "disable", "bob")
    assert "bob\tadmin\t-\tpassword alone\tdisabled" in told(tmp_path, "accounts", "list").output
    told(tmp_path, "accounts", "enable", "bob")
    assert "bob\tadmin\t-\tpassword alone\tactive" in told(tmp_path, "accounts", "list").output


def test_a_reset_password_is_good_for_choosing_another(tmp_path: Path) -> None:
    added(tmp_path)
    password = told(tmp_path, "accounts", "reset-password", "ada").output.strip()
    client = a_console(tmp_path).test_client()
    posted(client, "/log-in", name="ada", password=password)
    assert client.get("/accounts").location == "/account/password"


def test_a_token_of_a_program_works(tmp_path: Path) -> None:
    token = told(tmp_path, "accounts", "token", "shop").output.strip()
    answer = a_console(tmp_path).test_client().get("/api/openapi.json", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


def test_who_is_not_there_is_said(tmp_path: Path) -> None:
    answer = told(tmp_path, "accounts", "disable", "nobody")
    assert (answer.exit_code, "There is no account 'nobody'" in answer.output) == (1, True)


def test_the_audit_log_is_verified(tmp_path: Path) -> None:
    added(tmp_path)
    answer = told(tmp_path, "audit")
    assert (answer.exit_code, answer.output.startswith("1 lines hold; the last hash is ")) == (0, True)


def test_a_line_that_somebody_changed_is_found(tmp_path: Path) -> None:
    for name in ("ada", "bob", "eve"):
        added(tmp_path, name)
    with Database(console_factories.database_of(tmp_path)).writing() as rows:
        rows.execute(text("UPDATE audit SET actor = 'nobody' WHERE id = 2"))
    answer = told(tmp_path, "audit")
    assert (answer.exit_code, "broken at line 2" in answer.output) == (1, True)


def test_a_console_does_not_begin_with_the_key_of_another(tmp_path: Path) -> None:
    added(tmp_path)
    settings = settings_of(tmp_path, console_factories.database_of(tmp_path), {})
    with Database(settings.database_url).writing() as rows:
        rows.query(User).one().totp_secret = Sealed(b"another key").seal("a secret")
    with pytest.raises(SettingError, match="does not open 1 of the secrets"):
        _migrated(settings)
    assert told(tmp_path, "accounts", "forget-secrets", "--yes").output == "1 secrets are forgotten.\n"
    _migrated(settings)


def sealed_secret(root: Path, sealed: Sealed) -> None:
    """Give the one account and a customer a secret."""
    with Database(console_factories.database_of(root)).writing() as rows:
        rows.query(User).one().totp_secret = sealed.seal("of an account")
        rows.add(CustomerSecret(customer="C1", secret=sealed.seal("of a customer"), failures=0))


def opened_secrets(root: Path, sealed: Sealed) -> set[str]:
    """Return what `sealed` opens of the secrets; raises InvalidToken if it does not open one."""
    with Database(console_factories.database_of(root)).reading() as rows:
        return {sealed.open(secret) for secret in secrets_at_rest._all(rows)}


SECRETS = {"of an account", "of a customer"}


def test_a_changed_key_opens_every_secret_and_the_one_before_none(tmp_path: Path) -> None:
    added(tmp_path)
    file = tmp_path / "console/key"
    before = file.read_bytes()
    sealed_secret(tmp_path, Sealed(before))

    assert told(tmp_path, "accounts", "change-key").output == "2 secrets are sealed with the new key.\n"
    assert opened_secrets(tmp_path, Sealed(file.read_bytes())) == SECRETS
    with pytest.raises(InvalidToken):
        opened_secrets(tmp_path, Sealed(before))
    assert (before in file.read_bytes(), file.stat().st_mode & 0o777) == (False, 0o600)
    assert "hold" in told(tmp_path, "audit").output


@pytest.mark.parametrize("function", ["renew", "end_change"])
def test_a_change_of_the_key_that_breaks_off_loses_nothing(
    tmp_path: Path, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(tmp_path)
    sealed_secret(tmp_path, Sealed((tmp_path / "console/key").read_bytes()))
    module = secrets_at_rest if function == "renew" else key_file
    with monkeypatch.context() as patched:
        patched.setattr(module, function, lambda *_, **__: 1 / 0)
        assert told(tmp_path, "accounts", "change-key").exit_code != 0

    _migrated(settings_of(tmp_path, console_factories.database_of(tmp_path), {}))
    assert told(tmp_path, "accounts", "change-key").exit_code == 0
    key = (tmp_path / "console/key").read_bytes()
    assert (opened_secrets(tmp_path, Sealed(key)), len(key.split())) == (SECRETS, 1)


def test_a_key_of_the_environment_is_changed_by_naming_both(tmp_path: Path) -> None:
    before, after = "b" * 32, "a" * 32
    env = {"FRAUD_DETECT_CONSOLE_KEY": before, "FRAUD_DETECT_PASSWORD": PASSWORD}
    told(tmp_path, "accounts", "add", "ada", env=env)
    sealed_secret(tmp_path, Sealed(before.encode()))

    wrong = {"FRAUD_DETECT_CONSOLE_KEY": after, "FRAUD_DETECT_CONSOLE_EARLIER_KEY": "c" * 32}
    answer = told(tmp_path, "accounts", "change-key", env=wrong)
    assert (answer.exit_code, "does not open 2 of the secrets" in answer.output) == (1, True)
    both = {"FRAUD_DETECT_CONSOLE_KEY": after, "FRAUD_DETECT_CONSOLE_EARLIER_KEY": before}
    assert told(tmp_path, "accounts", "change-key", env=both).exit_code == 0
    assert opened_secrets(tmp_path, Sealed(after.encode())) == SECRETS
    assert not (tmp_path / "console/key").exists()


@pytest.mark.parametrize("earlier", ["", "b" * 32])
def test_a_key_of_the_environment_that_stays_is_not_called_new(tmp_path: Path, earlier: str) -> None:
    env = {"FRAUD_DETECT_CONSOLE_KEY": "b" * 32, "FRAUD_DETECT_CONSOLE_EARLIER_KEY": earlier}
    answer = told(tmp_path, "accounts", "change-key", env=env)
    assert (answer.exit_code, "expected the new key in the one" in answer.output) == (1, True)


def test_a_key_that_somebody_uses_is_not_changed_and_one_that_is_being_changed_not_used(tmp_path: Path) -> None:
    added(tmp_path)
    file = tmp_path / "console/key"
    before = file.read_bytes()
    with key_file.used(file, to_change_it=False), key_file.used(file, to_change_it=False):
        answer = told(tmp_path, "accounts", "change-key")
    assert (answer.exit_code, "Stop that console first" in answer.output, file.read_bytes()) == (1, True, before)

    with key_file.used(file, to_change_it=True), pytest.raises(SettingError, match="is being changed"):
        key_file.used(file, to_change_it=False).__enter__()


def test_a_key_that_cannot_be_replaced_stays_and_leaves_no_other_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(tmp_path)
    before = (tmp_path / "console/key").read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(16, "Device or resource busy")))
        answer = told(tmp_path, "accounts", "change-key")
    assert (answer.exit_code, "is still the one so far" in answer.output) == (1, True)
    assert (tmp_path / "console/key").read_bytes() == before
    assert not list((tmp_path / "console").glob("key.new"))


def test_only_what_the_key_does_not_open_is_forgotten(tmp_path: Path) -> None:
    added(tmp_path)
    sealed_secret(tmp_path, Sealed((tmp_path / "console/key").read_bytes()))
    with Database(console_factories.database_of(tmp_path)).writing() as rows:
        rows.query(User).one().totp_secret = Sealed(b"another key").seal("lost")

    assert told(tmp_path, "accounts", "forget-secrets", "--yes").output == "1 secrets are forgotten.\n"
    assert opened_secrets(tmp_path, Sealed((tmp_path / "console/key").read_bytes())) == {"of a customer"}


@pytest.mark.usefixtures("one_engine")
def test_a_key_of_several_words_is_one_key(tmp_path: Path) -> None:
    words = "correct horse battery staple is the key of this console"
    (tmp_path / "console").mkdir()
    (tmp_path / "console/key").write_text(f"{words}\n")
    assert settings_of(tmp_path, None, {}).secret_key == words.encode()


@pytest.mark.usefixtures("one_engine")
def test_a_key_that_was_cut_is_said(tmp_path: Path) -> None:
    (tmp_path / "console").mkdir()
    (tmp_path / "console/key").write_text("short")
    answer = added(tmp_path)
    assert (answer.exit_code, "has 5 characters; expected at least 32" in answer.output) == (1, True)
