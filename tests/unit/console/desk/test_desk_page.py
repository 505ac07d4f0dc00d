"""The desk's page and the list of cases: order, filters, pages, hostile text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from console_factories import a_console, logged_in
from desk_factories import Program, a_transaction, an_innocent_one, decided

HOSTILE = "<img src=x onerror=alert(1)>"


def listed(client: Any, query: str = "") -> list[int]:
    return [case["id"] for case in client.get(f"/api/cases{query}").json["cases"]]


def a_desk(root: Path, *rows: dict[str, Any]) -> Any:
    app = a_console(root)
    Program(app).send({"transactions": list(rows)})
    return app


def test_open_alerts_come_by_expected_loss(tmp_path: Path) -> None:
    rows = [a_transaction(amount=amount) for amount in (2.0, 5.0, 3.0)]
    assert listed(logged_in(a_desk(tmp_path, *rows, an_innocent_one()))) == [2, 3, 1]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("?state=all", [2, 1, 3]),
        ("?state=passed", [3]),
        ("?customer=a", [1]),
        ("?least=4", [2]),
        ("?most=4", [1]),
        ("?since=2026-06-01T12:00", [2, 1]),
        ("?until=2026-06-01T11:59", []),
        ("?words=SHOE", [1]),
        ("?words=%25", []),
        ("?words=key-2", [2]),
        ("?page=2", []),
        ("?least=NaN&since=", [2, 1]),
    ],
)
def test_filters_choose(tmp_path: Path, query: str, numbers: list[int]) -> None:
    first = a_transaction(amount=2.0, customer="a", what="shoes")
    app = a_desk(tmp_path, first, a_transaction(amount=5.0, customer="b", id="key-2"), an_innocent_one(customer="a"))
    assert listed(logged_in(app), query) == numbers


@pytest.mark.parametrize(
    "query",
    ["?state=lost", "?least=x", "?since=noon", "?page=0", "?page=x", "?page=0000000019999999999999", "?most=1e400"],
)
def test_a_filter_that_is_none_is_refused(tmp_path: Path, query: str) -> None:
    client = logged_in(a_console(tmp_path))
    assert (client.get(f"/api/cases{query}").status_code, client.get(f"/desk{query}").status_code) == (400, 400)


def test_the_page_has_fifty_rows_and_a_link_to_the_rest(tmp_path: Path) -> None:
    page = logged_in(a_desk(tmp_path, *[a_transaction()] * 60)).get("/desk").text
    assert (page.count("<tr data-case="), 'href="/desk?page=2"' in page) == (50, True)


@pytest.mark.parametrize("name", ["endpoint", "_method", "other"])
def test_a_name_that_is_no_filter_is_left_out_of_links(tmp_path: Path, name: str) -> None:
    answer = logged_in(a_desk(tmp_path, *[a_transaction()] * 51)).get(f"/desk?{name}=POST&state=open")
    assert (answer.status_code, 'href="/desk?page=2&amp;state=open"' in answer.text) == (200, True)


def test_the_page_counts_cases_by_state(tmp_path: Path) -> None:
    app = a_desk(tmp_path, a_transaction(), a_transaction(), an_innocent_one())
    client = logged_in(app)
    decided(client, 1, "confirmed")
    counts = dict(re.findall(r'data-count="(\w+)">(\d+)<', client.get("/desk").text))
    assert counts == {"passed": "1", "open": "1", "escalated": "0", "confirmed": "1", "cleared": "0"}


@pytest.mark.parametrize("path", ["/desk?state=all", "/cases/1"])
def test_hostile_text_is_escaped(tmp_path: Path, path: str) -> None:
    app = a_desk(tmp_path, a_transaction(customer=HOSTILE, id=HOSTILE + "1", **{HOSTILE: HOSTILE}))
    page = logged_in(app).get(path).text
    assert HOSTILE not in page
    assert "&lt;img" in page


def test_hostile_filters_are_escaped(tmp_path: Path) -> None:
    client = logged_in(a_console(tmp_path))
    page = client.get("/desk", query_string={"customer": HOSTILE, "words": HOSTILE, "least": HOSTILE}).text
    assert HOSTILE not in page


def test_the_case_page_shows_the_customers_other_transactions(tmp_path: Path) -> None:
    app = a_desk(tmp_path, a_transaction(), an_innocent_one(), a_transaction(customer="other"))
    page = logged_in(app).get("/cases/1").text
    assert ('href="/cases/2"' in page, 'href="/cases/3"' in page) == (True, False)
