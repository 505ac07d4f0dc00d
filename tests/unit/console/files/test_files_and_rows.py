"""The folder of a file and its row in the database: neither stays without the other, and where one does it is told."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from console_factories import audit_of, form_token, logged_in, parts_of, posted
from console_file_factories import a_csv, a_file_console, download, scored, scoring_of, uploaded
from fraud_detect.console.app import COOKIE
from fraud_detect.console.files import folder, records, views
from fraud_detect.console.storage import database
from fraud_detect.console.storage.tables import ScoredFile

SIDE_FILES = ("scored.csv", "summary.json", "order.u32", "offsets.u64")


def away(*_: object, **__: object) -> Any:
    raise OperationalError("", {}, Exception())


def folders(root: Path) -> list[str]:
    """Return the tokens of the uploads on the disk; fail where one is left that still comes."""
    assert not list((root / "console/files/incoming").iterdir())
    return [path.name for path in (root / "console/files").iterdir() if path.name != "incoming"]


def folder_of(root: Path, address: str) -> Path:
    return root / "console" / address.strip("/")


def lose_a_commit(app: Flask, monkeypatch: pytest.MonkeyPatch, *, done: bool) -> None:
    """Let the database go away while it commits the next upload: after it has, or before."""
    here, added, fails = parts_of(app).database, records.added, [True]
    real, uploads = here.writing, threading.local()

    def noted(*given: Any, **named: Any) -> ScoredFile:
        uploads.this = bool(fails) and fails.pop()
        return added(*given, **named)

    @contextmanager
    def writing() -> Iterator[Session]:
        uploads.this = False
        with real() as rows:
            yield rows
            if uploads.this and not done:
                away()
        if uploads.this:
            away()

    monkeypatch.setattr(records, "added", noted)
    monkeypatch.setattr(here, "writing", writing)


def test_an_upload_that_cannot_be_written_down_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = logged_in(a_file_console(tmp_path))
    monkeypatch.setattr(records, "added", away)
    assert (uploaded(client, a_csv()).status_code, folders(tmp_path)) == (503, [])


@pytest.mark.usefixtures("one_engine")
def test_an_upload_that_waits_too_long_for_another_s_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    client = logged_in(a_file_console(tmp_path))
    other = sqlite3.connect(tmp_path / "console/console.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answer = uploaded(client, a_csv())
    other.close()
    assert (answer.status_code, folders(tmp_path)) == (503, [])


def test_an_upload_whose_commit_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = logged_in(a_file_console(tmp_path))
    lose_a_commit(client.application, monkeypatch, done=False)
    assert (uploaded(client, a_csv()).status_code, folders(tmp_path)) == (503, [])


def test_an_upload_that_cannot_be_moved_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Path) -> None:
        raise OSError

    client = logged_in(a_file_console(tmp_path))
    monkeypatch.setattr(folder, "synced", broken)
    assert (uploaded(client, a_csv()).status_code, folders(tmp_path)) == (500, [])
    assert "None yet" in client.get("/files").text


def test_an_upload_whose_commit_is_done_though_its_answer_is_lost_is_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = logged_in(a_file_console(tmp_path))
    lose_a_commit(client.application, monkeypatch, done=True)
    assert len(download(client, scored(client, a_csv()))) == 1


@pytest.mark.parametrize(("done", "states"), [(False, ["done"]), (True, ["done", "done"])])
def test_an_upload_of_which_nothing_is_known_stays_until_the_database_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, done: bool, states: list[str]
) -> None:
    client = logged_in(a_file_console(tmp_path))
    lose_a_commit(client.application, monkeypatch, done=done)
    with monkeypatch.context() as broken:
        broken.setattr(records, "is_written", away)
        assert (uploaded(client, a_csv()).status_code, len(folders(tmp_path))) == (503, 1)
    scored(client, a_csv())
    with parts_of(client.application).database.reading() as rows:
        files = rows.scalars(select(ScoredFile)).all()
    assert [file.state for file in files] == states
    assert sorted(folders(tmp_path)) == sorted(file.token for file in files)


@pytest.mark.parametrize("name", SIDE_FILES)
def test_a_scored_file_that_is_not_on_the_disk_is_told_with_what_to_do(tmp_path: Path, name: str) -> None:
    client = logged_in(a_file_console(tmp_path))
    address = scored(client, a_csv())
    (folder_of(tmp_path, address) / name).unlink()
    answer = client.get(address)
    assert (answer.status_code, "upload the file again" in answer.text) == (410, True)
    posted(client, f"{address}/delete", page=address)
    assert (client.get(address).status_code, folders(tmp_path)) == (404, [])


def test_a_file_that_cannot_be_opened_is_not_noted_as_downloaded(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    address = scored(client, a_csv())
    (folder_of(tmp_path, address) / "scored.csv").unlink()
    answer = client.get(f"{address}/scored.csv")
    assert (answer.status_code, "upload the file again" in answer.text) == (410, True)
    assert "file downloaded" not in audit_of(client.application)


def test_a_download_that_cannot_be_noted_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = logged_in(a_file_console(tmp_path))
    address = scored(client, a_csv())
    monkeypatch.setattr(records, "downloaded", away)
    assert client.get(f"{address}/scored.csv").status_code == 503


def test_a_file_that_goes_while_its_download_is_noted_is_sent_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = logged_in(a_file_console(tmp_path))
    address = scored(client, a_csv())
    whole = client.get(f"{address}/scored.csv").data
    monkeypatch.setattr(records, "downloaded", lambda *_: folder.Folder(folder_of(tmp_path, address)).remove())
    assert client.get(f"{address}/scored.csv").data == whole


@pytest.mark.parametrize(("end", "opens"), [("", "summary_of"), ("/scored.csv", "send_file")])
def test_a_file_that_is_deleted_while_it_is_opened_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, opens: str
) -> None:
    client = logged_in(a_file_console(tmp_path))
    address, open_it = scored(client, a_csv()), getattr(views, opens)

    def late(*given: Any, **named: Any) -> Any:
        removed(client, address)
        return open_it(*given, **named)

    monkeypatch.setattr(views, opens, late)
    assert client.get(address + end).status_code == 404


def removed(client: FlaskClient, address: str) -> None:
    """Remove a file without a request."""
    with parts_of(client.application).database.reading() as rows:
        file = rows.scalars(select(ScoredFile).where(ScoredFile.token == address.split("/")[-1])).one()
    scoring_of(client.application).remove(file, "another")


def meanwhile(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], object]) -> list[threading.Thread]:
    """Let another thread begin to `act` when `records.name` is called for the first time; return that thread."""
    called, begun = getattr(records, name), list[threading.Thread]()

    def late(*given: Any, **named: Any) -> Any:
        if not begun:
            begun.append(threading.Thread(target=act))
            begun[0].start()
            begun[0].join(0.5)  # it waits until this one is done
        return called(*given, **named)

    monkeypatch.setattr(records, name, late)
    return begun


def test_a_file_can_be_deleted_while_it_is_let_to_wait_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = logged_in(a_file_console(tmp_path))
    address = scored(client, a_csv(*["a,1,3"] * 5_000) + b"J\xf6rg,1,3\n")
    others = meanwhile(monkeypatch, "_check_unfinished", lambda: removed(client, address))
    assert posted(client, f"{address}/again", page=address).status_code == 303
    others[0].join()
    scoring_of(client.application).join()
    assert (client.get(address).status_code, folders(tmp_path)) == (404, [])


def test_of_two_who_delete_a_file_at_once_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = logged_in(a_file_console(tmp_path))
    address = scored(client, a_csv())
    others = meanwhile(monkeypatch, "_note", lambda: removed(client, address))
    assert posted(client, f"{address}/delete", page=address).status_code == 303
    others[0].join()
    assert audit_of(client.application).count("file deleted") == 1


def test_nothing_that_comes_at_once_with_a_deletion_is_our_fault(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    token, session = form_token(client, "/files"), client.get_cookie(COOKIE)
    assert session is not None

    def asked(address: str, number: int) -> int:
        other = client.application.test_client()
        other.set_cookie(COOKIE, session.value)
        if number % 4 < 2:
            return other.get(address + ("", "/scored.csv")[number % 4]).status_code
        end = ("delete", "again")[number % 2]
        return other.post(f"{address}/{end}", data={"csrf_token": token}).status_code

    with ThreadPoolExecutor(8) as threads:
        for _ in range(3):
            address = scored(client, a_csv())
            assert set(threads.map(lambda number, at=address: asked(at, number), range(16))) <= {200, 303, 404}
    assert folders(tmp_path) == []
