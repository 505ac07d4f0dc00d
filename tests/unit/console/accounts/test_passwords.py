"""What is taken as a new password, and its hash."""

from __future__ import annotations

import time

import pytest

from fraud_detect.console.accounts import passwords
from fraud_detect.console.accounts.passwords import LONGEST, SHORTEST, PasswordError


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password2026!",
        "P4ssw0rd!2026",
        "123456789012",
        "qwertyuiopas",
        "a" * 40,
        "abcabcabcabc",
        "winterwinter",
    ],
)
def test_what_somebody_would_try_first_is_refused(password: str) -> None:
    with pytest.raises(PasswordError, match="one of the first that somebody would try"):
        passwords.hashed(password, name="anna")


def test_a_name_helps_to_guess_its_own_password() -> None:
    assert passwords.hashed("hildegard.voss.1", name="anna")

    with pytest.raises(PasswordError, match="one of the first"):
        passwords.hashed("hildegard.voss.1", name="hildegard.voss")


@pytest.mark.parametrize("length", [0, SHORTEST - 1, LONGEST + 1])
def test_a_length_that_cannot_be_is_told(length: int) -> None:
    with pytest.raises(PasswordError, match=f"has {length} characters"):
        passwords.hashed("x" * length, name="anna")


@pytest.mark.parametrize(
    "password", ["four words are enough", "Ærø og Fanø i regn", passwords.one_time(), "9 " * 10 + "x1 ?kq"]
)
def test_what_is_taken_matches_its_hash_and_nothing_else_does(password: str) -> None:
    made = passwords.hashed(password, name="anna")

    assert passwords.matches(password, made)
    assert not passwords.matches(password + " ", made)


def test_the_longest_password_is_estimated_soon() -> None:
    started = time.perf_counter()
    passwords.hashed("".join(passwords.one_time() for _ in range(16)), name="anna")

    assert time.perf_counter() - started < 2.0
