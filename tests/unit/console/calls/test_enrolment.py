"""The customer's authenticator: set up, changed, taken away, and never shown to another browser."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from call_factories import (
    Desk,
    a_desk,
    a_desk_with_a_call,
    a_desk_with_a_joined_call,
    again_logged_in,
    send,
    shown_secret,
    wrong_code,
)
from console_factories import NOON, PASSWORD, logged_in, parts_of
from fraud_detect.console import one_time_codes
from fraud_detect.console.calls import enrolment
from fraud_detect.console.calls.codes import Outcome
from fraud_detect.console.calls.enrolment import EnrolmentError
from fraud_detect.console.keys import Sealed
from fraud_detect.console.storage.tables import CustomerSecret, Role

SEALED = Sealed(b"s" * 32)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def begin(desk: Desk, **fields: str) -> str:
    """Ask for a new secret, and return the address that is answered with."""
    location: str = send(desk.customer, "/enrolment/begin", page="/", **fields).location
    return location


def a_row(**overrides: object) -> CustomerSecret:
    given = {"customer": "eve", "secret": SEALED.seal(SECRET), "confirmed_at": NOON, "failures": 0, "last_step": None}
    return CustomerSecret(**{**given, **overrides})


def check(row: CustomerSecret, code: str, minutes: float = 0) -> Outcome:
    return enrolment.checked(row, code, sealed=SEALED, now=NOON + timedelta(minutes=minutes))


def code_of(minutes: float = 0) -> str:
    return one_time_codes.code_at(SECRET, one_time_codes.step_at(NOON + timedelta(minutes=minutes)))


def kept(desk: Desk) -> CustomerSecret | None:
    with parts_of(desk.app).database.reading() as rows:
        return enrolment.found(rows, "eve")


def test_an_app_is_set_up_by_its_first_code(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    desk.set_up()
    assert "Set up</span> since <time" in desk.customer.get("/enrolment").text


def test_the_picture_is_the_address_that_apps_read(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    begin(desk, password=PASSWORD)
    page = desk.customer.get("/enrolment").text
    assert ('src="data:image/svg+xml' in page, "style=" in page) == (True, False)
    address = one_time_codes.address(shown_secret(desk.customer), "eve")
    assert address.startswith("otpauth://totp/fraud-detect:eve?secret=")


def test_the_secret_is_shown_only_until_its_first_code(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    desk.set_up()
    page = desk.customer.get("/enrolment").text
    assert (desk.secret in page.replace(" ", ""), "call-secret" in page, "data:image" in page) == (False, False, False)


@pytest.mark.usefixtures("one_engine")
def test_the_secret_is_encrypted_on_the_disk(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    begin(desk, password=PASSWORD)
    secret = shown_secret(desk.customer).encode()
    files = [path.read_bytes() for path in (tmp_path / "console").glob("console.sqlite*")]
    assert files
    assert not any(secret in content for content in files)


def test_a_wrong_first_code_sets_nothing_up(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    begin(desk, password=PASSWORD)
    desk.secret = shown_secret(desk.customer)
    wrong = wrong_code(*(desk.app_code(steps) for steps in range(-12, 3)))
    answer = send(desk.customer, "/enrolment/confirm", page="/", code=wrong)
    assert "This code is wrong." in desk.customer.get(answer.location).text
    row = kept(desk)
    assert row is not None
    assert (row.secret, row.confirmed_at) == (None, None)


def test_a_secret_is_asked_for_with_the_password(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    page = desk.customer.get(begin(desk, password="wrong horse battery")).text
    assert ("The password is wrong" in page, "call-secret" in page) == (True, False)


def test_another_log_in_does_not_see_the_secret_that_is_set_up(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    begin(desk, password=PASSWORD)
    assert "call-secret" not in again_logged_in(desk.app, "eve").get("/enrolment").text


def test_a_copied_log_in_does_not_see_the_secret_that_is_set_up(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    stolen, thief = desk.customer.get_cookie("fraud_detect_console"), desk.app.test_client()
    assert stolen is not None
    thief.set_cookie("fraud_detect_console", stolen.value)
    begin(desk, password=PASSWORD)
    assert ("call-secret" in thief.get("/enrolment").text, thief.get("/enrolment").status_code) == (False, 200)


def test_another_log_in_cannot_confirm_it(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    begin(desk, password=PASSWORD)
    desk.secret = shown_secret(desk.customer)
    answer = send(again_logged_in(desk.app, "eve"), "/enrolment/confirm", page="/", code=desk.app_code())
    assert "said=not+expected" in answer.location


@pytest.mark.parametrize("code", ["", "000000"])
def test_a_change_asks_for_a_code_of_the_app_before(tmp_path: Path, code: str) -> None:
    desk = a_desk(tmp_path)
    desk.set_up()
    assert "said=" in begin(desk, password=PASSWORD, code=code)
    assert "call-secret" not in desk.customer.get("/enrolment").text


def test_the_app_before_counts_until_the_new_one_is_set_up(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    desk.set_up()
    begin(desk, password=PASSWORD, code=desk.app_code())
    desk.clock.turn(seconds=30)
    desk.open()
    desk.join()
    assert desk.state() == "joined"


def test_the_new_app_counts_instead_of_the_one_before(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    desk.set_up()
    begin(desk, password=PASSWORD, code=desk.app_code())
    before, desk.secret = desk.secret, shown_secret(desk.customer)
    send(desk.customer, "/enrolment/confirm", page="/", code=desk.app_code())
    desk.clock.turn(seconds=30)
    desk.open()
    old = one_time_codes.code_at(before, one_time_codes.step_at(desk.clock.now))
    assert "said=wrong" in desk.enter(desk.customer, "join", old).location
    desk.join()


def test_an_administrator_resets_it_and_ends_the_call(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    admin = logged_in(desk.app, Role.ADMIN)
    send(admin, "/calls/reset", page="/calls/", customer="eve")
    assert ("is reset" in admin.get("/calls/").text, desk.state(), kept(desk)) == (True, "ended", None)
    assert json.loads(desk.attempts("authenticator reset")[0]) == {"there": True}


def test_an_agent_resets_nothing(tmp_path: Path) -> None:
    desk = a_desk_with_a_call(tmp_path)
    assert send(desk.agent, "/calls/reset", page="/calls/", customer="eve").status_code == 403
    assert kept(desk) is not None


def test_an_agent_is_told_of_a_fresh_authenticator(tmp_path: Path) -> None:
    desk = a_desk_with_a_call(tmp_path)
    first = desk.agent.get(desk.agents).text
    desk.clock.turn(hours=24)
    agent = again_logged_in(desk.app, "agent")
    desk.agent = agent
    desk.open()
    assert ["less than a day ago" in page for page in (first, agent.get(desk.agents).text)] == [True, False]


def test_a_code_of_the_app_counts_once() -> None:
    row = a_row()
    assert [check(row, code_of()) for _ in range(2)] == [Outcome.RIGHT, Outcome.REUSED]


@pytest.mark.parametrize(("failures", "minutes"), [(4, 15), (9, 60), (14, 240), (19, 1440), (24, 1440), (94, 1440)])
def test_each_five_wrong_codes_in_a_row_lock_for_longer(failures: int, minutes: int) -> None:
    row = a_row(failures=failures)
    outcomes = [check(row, wrong_code(code_of())), check(row, code_of(minutes - 1), minutes - 1)]
    assert (outcomes, check(row, code_of(minutes), minutes)) == ([Outcome.LOCKED] * 2, Outcome.RIGHT)


def test_a_hundred_wrong_codes_in_a_row_close_it_for_good() -> None:
    row = a_row(failures=99)
    check(row, wrong_code(code_of()))
    assert check(row, code_of(1e5), 1e5) is Outcome.LOCKED


def test_a_right_code_begins_the_count_anew() -> None:
    row = a_row(failures=9)
    check(row, code_of())
    assert (row.failures, row.locked_until) == (0, None)


def test_a_code_while_locked_is_not_counted() -> None:
    row = a_row(failures=4)
    for _ in range(3):
        check(row, wrong_code(code_of()))
    assert row.failures == 5


def test_a_secret_under_another_key_says_what_to_do() -> None:
    with pytest.raises(EnrolmentError, match="Let an administrator reset it"):
        enrolment.opened_secret(Sealed(b"t" * 32), SEALED.seal(SECRET))
