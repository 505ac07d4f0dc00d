"""Upload, table, download: what users see of their files."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from console_factories import Turned, form_token, logged_in, parts_of, posted
from console_file_factories import a_csv, a_file_console, download, scored, scoring_of, uploaded
from factories import a_category, a_flag, a_number, a_schema
from fraud_detect.console import courtesy
from fraud_detect.console.endpoint import Unreachable
from fraud_detect.console.files import background, records, scoring, viewing
from fraud_detect.console.storage.tables import AuditEntry, Role


def test_each_row_comes_back_with_its_probability_label_and_reasons(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    rows = download(client, scored(client, a_csv("a,0,3", "b,2,4")))
    assert rows[1] == {
        "id": "b",
        "amount": "2",
        "hour": "4",
        "probability": rows[1]["probability"],
        "predicted_label": "1",
        "reasons": "amount (2) towards fraud +2.00",
        "error": "",
    }
    assert [round(float(row["probability"]), 4) for row in rows] == [0.5, 0.8808]


def test_the_page_has_rows_from_the_highest_probability_down(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    page = client.get(scored(client, a_csv("low,-3,1", "high,3,1", "middle,1,1"))).text
    assert page.index("high") < page.index("middle") < page.index("low")


def test_a_page_can_have_the_alerts_alone(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    page = client.get(scored(client, a_csv("low,-3,1", "high,3,1")) + "?alerts=1").text
    assert ("high" in page, "low" in page) == (True, False)


def test_rows_go_over_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewing, "ROWS_A_PAGE", 2)
    client = logged_in(a_file_console(tmp_path))
    address = scored(client, a_csv(*(f"row{amount},{amount},1" for amount in range(5))))
    page = client.get(address + "?page=2").text
    assert ("Page 2 of 3" in page, "row2" in page, "row4" in page) == (True, True, False)


@pytest.mark.parametrize("page", ["0", "-1", "99", "x"])
def test_a_page_that_is_not_there_shows_the_nearest(tmp_path: Path, page: str) -> None:
    client = logged_in(a_file_console(tmp_path))
    assert "Highest first, 1 to 1 of 1" in client.get(scored(client, a_csv()) + f"?page={page}").text


def test_only_the_rows_of_the_highest_probabilities_are_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "MOST_EXPLAINED", 3)
    monkeypatch.setattr(scoring, "EXPLAINED_A_REQUEST", 2)
    client = logged_in(a_file_console(tmp_path))
    rows = download(client, scored(client, a_csv(*(f"{amount},{amount},1" for amount in range(6)))))
    assert [row["id"] for row in rows if row["reasons"]] == ["3", "4", "5"]


def test_scoring_gives_way_to_transactions_while_it_reads_and_while_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courtesy, "THINGS_BETWEEN", 5)
    monkeypatch.setattr(courtesy, "RECENT_SECONDS", 60.0)
    rests: list[float] = []
    monkeypatch.setattr(background, "_waiter", lambda _: rests.append)
    app = a_file_console(tmp_path)
    parts_of(app).courtesy.came()
    client = logged_in(app)
    assert len(download(client, scored(client, a_csv(*(f"{amount},1,1" for amount in range(20)))))) == 20
    assert sum(seconds > 0 for seconds in rests) == 3 * 4  # to score, to write, and what is written


def test_rows_keep_their_places_whatever_the_size_of_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "ROWS_A_REQUEST", 3)
    client = logged_in(a_file_console(tmp_path))
    rows = download(client, scored(client, a_csv(*(f"{amount},{amount / 10},1" for amount in range(20)))))
    assert [row["id"] for row in rows] == [str(amount) for amount in range(20)]
    assert [row["probability"] for row in rows] == sorted(row["probability"] for row in rows)


def test_a_row_that_the_model_does_not_take_is_marked_and_the_others_are_scored(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    address = scored(client, a_csv("a,1,3", "b,many,3", "c,2,3"))
    rows = download(client, address)
    fault = "Row 2, column 'amount': got 'many'; expected a finite number within float32 (3.4e38)."
    assert [row["error"] for row in rows] == ["", fault, ""]
    assert [bool(row["probability"]) for row in rows] == [True, False, True]
    assert "got &#39;many&#39;" in client.get(address).text


@pytest.mark.parametrize(("row", "values"), [("b,1", 2), ("b,1,2,3", 4)])
def test_a_row_of_another_width_is_marked(tmp_path: Path, row: str, values: int) -> None:
    client = logged_in(a_file_console(tmp_path))
    rows = download(client, scored(client, a_csv("a,1,3", row)))
    assert rows[1]["error"] == f"Row 2 has {values} values; expected 3 as in the header."


def test_a_file_of_bad_rows_alone_is_told_so(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    page = client.get(scored(client, a_csv("a,x,3", "b,y,3"))).text
    assert "2 rows the model does not take" in page


def test_columns_that_the_model_does_not_know_are_kept_and_not_sent(tmp_path: Path) -> None:
    bodies: list[bytes] = []
    client = logged_in(a_file_console(tmp_path, before=bodies.append))
    address = scored(client, a_csv("secret,1,3"))
    assert not any(b"secret" in body for body in bodies)
    assert "1 column is not of the model, kept and not sent to it: id." in client.get(address).text


def test_missing_columns_are_refused_by_name_at_once(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    answer = uploaded(client, a_csv("a,1", header="id,amount"))
    assert (answer.status_code, "lacks columns: hour" in answer.text) == (400, True)
    assert [path.name for path in (tmp_path / "console/files").rglob("*")] == ["incoming"]


def test_a_file_without_a_header_is_told_so(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    assert "begins with numbers, not with names" in uploaded(client, b"1,2\n3,4\n").text


@pytest.mark.parametrize(
    ("separator", "mark", "end"), [(";", b"", "\n"), ("\t", b"", "\n"), (",", b"\xef\xbb\xbf", "\r\n")]
)
def test_a_file_comes_back_as_it_was_written(tmp_path: Path, separator: str, mark: bytes, end: str) -> None:
    client = logged_in(a_file_console(tmp_path))
    content = mark + a_csv("a,1,3", "b,-1,2").decode().replace(",", separator).replace("\n", end).encode()
    answer = client.get(scored(client, content) + "/scored.csv").data
    assert answer.startswith(mark + f"id{separator}amount{separator}hour{separator}probability{separator}".encode())
    assert answer.count(b"\r\n") == 3


def test_line_ends_within_quotes_belong_to_their_cell(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    rows = download(client, scored(client, a_csv('"two\nlines, and ""quotes""",1,3', "b,2,3")))
    assert [row["id"] for row in rows] == ['two\nlines, and "quotes"', "b"]


