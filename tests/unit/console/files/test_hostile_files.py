"""Files that are made to break something, disks that are full, and uploads that break off."""

from __future__ import annotations

import errno
import io
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from console_factories import form_token, logged_in, posted
from console_file_factories import a_csv, a_file_console, download, scored, scoring_of, uploaded
from fraud_detect.console.files import folder, reading, records, upload
from fraud_detect.console.files.room import Room
from fraud_detect.console.files.views import ROOM

SCRIPT = "<script>alert(1)</script>"


def kept(root: Path) -> list[str]:
    """Return what the console has of files, but for the folder in which they arrive."""
    return [path.name for path in (root / "console/files").rglob("*") if path.name != "incoming"]


def fault_of(root: Path, content: bytes) -> str:
    client = logged_in(a_file_console(root))
    page = client.get(scored(client, content)).text
    assert "This file was not scored" in page
    return page


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "The file is empty"),
        (b"\x1f\x8b\x08\x00rest", "compressed with gzip"),
        (b"PK\x03\x04rest", "a zip file"),
        (a_csv().decode().encode("utf-16"), "text in UTF-16"),
        (b"\xef\xbb\xbf", "begins with a blank line"),
        (b"\n\n\n", "begins with a blank line"),
        ("id,amount,h\xf6ur\n".encode("latin-1"), "not UTF-8"),
        (b'id,amount,"hour\n' + b"x" * 100, "a quote that is not closed"),
        (b"amount,amount,hour\n1,1,1\n", "has columns twice: amount"),
        (b"x" * (2 * reading.LONGEST_ROW), "a row of more than 1,048,576 characters"),
    ],
    ids=["empty", "gzip", "zip", "UTF-16", "mark", "blank", "Latin-1", "open quote", "twice", "long line"],
)
def test_what_is_no_table_is_refused_at_once_and_not_kept(tmp_path: Path, content: bytes, what: str) -> None:
    client = logged_in(a_file_console(tmp_path))
    answer = uploaded(client, content)
    assert (answer.status_code, what in answer.text, kept(tmp_path)) == (400, True, [])


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (b"a,1,3\n" * 5_000 + b"J\xf6rg,1,3\n", "not UTF-8"),
        (b'"open,1,3\n' + b"b,1,3\n" * 10, "cannot be read from line"),
        (b'a"b"c",1,3\n"x"y,1,3\n', "cannot be read from line"),
        (b"x" * 200_000 + b",1,3\n", "cannot be read from line"),
        (b"x," * reading.LONGEST_ROW, "a row of more than"),
        (b'"' + b"\n" * reading.LONGEST_ROW, "cannot be read from line"),
        (b'"' + b'","\n' * reading.LONGEST_ROW, "a row of more than"),
        (b"", "has a header and no rows"),
    ],
    ids=["Latin-1", "open quote", "bad quotes", "long cell", "long line", "lines in a cell", "lines in a row", "none"],
)
def test_a_file_that_cannot_be_read_on_is_refused_as_a_whole(tmp_path: Path, rows: bytes, what: str) -> None:
    assert what in fault_of(tmp_path, b"id,amount,hour\n" + rows)


def test_a_row_is_never_held_that_is_longer_than_it_may_be() -> None:
    asked: list[int] = []

    class Endless(io.StringIO):
        def readline(self, size: int = -1) -> str:  # type: ignore[override]
            asked.append(size)
            return "x" * size

    with pytest.raises(reading.FileError, match="a row of more than"):
        list(reading._rows_of(reading._Lines(Endless()), ","))
    assert asked == [reading.LONGEST_ROW + 1]


