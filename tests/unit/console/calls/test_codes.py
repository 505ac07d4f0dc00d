"""The codes of a call: other ones for every call, side, customer and bank; typed as people type."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest

from console_factories import NOON
from fraud_detect.console import one_time_codes
from fraud_detect.console.calls import codes
from fraud_detect.console.calls.codes import Outcome, Side

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def made(call: str = "call", side: Side = Side.BANK, customers: str = SECRET, banks: bytes = b"b" * 32) -> str:
    return codes.secret_of(call, side, customers=customers, banks=banks)


def test_a_secret_is_160_bits_in_base_32_that_an_authenticator_would_take() -> None:
    assert (len(made()), pyotp.TOTP(made()).at(NOON)) == (32, codes.shown(made(), now=NOON).code)


def test_every_call_side_customer_and_bank_has_another_secret() -> None:
    others = [made(), made("other"), made(side=Side.CUSTOMER), made(customers=SECRET[::-1]), made(banks=b"c" * 32)]
    assert len(set(others)) == len(others)


def test_the_customers_app_does_not_show_the_codes_of_a_call() -> None:
    assert codes.shown(SECRET, now=NOON).code != codes.shown(made(), now=NOON).code


@pytest.mark.parametrize(("second", "left"), [(0, 30), (1, 29), (29, 1), (30, 30)])
def test_the_countdown_says_when_the_code_changes(second: int, left: int) -> None:
    assert codes.shown(SECRET, now=NOON + timedelta(seconds=second, milliseconds=999)).seconds_left == left


@pytest.mark.parametrize("typed", ["123456", " 123 456 ", "123-456", "123\u00a0456", "1 2 3 4 5 6"])
def test_a_code_may_be_typed_in_groups(typed: str) -> None:
    assert codes.tidied(typed) == "123456"


@pytest.mark.parametrize(
    "typed", ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "²23456", "-12345", "123456\x00", "None"]
)
def test_what_is_not_six_digits_is_no_code(typed: str) -> None:
    assert codes.tidied(typed) is None


@pytest.mark.parametrize(
    ("steps", "last", "outcome"),
    [
        (0, -1, Outcome.RIGHT),
        (0, 0, Outcome.REUSED),
        (-1, 0, Outcome.REUSED),
        (1, 0, Outcome.RIGHT),
        (-2, None, Outcome.LATE),
    ],
)
def test_a_code_is_right_once_and_those_before_it_no_more(steps: int, last: int | None, outcome: Outcome) -> None:
    now = one_time_codes.step_at(NOON)
    code = one_time_codes.code_at(SECRET, now + steps)
    judged = codes.judged(SECRET, code, now=NOON, last_step=None if last is None else now + last)
    assert judged == (outcome, now + steps if outcome is Outcome.RIGHT else None)
