"""One-time codes: RFC 6238's own examples, the tolerance, and that none is taken twice."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from fraud_detect.console.one_time_codes import address, code_at, new_secret, step_at, verified

SECRET = base64.b32encode(b"12345678901234567890").decode()
NOW = datetime(2026, 6, 1, 12, 0, 10, tzinfo=UTC)
STEP = step_at(NOW)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    assert code_at(SECRET, step_at(datetime.fromtimestamp(seconds, tz=UTC))) == code


@pytest.mark.parametrize(("off", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_one_step_off(off: int, taken: bool) -> None:
    found = verified(SECRET, code_at(SECRET, STEP + off), now=NOW, last_step=None)
    assert found == (STEP + off if taken else None)


@pytest.mark.parametrize("last", [STEP, STEP + 1])
def test_no_code_is_taken_twice_nor_one_before_it(last: int) -> None:
    assert verified(SECRET, code_at(SECRET, STEP), now=NOW, last_step=last) is None


def test_the_code_after_the_last_one_is_taken() -> None:
    assert verified(SECRET, code_at(SECRET, STEP), now=NOW, last_step=STEP - 1) == STEP


def test_spaces_in_a_code_do_not_count() -> None:
    code = code_at(SECRET, STEP)
    assert verified(SECRET, f" {code[:3]} {code[3:]}\n", now=NOW, last_step=None) == STEP


@pytest.mark.parametrize(
    "code",
    ["", "12345", "1234567", "abcdef", "\uff11\uff12\uff13\uff14\uff15\uff16", "\ud800", "-00001", "0" * 5000],
    ids=["empty", "short", "long", "letters", "wide digits", "half a character", "negative", "very long"],
)
def test_what_is_no_code_is_refused(code: str) -> None:
    assert verified(SECRET, code, now=NOW, last_step=None) is None


def test_a_code_of_another_secret_is_refused() -> None:
    assert verified(new_secret(), code_at(SECRET, STEP), now=NOW, last_step=None) is None


def test_a_code_lasts_until_the_end_of_the_step_after_it() -> None:
    code, end = code_at(SECRET, STEP), datetime.fromtimestamp((STEP + 2) * 30, tz=UTC)
    before = verified(SECRET, code, now=end - timedelta(milliseconds=1), last_step=None)
    assert (before, verified(SECRET, code, now=end, last_step=None)) == (STEP, None)


def test_the_address_names_the_account_and_the_bank() -> None:
    parts = urlsplit(address(SECRET, "ada@bank & co", issuer="Bank"))
    asked = parse_qs(parts.query)
    assert (parts.scheme, parts.netloc, parts.path) == ("otpauth", "totp", "/Bank:ada%40bank%20%26%20co")
    assert (asked["secret"], asked["issuer"]) == ([SECRET], ["Bank"])
