"""What is taken as a new password, and its hash."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

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
        "\uff30\uff41\uff53\uff53\uff57\uff4f\uff52\uff44\uff12\uff10\uff12\uff16\uff01",  # full width
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
    "password", ["four words are enough", "Ærø og Fanø i regn", "pKzd1KUGojomtQA9", "x1 ?kq" + " 9" * 10]
)
def test_what_is_taken_matches_its_hash_and_nothing_else_does(password: str) -> None:
    made = passwords.hashed(password, name="anna")

    assert passwords.matches(password, made)
    assert not passwords.matches(password + " ", made)


@pytest.mark.parametrize("part", ["4@8({[<369&#!1/|0$5+7%2", "aB3$", "qwertyuiop", "abcabcabd"])
def test_no_password_takes_long_to_judge(part: str) -> None:
    started = time.process_time()
    with suppress(PasswordError):
        passwords.hashed((part * LONGEST)[:LONGEST], name="anna")

    assert time.process_time() - started < 1.5


def test_a_name_counts_for_its_own_password_alone_whatever_other_threads_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once: list[int] = []

    def estimate(*_: object, **__: object) -> dict[str, float]:
        at_once.append(1)
        time.sleep(0.01)
        assert len(at_once) == 1
        at_once.clear()
        return {"guesses": 1e12}

    monkeypatch.setattr(passwords, "zxcvbn", estimate)
    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(lambda name: passwords.hashed("four words are enough", name=name), "abcdefgh"))
