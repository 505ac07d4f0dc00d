"""A call in two browsers: who sees what, which codes count, how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from call_factories import (
    Desk,
    a_desk,
    a_desk_with_a_call,
    a_desk_with_a_joined_call,
    again_logged_in,
    send,
    shown_code,
    shows_a_code,
    token_in,
    wrong_code,
)
from console_factories import a_console, logged_in, parts_of
from fraud_detect.console.storage.tables import Case, Role


def a_case(desk: Desk, **overrides: object) -> int:
    given = {
        "received_at": desk.clock.now, "customer": "eve", "amount": 120.5, "features": {}, "context": {}, "alert": True,
        "probability": 0.9, "threshold": 0.5, "expected_loss": 108.4, "reasons": [], "model": "m", "state": "open",
    }  # fmt: skip
    with parts_of(desk.app).database.writing() as rows:
        case = Case(**{**given, **overrides})
        rows.add(case)
        rows.flush()
        return case.id


def test_bank_and_customer_prove_themselves_to_each_other(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    desk.verify_bank()
    desk.verify_customer()
    pages = [desk.agent.get(desk.agents).text, desk.customer.get(desk.customers).text]
    assert [("Both sides are verified" in page, shows_a_code_in(page)) for page in pages] == [(True, False)] * 2


def shows_a_code_in(page: str) -> bool:
    return "data-code" in page


@pytest.mark.parametrize("end", ["agent", "customer"])
def test_a_right_entry_shows_at_the_other_end_without_a_reload(tmp_path: Path, end: str) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    before = desk.agent.get(f"{desk.agents}/state").get_json()["version"]
    desk.verify_bank()
    client, page = (desk.agent, desk.agents) if end == "agent" else (desk.customer, desk.customers)
    after = client.get(f"{page}/state").get_json()
    assert after["version"] != before
    assert ("The customer knows that it is the bank" if end == "agent" else "Read this code") in after["html"]


def test_the_customers_code_is_not_shown_before_the_bank_has_proven_itself(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    assert not shows_a_code(desk.customer.get(desk.customers))
    assert desk.customer.get(f"{desk.customers}/state").get_json()["code"] is None


def test_the_banks_code_is_not_shown_before_the_customer_joined(tmp_path: Path) -> None:
    desk = a_desk_with_a_call(tmp_path)
    assert desk.agent.get(f"{desk.agents}/state").get_json()["code"] is None


def test_the_page_and_its_answers_are_kept_by_nobody(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    answers = [desk.agent.get(desk.agents), desk.agent.get(f"{desk.agents}/state")]
    assert [answer.headers["Cache-Control"] for answer in answers] == ["no-store"] * 2


@pytest.mark.parametrize("path", ["", "/state"])
def test_another_log_in_of_the_same_people_sees_nothing_of_the_call(tmp_path: Path, path: str) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    agent, customer = again_logged_in(desk.app, "agent"), again_logged_in(desk.app, "eve")
    answers = [agent.get(desk.agents + path), customer.get(desk.customers + path)]
    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize("whose", ["agent", "eve"])
def test_a_log_in_copied_before_the_call_sees_nothing_of_it(tmp_path: Path, whose: str) -> None:
    desk = a_desk(tmp_path)
    desk.set_up()
    thief, victim = desk.app.test_client(), desk.agent if whose == "agent" else desk.customer
    stolen = victim.get_cookie("fraud_detect_console")
    assert stolen is not None
    thief.set_cookie("fraud_detect_console", stolen.value)
    desk.open()
    desk.join()
    assert thief.get(desk.agents if whose == "agent" else desk.customers).status_code == 404


def test_another_log_in_cannot_enter_codes(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    code = shown_code(desk.agent.get(desk.agents))
    answer = send(again_logged_in(desk.app, "eve"), f"{desk.customers}/code", page="/", code=code)
    assert (answer.status_code, desk.state()) == (404, "joined")
    assert json.loads(desk.attempts()[-1])["outcome"] == "another's"


def test_another_customer_sees_and_joins_nothing(tmp_path: Path) -> None:
    desk = a_desk_with_a_call(tmp_path)
    mallory = logged_in(desk.app, Role.CUSTOMER, name="mallory")
    answers = [mallory.get(desk.customers), send(mallory, f"{desk.customers}/join", page="/", code=desk.app_code())]
    assert ([answer.status_code for answer in answers], desk.state()) == ([404, 404], "open")


def test_another_customer_does_not_end_the_call(tmp_path: Path) -> None:
    desk = a_desk_with_a_call(tmp_path)
    mallory = logged_in(desk.app, Role.CUSTOMER, name="mallory")
    assert send(mallory, f"{desk.customers}/end", page="/").status_code == 404
    assert desk.state() == "open"


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_made_up_token_is_no_call(tmp_path: Path, method: str) -> None:
    desk = a_desk(tmp_path)
    path = f"/calls/{'A' * 43}"
    answer = desk.agent.get(path) if method == "get" else send(desk.agent, f"{path}/code", page="/", code="123456")
    assert answer.status_code == 404


def test_a_wrong_code_is_told_beside_the_field_with_the_tries_left(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    answer = desk.enter(desk.customer, "code", wrong_code(shown_code(desk.agent.get(desk.agents))))
    page = desk.customer.get(answer.location).text
    assert ("This code is wrong." in page, "4 tries left" in page, desk.state()) == (True, True, "joined")


def test_a_code_that_has_run_out_is_told_to_be_late(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    code = shown_code(desk.agent.get(desk.agents))
    desk.clock.turn(seconds=60)
    answer = desk.enter(desk.customer, "code", code)
    assert ("has run out" in desk.customer.get(answer.location).text, desk.state()) == (True, "joined")


def test_the_banks_code_counts_once(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    code = shown_code(desk.agent.get(desk.agents))
    outcomes = [desk.enter(desk.customer, "code", code).location.partition("said=")[2] for _ in range(2)]
    assert (outcomes, desk.state()) == (["", "not+expected"], "bank verified")


def test_a_code_of_one_call_is_wrong_in_another(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    before = shown_code(desk.agent.get(desk.agents))
    desk.open()
    desk.clock.turn(seconds=30)
    desk.join()
    assert "said=wrong" in desk.enter(desk.customer, "code", before).location


def test_the_code_of_the_customers_app_does_not_prove_the_bank(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    assert "said=wrong" in desk.enter(desk.customer, "code", desk.app_code()).location


def test_what_is_no_code_costs_no_try(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    answers = [desk.enter(desk.customer, "code", typed) for typed in ("", "12345", "<script>", "1" * 5000)]
    assert ({"said=no+code" in answer.location for answer in answers}, desk.attempts()) == ({True}, [])


def test_five_wrong_codes_end_the_call_at_both_ends(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    for _ in range(5):
        desk.enter(desk.customer, "code", wrong_code(shown_code(desk.agent.get(desk.agents))))
    pages = [desk.agent.get(desk.agents).text, desk.customer.get(desk.customers).text]
    assert ["locked after five wrong codes" in page for page in pages] == [True, True]


def test_after_a_locked_call_none_is_opened_for_a_quarter_of_an_hour(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    for _ in range(5):
        desk.enter(desk.customer, "code", wrong_code(shown_code(desk.agent.get(desk.agents))))
    refused = send(desk.agent, "/calls/open", page="/", customer="eve")
    assert (refused.status_code, "is locked" in refused.text) == (409, True)
    desk.clock.turn(minutes=15)
    desk.open()


def test_every_attempt_is_in_the_audit_log_without_its_code(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    right = shown_code(desk.agent.get(desk.agents))
    wrong = wrong_code(right)
    desk.enter(desk.customer, "code", wrong)
    desk.enter(desk.customer, "code", right)
    attempts = desk.attempts()
    assert [json.loads(attempt)["outcome"] for attempt in attempts] == ["wrong", "right"]
    assert not any(code in attempt for attempt in attempts for code in (right, wrong))


def test_joining_asks_for_a_code_of_the_app(tmp_path: Path) -> None:
    desk = a_desk_with_a_call(tmp_path)
    answer = desk.enter(desk.customer, "join", wrong_code(*(desk.app_code(steps) for steps in range(-12, 3))))
    assert ("said=wrong" in answer.location, desk.state()) == (True, "open")


def test_a_code_of_the_app_that_was_used_does_not_join(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    desk.open()
    answer = desk.enter(desk.customer, "join", desk.app_code())
    assert ("was used before" in desk.customer.get(answer.location).text, desk.state()) == (True, "open")


def test_five_wrong_codes_of_the_app_lock_it_even_for_the_right_one(tmp_path: Path) -> None:
    desk = a_desk_with_a_call(tmp_path)
    wrong = wrong_code(*(desk.app_code(steps) for steps in range(-12, 3)))
    said = [desk.enter(desk.customer, "join", wrong).location.partition("said=")[2] for _ in range(5)]
    assert (said[-1], desk.enter(desk.customer, "join", desk.app_code()).location[-6:]) == ("locked", "locked")
    assert "authenticator is locked" in desk.agent.get(desk.agents).text


def test_who_is_joined_cannot_be_joined_over(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    desk.clock.turn(seconds=30)
    answer = send(again_logged_in(desk.app, "eve"), f"{desk.customers}/join", page="/", code=desk.app_code())
    assert "said=not+expected" in answer.location
    assert "Check the caller" in desk.customer.get(desk.customers).text


def test_a_customer_ends_a_call_from_any_browser(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    send(again_logged_in(desk.app, "eve"), f"{desk.customers}/end", page="/")
    assert ("The call is over" in desk.agent.get(desk.agents).text, desk.state()) == (True, "ended")


@pytest.mark.parametrize("who", ["agent", "customer"])
def test_a_verified_call_is_over_for_the_other_when_one_logs_out(tmp_path: Path, who: str) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    desk.verify_bank()
    desk.verify_customer()
    send(desk.agent if who == "agent" else desk.customer, "/log-out", page="/")
    rest, page = (desk.customer, desk.customers) if who == "agent" else (desk.agent, desk.agents)
    assert ("The call is over" in rest.get(page).text, rest.get(f"{page}/state").get_json()["over"]) == (True, True)


def test_a_call_whose_agent_logged_out_takes_no_code_and_gives_way_to_the_next(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    code = shown_code(desk.agent.get(desk.agents))
    send(desk.agent, "/log-out", page="/")
    assert "said=not+expected" in desk.enter(desk.customer, "code", code).location
    desk.agent = logged_in(desk.app, Role.ADMIN)
    desk.open()
    assert desk.state() == "open"


def test_nothing_is_taken_in_a_call_that_is_over(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    code = shown_code(desk.agent.get(desk.agents))
    send(desk.agent, f"{desk.agents}/end", page="/")
    assert "said=not+expected" in desk.enter(desk.customer, "code", code).location
    assert desk.state() == "ended"


def test_a_call_in_which_nothing_happens_expires(tmp_path: Path) -> None:
    desk = a_desk_with_a_call(tmp_path)
    desk.clock.turn(minutes=10)
    assert "Its time ran out" in desk.agent.get(desk.agents).text
    desk.open()


def test_no_call_is_opened_with_a_customer_who_has_no_authenticator(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    asked = desk.agent.get("/calls/open?customer=eve")
    refused = send(desk.agent, "/calls/open", page="/", customer="eve")
    assert ("has set up no authenticator" in asked.text, refused.status_code) == (True, 409)


def test_another_agent_opens_no_second_call(tmp_path: Path) -> None:
    desk = a_desk_with_a_call(tmp_path)
    other = logged_in(desk.app, Role.ADMIN)
    refused = send(other, "/calls/open", page="/", customer="eve")
    assert (refused.status_code, "with another agent" in refused.text) == (409, True)


def test_an_agent_who_opens_again_ends_the_call_before(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    before = desk.token
    desk.open()
    assert "The call is over" in desk.agent.get(f"/calls/{before}").text
    assert desk.state() == "open"


def test_a_call_is_opened_for_a_case_and_says_what_it_is_about_once_joined(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    desk.set_up()
    case = a_case(desk)
    desk.token = token_in(send(desk.agent, "/calls/open", page="/", case=case).location)
    before = desk.customer.get(desk.customers).text
    desk.join()
    assert ("120.50" in before, "120.50" in desk.customer.get(desk.customers).text) == (False, True)
    assert "120.50" in desk.agent.get(desk.agents).text


@pytest.mark.parametrize(
    ("case", "status"),
    [("999", 404), ("x", 404), ("", 404), ("0", 404), ("-1", 404), ("9" * 30, 404), ("1 OR 1=1", 404)],
)
def test_a_case_that_is_none_opens_nothing(tmp_path: Path, case: str, status: int) -> None:
    assert a_desk(tmp_path).agent.get(f"/calls/open?case={case}").status_code == status


def test_a_case_without_a_customer_opens_nothing(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    answer = desk.agent.get(f"/calls/open?case={a_case(desk, customer=None)}")
    assert (answer.status_code, "names no customer" in answer.text) == (400, True)


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "' OR 1=1 --", "../../etc", "{{ 7919 * 7907 }}", "x" * 128]
)
def test_a_hostile_customer_is_only_text(tmp_path: Path, name: str) -> None:
    desk = a_desk(tmp_path)
    text = desk.agent.get("/calls/open", query_string={"customer": name}).text
    assert ("<script>alert" in text, "62615533" in text) == (False, False)


def test_a_hostile_customer_is_only_text_at_both_ends_of_a_call(tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>"
    desk = a_desk(tmp_path)
    desk.customer = logged_in(desk.app, Role.CUSTOMER, name="mallory", customer=name)
    desk.set_up()
    desk.token = token_in(send(desk.agent, "/calls/open", page="/", customer=name).location)
    desk.join()
    ends = ((desk.agent, desk.agents), (desk.agent, "/calls/"), (desk.customer, desk.customers))
    pages = [client.get(page).text for client, page in ends] + [
        desk.agent.get(f"{desk.agents}/state").get_json()["html"]
    ]
    assert not any("<img src=x" in page for page in pages)


def test_the_key_of_another_call_opens_nothing(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    before, key = desk.token, desk.agent.get_cookie("fraud_detect_call", path=desk.agents)
    desk.open()
    assert key is not None
    for page in (desk.agents, f"/calls/{before}"):
        desk.agent.set_cookie("fraud_detect_call", "x" * 43, path=page)
    assert [desk.agent.get(page).status_code for page in (desk.agents, f"/calls/{before}")] == [404, 404]
    desk.agent.set_cookie("fraud_detect_call", key.value, path=desk.agents)
    assert desk.agent.get(desk.agents).status_code == 404


@pytest.mark.parametrize("end", ["calls", "my-calls"])
def test_an_end_enters_no_code_of_its_own_side(tmp_path: Path, end: str) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    code = shown_code(desk.agent.get(desk.agents))
    if end == "calls":
        assert "said=not+expected" in desk.enter(desk.agent, "code", code).location
    else:
        desk.verify_bank()
        own = shown_code(desk.customer.get(desk.customers))
        assert "said=not+expected" in desk.enter(desk.customer, "code", own).location
    assert desk.state() == ("joined" if end == "calls" else "bank verified")


@pytest.mark.parametrize("said", ["<script>", "password", "right", "x" * 3000])
def test_what_the_address_says_is_never_repeated(tmp_path: Path, said: str) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    page = desk.customer.get(desk.customers, query_string={"said": said}).text
    assert ("<script>" in page, 'class="error"' in page) == (False, False)


def test_a_code_of_the_app_from_a_clock_ahead_is_not_taken_again_when_its_time_comes(tmp_path: Path) -> None:
    desk = a_desk_with_a_call(tmp_path)
    ahead = desk.app_code(1)
    desk.enter(desk.customer, "join", ahead)
    desk.open()
    desk.clock.turn(seconds=30)
    assert "said=reused" in desk.enter(desk.customer, "join", ahead).location


@pytest.mark.parametrize("name", ["", " ", "x" * 129, "a\x00b", "a\nb", "\u202eeve"])
def test_what_can_be_no_customers_name_opens_nothing(tmp_path: Path, name: str) -> None:
    desk = a_desk(tmp_path)
    answers = [
        desk.agent.get("/calls/open", query_string={"customer": name}),
        send(desk.agent, "/calls/open", page="/", customer=name),
    ]
    assert [answer.status_code for answer in answers] == [400, 400]


@pytest.mark.parametrize("token", ["%00", "..%2f..", "x", "%27%20OR%201=1", "A" * 2000])
def test_a_token_that_can_be_none_is_no_call(tmp_path: Path, token: str) -> None:
    desk = a_desk(tmp_path)
    answers = [desk.agent.get(f"/calls/{token}"), send(desk.agent, f"/calls/{token}/code", page="/", code="123456")]
    assert [answer.status_code for answer in answers] == [404, 404]


def test_a_page_of_a_call_that_is_over_looks_no_more(tmp_path: Path) -> None:
    desk = a_desk_with_a_call(tmp_path)
    send(desk.customer, f"{desk.customers}/end", page="/")
    assert desk.agent.get(f"{desk.agents}/state").get_json()["over"] is True


def test_a_customer_sees_that_a_call_waits(tmp_path: Path) -> None:
    desk = a_desk_with_a_call(tmp_path)
    waiting = desk.customer.get("/my-calls/waiting").get_json()
    assert (desk.customers in waiting["html"], "data-code" in waiting["html"]) == (True, False)


def test_a_customer_sees_which_calls_there_were(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    send(desk.agent, f"{desk.agents}/end", page="/")
    page = desk.customer.get("/my-calls").text
    assert ("Not verified" in page, "No call is open" in page) == (True, True)


@pytest.mark.parametrize("path", ["/calls/", "/calls/open?customer=eve", f"/calls/{'A' * 43}"])
@pytest.mark.parametrize("role", [Role.ANALYST, Role.CUSTOMER])
def test_only_agents_and_administrators_see_calls(tmp_path: Path, path: str, role: Role) -> None:
    assert logged_in(a_console(tmp_path), role).get(path).status_code == 403


@pytest.mark.parametrize("path", ["/my-calls", "/my-calls/waiting", f"/my-calls/{'A' * 43}", "/enrolment"])
@pytest.mark.parametrize("role", [Role.ADMIN, Role.ANALYST, Role.AGENT])
def test_only_customers_see_their_calls(tmp_path: Path, path: str, role: Role) -> None:
    assert logged_in(a_console(tmp_path), role).get(path).status_code == 403


def test_an_entry_without_the_form_token_is_refused(tmp_path: Path) -> None:
    desk = a_desk_with_a_joined_call(tmp_path)
    code = shown_code(desk.agent.get(desk.agents))
    assert desk.customer.post(f"{desk.customers}/code", data={"code": code}).status_code == 400
    assert desk.state() == "joined"


def test_entries_are_limited_by_rate(tmp_path: Path) -> None:
    desk = a_desk(tmp_path, rate_limits=True)
    answers = [send(desk.agent, f"/calls/{'A' * 43}/code", page="/", code="123456").status_code for _ in range(13)]
    assert answers == [404] * 12 + [429]


def test_the_key_of_a_call_is_a_cookie_that_no_script_and_no_other_site_gets(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    desk.set_up()
    answer = send(desk.agent, "/calls/open", page="/", customer="eve")
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("fraud_detect_call="))
    assert {"HttpOnly", "SameSite=Strict", f"Path={answer.location}"} <= set(cookie.split("; "))