def test_categories_and_flags_are_sent_as_they_are_written(tmp_path: Path) -> None:
    schema = a_schema(a_number("amount"), a_category("shop", missing_allowed=True), a_flag("online"))
    client = logged_in(a_file_console(tmp_path, artifact={"schema": schema}))
    rows = download(client, scored(client, a_csv("1,food,true", "1,,False", "1,boats,1", header="amount,shop,online")))
    assert [row["error"][:21] for row in rows] == ["", "", "Row 3, column 'shop':"]


def test_labels_are_written_as_in_training(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path, artifact={"labels": {"negative": "fine", "positive": "fraud"}}))
    rows = download(client, scored(client, a_csv("a,-1,3", "b,1,3")))
    assert [row["predicted_label"] for row in rows] == ["fine", "fraud"]


def test_a_scored_file_can_be_scored_again(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    first = client.get(scored(client, a_csv()) + "/scored.csv").data
    assert "probability_2" in download(client, scored(client, first))[0]


@pytest.mark.parametrize(
    ("cell", "written"),
    [("=1+1", "'=1+1"), ("@sum", "'@sum"), ("+49 30 1", "'+49 30 1"), (" =x", "' =x"), ("-5", "-5"), ("-", "-")],
)
def test_cells_that_a_spreadsheet_would_run_get_an_apostrophe(tmp_path: Path, cell: str, written: str) -> None:
    client = logged_in(a_file_console(tmp_path))
    assert download(client, scored(client, a_csv(f"{cell},1,3")))[0]["id"] == written


def test_an_endpoint_that_does_not_answer_fails_the_file_and_it_can_be_scored_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "WAITS_SECONDS", (0,))
    faults = [Unreachable("It is down", expected="it to be up", remedy="Start it.")] * 2

    def before(_: bytes) -> None:
        if faults:
            raise faults.pop()

    client = logged_in(a_file_console(tmp_path, before=before))
    address = scored(client, a_csv())
    assert "endpoint gives no score" in client.get(address).text
    posted(client, f"{address}/again", page=address)
    scoring_of(client.application).join()
    assert len(download(client, address)) == 1


