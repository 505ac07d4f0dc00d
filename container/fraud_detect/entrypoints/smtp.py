"""The variables that set up mails about alerts: one table, which parses them and documents them.

Knows names, defaults and meanings. Never knows servers of mail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fraud_detect.console.settings import Smtp
from fraud_detect.errors import SettingError

PREFIX = "FRAUD_DETECT_SMTP_"
CONSOLE_URL = "FRAUD_DETECT_CONSOLE_URL"
_ADDRESS = re.compile(r"[^\s@<>,;:\"\\\x00-\x1f\x7f]+@[^\s@<>,;:\"\\\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Variable:
    """One variable: the field of `Smtp` that it sets, how its text is read, and what it means."""

    field: str
    read: Callable[[str], Any]
    expected: str
    default: str
    meaning: str


def _port(text: str) -> int:
    return _number(text, 65_535)


def _mails(text: str) -> int:
    return _number(text, 3_600)


def _number(text: str, most: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= most:
        raise ValueError
    return number


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError
    return text


def _addresses(text: str) -> tuple[str, ...]:
    found = tuple(_address(part.strip()) for part in text.split(",") if part.strip())
    if not found:
        raise ValueError
    return found


def _switch(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _line(text: str) -> str:
    if any(ord(letter) < 32 for letter in text):
        raise ValueError
    return text


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s]+", text):
        raise ValueError
    return text


VARIABLES: Mapping[str, Variable] = {
    f"{PREFIX}HOST": Variable("host", _line, "a host", "", "Mail server. Without it no mail is sent."),
    f"{PREFIX}PORT": Variable("port", _port, "a number from 1 to 65535", "587", "Its port."),
    f"{PREFIX}SENDER": Variable("sender", _address, "one address", "", "Who the mails are from. Needed with a host."),
    f"{PREFIX}RECIPIENTS": Variable(
        "recipients", _addresses, "addresses, separated by commas", "", "Who gets them. Needed with a host."
    ),
    f"{PREFIX}USER": Variable("user", _line, "a name", "", "Name to log in with. Without it, no log-in."),
    f"{PREFIX}PASSWORD": Variable("password", _line, "a password", "", "Password to log in with."),
    f"{PREFIX}STARTTLS": Variable(
        "starttls", _switch, "true or false", "true", "Whether the connection is encrypted before anything is said."
    ),
    f"{PREFIX}MAILS_AN_HOUR": Variable(
        "mails_an_hour",
        _mails,
        "a number from 1 to 3600",
        "12",
        "Most mails in any hour; the rest waits for a summary.",
    ),
    CONSOLE_URL: Variable(
        "console_url", _url, "an address such as https://console.example.org", "", "Where links in mails lead."
    ),
}


def of(environment: Mapping[str, str]) -> Smtp | None:
    """Return the mail server that the environment names, None where it names none.

    Raises
    ------
    SettingError
        Naming the variable. The password is not repeated.
    """
    if not environment.get(f"{PREFIX}HOST"):
        return None
    return Smtp(**{variable.field: _read(name, variable, environment) for name, variable in VARIABLES.items()})


def _read(name: str, variable: Variable, environment: Mapping[str, str]) -> Any:
    text = environment.get(name) or variable.default
    if not text and variable.read is not _address and variable.read is not _addresses:
        return ""
    try:
        return variable.read(text)
    except (ValueError, KeyError):
        got = "no value that fits" if variable.field == "password" else f"'{text[:80]}'"
        raise SettingError(
            f"{name} is {got}", expected=variable.expected, remedy="Correct it, or unset the host for no mails."
        ) from None


def as_markdown() -> str:
    """Return the table of the variables."""
    rows = [f"| `{name}` | {one.meaning} | {one.default or 'none'} |" for name, one in VARIABLES.items()]
    return "\n".join(["| variable | meaning | default |", "| --- | --- | --- |", *rows]) + "\n"