def test_zeros_in_cells_are_cells_like_others(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    assert download(client, scored(client, a_csv("a\0b,1,3")))[0]["id"] == "a\0b"


def test_zeros_in_numbers_are_marked(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    assert "column 'amount'" in download(client, scored(client, a_csv("a,1\0,3")))[0]["error"]


def test_carriage_returns_alone_end_lines(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    rows = download(client, scored(client, a_csv("a,1,3", "b,2,3").replace(b"\n", b"\r")))
    assert [row["id"] for row in rows] == ["a", "b"]


def test_a_hundred_thousand_columns_are_read_and_some_of_them_shown(tmp_path: Path) -> None:
    names, cells = (",".join(each) for each in ([f"c{place}" for place in range(100_000)], ["1"] * 100_000))
    client = logged_in(a_file_console(tmp_path))
    page = client.get(scored(client, f"{names},amount,hour\n{cells},1,3\n".encode())).text
    assert ("99962 more columns" in page, len(page) < 100_000) == (True, True)


@pytest.mark.parametrize("name", ["../../x.csv", "/etc/passwd", "..\\..\\x.csv", "x" * 5000, ".", "..", "\x07"])
def test_a_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    client = logged_in(a_file_console(tmp_path))
    address = scored(client, a_csv(), name=name)
    assert sorted(kept(tmp_path)) == sorted([address.split("/")[-1], *_FILES])
    assert client.get(f"{address}/scored.csv").status_code == 200


_FILES = ("upload.csv", "scored.csv", "order.u32", "offsets.u64", "summary.json")


def test_scripts_in_names_headers_and_cells_are_text(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    header, name = f"{SCRIPT},amount,hour", f"{SCRIPT}.csv"
    address = scored(client, a_csv(f"{SCRIPT},1,3", f"b,{SCRIPT},3", header=header), name=name)
    for path in (address, "/files"):
        assert SCRIPT not in client.get(path).text
    assert "&lt;script&gt;" in client.get(address).text


def test_scripts_in_what_is_refused_are_text(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    assert SCRIPT not in uploaded(client, a_csv(header=f"{SCRIPT},b")).text


def test_formulas_in_headers_get_an_apostrophe(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    assert "'=1+1" in download(client, scored(client, a_csv(header="=1+1,amount,hour")))[0]


@pytest.mark.parametrize("token", ["..", "incoming", "x", "%2e%2e", "..%2fincoming"])
def test_a_token_that_was_not_given_is_not_there(tmp_path: Path, token: str) -> None:
    client = logged_in(a_file_console(tmp_path))
    for end in ("", "/progress", "/scored.csv"):
        assert client.get(f"/files/{token}{end}").status_code in (404, 308)


def test_a_file_above_the_limit_is_told_the_limit_and_leaves_nothing(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path, upload_limit_bytes=2 << 20))
    answer = uploaded(client, a_csv() + b"a,1,3\n" * 400_000)
    assert (answer.status_code, "larger than 2 MB" in answer.text, kept(tmp_path)) == (413, True, [])


def test_other_pages_keep_their_small_limit(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    assert client.post("/log-out", data={"csrf_token": "x" * (2 << 20)}).status_code == 413


def test_who_may_not_upload_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    class Unread(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("the body was read")

    client = a_file_console(tmp_path).test_client()
    answer = client.post("/files", input_stream=Unread(), headers={"Content-Length": "1000"})
    assert answer.location.startswith("/log-in")


def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    token = form_token(client, "/files")
    body = (
        f'--b\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{token}\r\n'
        '--b\r\nContent-Disposition: form-data; name="file"; filename="rows.csv"\r\n\r\n'
    ).encode() + a_csv() * 50_000
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(len(body) + 1000)}
    assert client.post("/files", input_stream=io.BytesIO(body), headers=headers).status_code == 400
    assert [path.name for path in (tmp_path / "console/files").rglob("*")] == ["incoming"]


def test_a_disk_without_room_is_told_before_the_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = logged_in(a_file_console(tmp_path))
    token = form_token(client, "/files")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    answer = client.post("/files", data={"csrf_token": token, "file": (io.BytesIO(a_csv()), "rows.csv")})
    assert (answer.status_code, "no room for this file" in answer.text) == (507, True)


def a_room(root: Path, monkeypatch: pytest.MonkeyPatch, *, free: int, waiting: int = 0) -> Room:
    """Return the room on a disk with so many free bytes, where a file of `waiting` bytes waits."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    (root / "token").mkdir()
    (root / "token/upload.csv").write_bytes(b"x" * waiting)
    return Room(folder.Folders(root), lambda: ["token", "gone"])


def test_a_gibibyte_is_left_to_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = a_room(tmp_path, monkeypatch, free=(1 << 30) + 400)
    assert (room.taken(101), room.taken(100)) == (False, True)


def test_uploads_that_come_at_once_do_not_share_their_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = a_room(tmp_path, monkeypatch, free=(1 << 30) + 700)
    assert (room.taken(100), room.taken(100)) == (True, False)
    room.given_back(100)
    assert room.taken(100)


def test_what_waiting_files_will_need_is_not_given_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = a_room(tmp_path, monkeypatch, free=(1 << 30) + 700, waiting=100)
    assert (room.taken(101), room.taken(100)) == (False, True)


def test_a_file_that_is_there_needs_room_for_what_is_made_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = a_room(tmp_path, monkeypatch, free=(1 << 30) + 1000, waiting=100)
    assert room.taken(100)
    assert (room.is_enough_for(101), room.is_enough_for(100)) == (False, True)


def test_a_file_that_failed_waits_not_where_the_disk_has_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = logged_in(a_file_console(tmp_path))
    address = scored(client, a_csv(*["a,1,3"] * 5_000) + b"J\xf6rg,1,3\n")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 30))
    answer = posted(client, f"{address}/again", page="/files")
    assert (answer.status_code, "no room for this file" in answer.text) == (507, True)
    assert "This file was not scored" in client.get(address).text


def test_an_upload_gives_its_room_back_when_it_ends(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    for content in (a_csv(), b"no table", a_csv()):
        uploaded(client, content)
    client.application.test_client().post("/files", data=b"x" * 1000)
    assert room_of(client.application).coming == 0
    scoring_of(client.application).join()


def room_of(app: Flask) -> Room:
    found: Room = app.extensions[ROOM]
    return found


class FullFile(io.BytesIO):
    """A file on a full disk."""

    def write(self, _: object) -> int:
        """Find no room."""
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_fills_up_while_a_file_comes_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = logged_in(a_file_console(tmp_path))
    monkeypatch.setattr(upload, "private", lambda _: FullFile())
    answer = uploaded(client, a_csv())
    assert (answer.status_code, kept(tmp_path)) == (507, [])


def test_a_disk_that_fills_up_while_a_file_is_scored_fails_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = logged_in(a_file_console(tmp_path))
    monkeypatch.setattr(folder, "private", lambda _: FullFile())
    answer = uploaded(client, a_csv())
    scoring_of(client.application).join()
    assert "The disk of the console is full" in client.get(answer.location).text
    assert "scored.csv" not in kept(tmp_path)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Return what an endpoint waits for; it is opened at the end in any case."""
    opened = threading.Event()
    yield opened
    opened.set()


def test_an_account_may_have_five_files_waiting(tmp_path: Path, gate: threading.Event) -> None:
    app = a_file_console(tmp_path, before=lambda _: gate.wait(60))
    client, other = logged_in(app), logged_in(app, name="other")
    statuses = [uploaded(client, a_csv()).status_code for _ in range(6)]
    assert (statuses, uploaded(other, a_csv()).status_code) == ([303] * 5 + [429], 303)
    gate.set()
    scoring_of(app).join()
    assert (uploaded(client, a_csv()).status_code, kept(tmp_path).count("upload.csv")) == (303, 7)
    scoring_of(app).join()


def test_files_of_all_accounts_that_wait_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MOST_UNFINISHED", 0)
    client = logged_in(a_file_console(tmp_path))
    answer = uploaded(client, a_csv(), Accept="application/json")
    assert (answer.status_code, "0 files wait already" in answer.json["message"], kept(tmp_path)) == (429, True, [])


def test_a_file_that_failed_waits_not_beside_five_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = logged_in(a_file_console(tmp_path))
    address = scored(client, a_csv(*["a,1,3"] * 5_000) + b"J\xf6rg,1,3\n")
    monkeypatch.setattr(records, "MOST_UNFINISHED_OF_ONE", 0)
    answer = posted(client, f"{address}/again", page="/files")
    assert (answer.status_code, "files of this account wait already" in answer.text) == (429, True)


def test_a_file_that_is_deleted_while_it_is_scored_is_gone(tmp_path: Path, gate: threading.Event) -> None:
    client = logged_in(a_file_console(tmp_path, before=lambda _: gate.wait(60)))
    address = uploaded(client, a_csv()).location
    posted(client, f"{address}/delete", page="/files")
    gate.set()
    scoring_of(client.application).join()
    assert (client.get(address).status_code, kept(tmp_path)) == (404, [])


def test_progress_can_be_asked_for_while_a_file_is_scored(tmp_path: Path, gate: threading.Event) -> None:
    begun = threading.Event()

    def before(_: bytes) -> None:
        begun.set()
        gate.wait(60)

    client = logged_in(a_file_console(tmp_path, before=before))
    address = uploaded(client, a_csv()).location
    assert begun.wait(60)
    assert client.get(f"{address}/progress").get_json()["step"] == "scoring"
    assert "You can leave this page" in client.get(address).text
    gate.set()
    scoring_of(client.application).join()


def test_files_that_come_at_once_do_not_mix(tmp_path: Path) -> None:
    app = a_file_console(tmp_path)
    clients = [logged_in(app, name=f"user{number}") for number in range(4)]
    addresses = [uploaded(client, a_csv(*[f"{name},{name},1"] * 50)).location for name, client in enumerate(clients)]
    scoring_of(app).join()
    found = [
        {row["id"] for row in download(client, address)} for client, address in zip(clients, addresses, strict=True)
    ]
    assert found == [{str(number)} for number in range(4)]
