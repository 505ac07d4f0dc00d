"""What a console finds of files when it starts, after one that ended without a word."""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from sqlalchemy import update

from console_factories import PASSWORD, logged_in, parts_of, posted
from console_file_factories import a_csv, a_file_console, download, scored, scoring_of
from fraud_detect.console.storage.tables import ScoredFile


def restarted(root: Path, app: Flask, *, state: str) -> Flask:
    """Return a console after one that ended when its files were in `state`."""
    with parts_of(app).database.writing() as rows:
        rows.execute(update(ScoredFile).values(state=state, rows=0, rows_done=0, alerts=0))
    after = a_file_console(root)
    scoring_of(after).join()
    return after


def test_a_file_that_was_being_scored_is_begun_anew(tmp_path: Path) -> None:
    app = a_file_console(tmp_path)
    address = scored(logged_in(app, name="ada"), a_csv("a,1,3", "b,2,3"))
    folder = tmp_path / "console" / address.strip("/")
    (folder / "scored.csv").rename(folder / "scored.csv.part")
    client = restarted(tmp_path, app, state="scoring").test_client()
    posted(client, "/log-in", name="ada", password=PASSWORD)
    assert len(download(client, address)) == 2


def test_a_file_whose_upload_is_gone_fails(tmp_path: Path) -> None:
    app = a_file_console(tmp_path)
    address = scored(logged_in(app, name="ada"), a_csv())
    (tmp_path / "console" / address.strip("/") / "upload.csv").unlink()
    client = restarted(tmp_path, app, state="waiting").test_client()
    posted(client, "/log-in", name="ada", password=PASSWORD)
    assert "no longer in the console" in client.get(address).text


def test_a_file_that_a_lost_database_left_unfinished_is_begun_when_somebody_looks(tmp_path: Path) -> None:
    app = a_file_console(tmp_path)
    client = logged_in(app)
    address = scored(client, a_csv())
    with parts_of(app).database.writing() as rows:
        rows.execute(update(ScoredFile).values(state="scoring"))
    client.get(address)
    scoring_of(app).join()
    assert len(download(client, address)) == 1


def test_what_uploads_left_that_never_ended_is_removed(tmp_path: Path) -> None:
    app = a_file_console(tmp_path)
    address = scored(logged_in(app), a_csv())
    files = tmp_path / "console/files"
    (files / "incoming/half.part").write_bytes(b"id,amo")
    (files / "nobody-s").mkdir()
    a_file_console(tmp_path)
    assert sorted(path.name for path in files.iterdir()) == sorted(["incoming", address.split("/")[-1]])
    assert not list((files / "incoming").iterdir())


def test_folders_and_files_are_their_owner_s_alone(tmp_path: Path) -> None:
    client = logged_in(a_file_console(tmp_path))
    scored(client, a_csv())
    files = tmp_path / "console/files"
    modes = {oct(path.stat().st_mode & 0o777) for path in (files, *files.rglob("*")) if path.is_dir()}
    assert modes == {"0o700"}
    assert {oct(path.stat().st_mode & 0o777) for path in files.rglob("*") if path.is_file()} == {"0o600"}
