"""Passwords: how long and how hard to guess they must be, and their hashes.

Knows argon2, zxcvbn. Never knows accounts.
"""

from __future__ import annotations

import functools
import secrets
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from zxcvbn import zxcvbn

from fraud_detect.errors import UserError

SHORTEST, LONGEST = 12, 256
"""NIST SP 800-63B: length counts, rules about kinds of characters do not, and what others often choose is refused."""
FEWEST_GUESSES = 10**8
"""By zxcvbn's estimate, where it calls a password safe from who has to ask the server (its score 3)."""
ESTIMATED = 24
"""Of so many characters the guesses are estimated: 0.2 s at the worst, and time grows with the square of them."""
EASY = ("fraud-detect", "fraud", "detect", "console")
HASHES_AT_ONCE = 4
"""Each takes 64 MiB: a flood of log-ins waits for its turn instead of taking the memory."""
ONE_TIME_BYTES = 12
_HASHER = PasswordHasher()  # argon2id with 64 MiB, 3 passes, 4 lanes: RFC 9106's second choice
_TURN = threading.BoundedSemaphore(HASHES_AT_ONCE)
_ESTIMATING = threading.Lock()


class PasswordError(UserError):
    """A new password is too short, too long, or soon guessed."""


def hashed(password: str, *, name: str) -> str:
    """Return the argon2id hash of a new password of the account `name`.

    Raises
    ------
    PasswordError
        If it is too short, too long, or soon guessed (Wheeler, zxcvbn, USENIX Security 2016).
    """
    normal = _normal(password)
    length = len(normal)
    if not SHORTEST <= length <= LONGEST:
        raise PasswordError(
            f"The password has {length} characters",
            expected=f"{SHORTEST} to {LONGEST}",
            remedy="Choose another one; several words are easy to remember.",
        )
    if _guesses(normal[:ESTIMATED], name) < FEWEST_GUESSES:
        raise PasswordError(
            "The password is one of the first that somebody would try",
            expected="no common password, name, date, row of keys or repetition",
            remedy="Choose another one; several words that do not belong together are easy to remember.",
        )
    return _hash(password)


def matches(password: str, password_hash: str) -> bool:
    """Return whether `password` is the one that was hashed; takes as long either way."""
    try:
        with _TURN:
            return _HASHER.verify(password_hash, _bytes(password))
    except VerificationError:
        return False


def is_outdated(password_hash: str) -> bool:
    """Return whether the hash was made with other parameters than those of today."""
    return _HASHER.check_needs_rehash(password_hash)


def rehashed(password: str) -> str:
    """Return a hash, with the parameters of today, of a password that was right."""
    return _hash(password)


@functools.cache
def stand_in() -> str:
    """Return what a log-in under a name that does not exist is checked against, so that it takes as long as any."""
    return _hash(secrets.token_hex())


def one_time() -> str:
    """Return a random password of 96 bits, to be told to somebody who then chooses one of their own."""
    return secrets.token_urlsafe(ONE_TIME_BYTES)


def _guesses(password: str, name: str) -> float:
    """Return how many guesses zxcvbn expects; one at a time, since it keeps `name` in a dictionary for all threads."""
    with _ESTIMATING:
        return float(zxcvbn(password, user_inputs=[name, *EASY])["guesses"])


def _hash(password: str) -> str:
    with _TURN:
        return _HASHER.hash(_bytes(password))


def _bytes(password: str) -> bytes:
    return _normal(password).encode(errors="surrogatepass")


def _normal(password: str) -> str:
    """Return a password as every keyboard gives it, however it composes letters or how wide they are."""
    return unicodedata.normalize("NFKC", password)
