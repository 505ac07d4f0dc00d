"""Who takes part in a call or sets an authenticator up: a person, in which log-in, in which browser.

Knows keys. Never knows calls, cookies.
"""

from __future__ import annotations

from dataclasses import dataclass

from fraud_detect.console.keys import fingerprint


@dataclass(frozen=True)
class Seat:
    """One browser in one matter: its log-in, and the fingerprint of a key that it alone was given when that began.

    The log-in alone is not enough: whoever copied its cookie before has no key.
    """

    session_id: int
    key_hash: str


@dataclass(frozen=True)
class Person:
    """Who does something, in which log-in; `customer` is whom an account of the role customer belongs to."""

    name: str
    user_id: int
    session_id: int
    customer: str | None = None

    def seat(self, key: str) -> Seat:
        """Return the place of this person's browser that has `key`."""
        return Seat(self.session_id, fingerprint(key))