def test_an_endpoint_that_is_away_for_a_moment_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "WAITS_SECONDS", (0, 0))
    faults = [Unreachable("It is down", expected="it to be up", remedy="Start it.")]

    def before(_: bytes) -> None:
        if faults:
            raise faults.pop()

    client = logged_in(a_file_console(tmp_path, before=before))
    assert len(download(client, scored(client, a_csv()))) == 1


def test_a_database_that_is_away_for_a_moment_does_not_end_the_scoring_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("", {}, Exception())

    client = logged_in(a_file_console(tmp_path))
    monkeypatch.setattr("fraud_detect.console.files.background.FILES_AT_ONCE", 1)
    with monkeypatch.context() as broken:
        broken.setattr(records, "begun", away)
        broken.setattr(records, "failed", away)
        scored(client, a_csv())
    assert len(download(client, scored(client, a_csv()))) == 1


def test_progress_is_told_to_scripts(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    told = client.get(scored(client, a_csv()) + "/progress").get_json()
    assert told == {"state": "done", "step": "done", "done": 1.0, "left": None, "rows": 1}


def test_analysts_see_their_own_files_and_administrators_all(tmp_path: Path) -> None:
    app = a_file_console(tmp_path)
    ada, bob, chief = (logged_in(app, role, name=name) for role, name in _PEOPLE)
    address = scored(ada, a_csv(), name="ada-s.csv")
    assert [client.get(address).status_code for client in (ada, bob, chief)] == [200, 404, 200]
    assert ["ada-s.csv" in client.get("/files").text for client in (ada, bob, chief)] == [True, False, True]


_PEOPLE = ((Role.ANALYST, "ada"), (Role.ANALYST, "bob"), (Role.ADMIN, "chief"))


def test_nobody_deletes_another_user_s_file(tmp_path: Path) -> None:
    app = a_file_console(tmp_path)
    ada, bob = logged_in(app, name="ada"), logged_in(app, name="bob")
    address = scored(ada, a_csv())
    assert posted(bob, f"{address}/delete", page="/files").status_code == 404
    assert ada.get(address).status_code == 200


def test_a_deleted_file_is_gone_from_the_disk(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    address = scored(client, a_csv())
    posted(client, f"{address}/delete", page=address)
    assert [path.name for path in (tmp_path / "console/files").iterdir()] == ["incoming"]
    assert client.get(address).status_code == 404


def test_files_go_after_thirty_days_when_new_ones_come(tmp_path: Path) -> None:
    clock = Turned()
    app = a_file_console(tmp_path, clock=clock)
    client = logged_in(app)
    old = scored(client, a_csv())
    clock.turn(days=31)
    scored(logged_in(app, name="later"), a_csv())
    assert not (tmp_path / "console" / old.strip("/")).exists()


def test_the_audit_log_says_who_did_what_and_holds_no_values(tmp_path: Path) -> None:
    app = a_file_console(tmp_path)
    client = logged_in(app, name="ada")
    address = scored(client, a_csv("confidential,1,3"), name="march.csv")
    download(client, address)
    posted(client, f"{address}/delete", page=address)
    with parts_of(app).database.reading() as rows:
        lines = [line for line in rows.scalars(select(AuditEntry)) if line.action.startswith("file")]
    assert [(line.actor, line.action) for line in lines] == [
        ("ada", f"file {done}") for done in ("uploaded", "scored", "downloaded", "deleted")
    ]
    assert not any("confidential" in line.detail for line in lines)


def test_scripts_get_errors_as_json(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    answer = uploaded(client, b"PK\x03\x04rest", Accept="application/json")
    assert (answer.status_code, "Excel workbook" in answer.get_json()["message"]) == (400, True)


def test_an_upload_without_its_token_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    answer = client.post("/files", data={"file": (io.BytesIO(a_csv()), "rows.csv")})
    assert answer.status_code == 400
    assert [path.name for path in (tmp_path / "console/files").rglob("*")] == ["incoming"]


def test_a_form_without_a_file_says_what_it_wants(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    answer = client.post("/files", data={"csrf_token": form_token(client, "/files")})
    assert (answer.status_code, "Choose one" in answer.text) == (400, True)
