"""Passwords: how long they must be, and their hashes.

Knows argon2. Never knows accounts.
"""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from fraud_detect.errors import UserError

SHORTEST, LONGEST = 12, 256
"""NIST SP 800-63B: length counts, rules about kinds of characters do not."""
_HASHER = PasswordHasher()
NO_PASSWORD = _HASHER.hash("nobody has this account")
"""What a log-in under a name that does not exist is checked against, so that it takes as long as any other."""


class PasswordError(UserError):
    """A new password is too short or too long."""


def hashed(password: str) -> str:
    """Return the argon2id hash of a new password."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordError(
            f"The password has {len(password)} characters",
            expected=f"{SHORTEST} to {LONGEST}",
            remedy="Choose another one; several words are easy to remember.",
        )
    return _HASHER.hash(password)


def matches(password: str, password_hash: str) -> bool:
    """Return whether `password` is the one that was hashed; takes as long either way."""
    try:
        return _HASHER.verify(password_hash, password)
    except VerificationError:
        return False
