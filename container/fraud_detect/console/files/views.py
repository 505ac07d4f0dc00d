"""Upload, progress, table, download.

Knows Flask. Never knows how files are read or scored.
"""

from __future__ import annotations

import time
from pathlib import PureWindowsPath
from typing import Any, cast

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.exceptions import Gone, NotFound, RequestEntityTooLarge

from fraud_detect.console.access import the_caller
from fraud_detect.console.context import EXTENSION, Console, console
from fraud_detect.console.files import records
from fraud_detect.console.files.background import Scoring
from fraud_detect.console.files.folder import Folder, Folders, new_token
from fraud_detect.console.files.reading import Columns, FileError, Reading
from fraud_detect.console.files.records import FileState, TooManyFiles, Viewer
from fraud_detect.console.files.room import Room
from fraud_detect.console.files.scoring import MOST_EXPLAINED, Model, Summary, summary_of
from fraud_detect.console.files.upload import InsufficientStorage, OnDisk, UploadRequest, drain
from fraud_detect.console.files.viewing import page
from fraud_detect.console.storage.tables import Role, ScoredFile
from fraud_detect.errors import UserError

blueprint = Blueprint("files", __name__, url_prefix="/files")
SCORING = "fraud_detect_console_files"
ROOM = f"{SCORING}_room"
FOLDER = "files"
LONGEST_NAME = 200
BYTES_PER_MB = 1 << 20
DRAINED_TIMES = 5
"""How many times the limit is read of a body that is above it."""
EVERY_SECONDS = 5
"""How often a browser without JavaScript looks again."""
GONE = (
    f"The scored file is no longer in the console's folder; expected it for {records.KEPT.days} days. "
    "Delete it on its page, and upload the file again."
)


class UploadForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A file."""

    file = FileField("CSV file")


@blueprint.record_once
def _begin(state: BlueprintSetupState) -> None:
    here: Console = state.app.extensions[EXTENSION]
    folders = Folders(here.settings.folder / FOLDER)
    scoring = Scoring(folders, here.database, Model(here.manifest, here.endpoint), here.clock, here.courtesy)
    scoring.begin()
    state.app.extensions[SCORING] = scoring
    state.app.extensions[ROOM] = Room(folders, scoring.unfinished)
    cast(Flask, state.app).request_class = UploadRequest


@blueprint.url_value_preprocessor
def _let_in(endpoint: str | None, _: dict[str, Any] | None) -> None:
    """Let a large body in where one is expected: before anything reads the form to look for its token."""
    if endpoint == "files.upload":
        cast(UploadRequest, request).let_in(_folders().incoming, console().settings.upload_limit_bytes, _room())


@blueprint.teardown_request
def _let_go(_: BaseException | None) -> None:
    cast(UploadRequest, request).let_go(_room())


@blueprint.errorhandler(RequestEntityTooLarge)
def too_large(_: RequestEntityTooLarge) -> ResponseReturnValue:
    """Say how large a file may be, when the browser has sent it: most show no answer before that."""
    limit = console().settings.upload_limit_bytes
    drain(request.environ["wsgi.input"], DRAINED_TIMES * limit)
    error = FileError(
        f"The file is larger than {limit / BYTES_PER_MB:,.0f} MB",
        expected="at most that",
        remedy="Send it in parts, each with the header.",
    )
    return _refused(UploadForm(formdata=None), error, 413)


@blueprint.errorhandler(TooManyFiles)
def too_many(error: TooManyFiles) -> ResponseReturnValue:
    """Say how many files may wait."""
    return _refused(UploadForm(formdata=None), error, 429)


@blueprint.get("")
def index() -> ResponseReturnValue:
    """Show the form, and the files so far."""
    return _listed(UploadForm(), 200)


@blueprint.post("")
def upload() -> ResponseReturnValue:
    """Keep a file and let it be scored, or say why not."""
    form = UploadForm()
    try:
        token = _kept(form)
    except FileError as error:
        return _refused(form, error, 400)
    address = url_for("files.show", token=token)
    return jsonify(address=address) if _wants_json() else redirect(address, 303)


@blueprint.get("/<token>")
def show(token: str) -> ResponseReturnValue:
    """Show how far a file is, or its rows by score."""
    file = _file(token)
    told = {"file": file, "left": None, "done": 0.0}
    if file.state == FileState.DONE:
        return _table(file)
    if file.state in records.UNFINISHED:
        _scoring().add(token)  # a database that was away may have kept it from being begun, or ended
    return render_template("files/progress.html", **{**told, **_progress(file)}, every=EVERY_SECONDS)


@blueprint.get("/<token>/progress")
def progress(token: str) -> ResponseReturnValue:
    """Tell the page's script how far a file is."""
    file = _file(token)
    return jsonify(state=file.state, **_progress(file))


@blueprint.get("/<token>/scored.csv")
def download(token: str) -> Response:
    """Give the scored file."""
    file, here = _file(token), console()
    if file.state != FileState.DONE:
        raise NotFound
    answer = _opened(file)
    try:
        with here.database.writing() as rows:
            records.downloaded(rows, file, the_caller().name, here.clock())
    except BaseException:
        answer.close()
        raise
    return answer


@blueprint.post("/<token>/again")
def again(token: str) -> ResponseReturnValue:
    """Score a file that failed once more."""
    file, here = _file(token), console()
    if file.state == FileState.FAILED and not _room().is_enough_for(_folder(file).size):
        raise InsufficientStorage
    with here.database.writing() as rows:
        waits = records.again(rows, file, the_caller().name, here.clock())
    if waits:
        _scoring().add(file.token)
    return redirect(url_for("files.show", token=token), 303)


@blueprint.post("/<token>/delete")
def delete(token: str) -> ResponseReturnValue:
    """Remove a file and its scores."""
    file = _file(token)
    _scoring().remove(file, the_caller().name)
    flash(f"{file.name} is deleted.")
    return redirect(url_for("files.index"), 303)


def _kept(form: UploadForm) -> str:
    """Return the token of the uploaded file, which is on the disk and fits the model by its header."""
    here, viewer, scoring = console(), _viewer(), _scoring()
    given = form.file.data
    if given is None:
        raise FileError("No file was sent", expected="a CSV file", remedy="Choose one, or drop one on the page.")
    scoring.expire()
    upload: OnDisk = given.stream
    size = upload.sync()
    with Reading(upload.path) as reading:
        Columns.of(reading.form(here.manifest.table_schema), here.manifest.table_schema)
    token = new_token()
    try:
        with here.database.writing() as rows:
            records.added(rows, token=token, name=_name(given.filename), size=size, viewer=viewer, now=here.clock())
            _folders().keep(upload.path, token)  # last: what fails before leaves it where uploads go by themselves
    except Exception:
        if not scoring.is_written(token, viewer.user_id):
            raise
    scoring.add(token)
    return token


def _refused(form: UploadForm, error: UserError, status: int) -> ResponseReturnValue:
    if _wants_json():
        return jsonify(error="refused", message=str(error)), status
    form.file.errors = [str(error)]
    return _listed(form, status)


def _name(given: str | None) -> str:
    """Return what the user called a file, for people to read; it is never a path here."""
    name = "".join(sign for sign in PureWindowsPath(given or "").name if sign.isprintable()).strip()
    return name[:LONGEST_NAME] or "rows.csv"


def _listed(form: UploadForm, status: int) -> ResponseReturnValue:
    here = console()
    with here.database.reading() as rows:
        files = records.of(rows, _viewer())
    return render_template(
        "files/index.html",
        form=form,
        files=files,
        schema=here.manifest.table_schema,
        limit_mb=here.settings.upload_limit_bytes // BYTES_PER_MB,
        kept_days=records.KEPT.days,
        most_explained=MOST_EXPLAINED,
        running={file.token for file, _ in files if file.state in records.UNFINISHED},
    ), status


def _table(file: ScoredFile) -> ResponseReturnValue:
    folder, alerts_only = _folder(file), request.args.get("alerts") == "1"
    try:
        summary: Summary = summary_of(folder)
        shown = page(folder, summary, request.args.get("page", 1, type=int), alerts_only=alerts_only)
    except FileNotFoundError:
        gone = _gone(file)
        return render_template("files/gone.html", file=file, text=gone.description), gone.code
    return render_template(
        "files/table.html",
        file=file,
        summary=summary,
        page=shown,
        alerts_only=alerts_only,
        most_explained=MOST_EXPLAINED,
    )


def _opened(file: ScoredFile) -> Response:
    """Return the answer with the scored file, which is open then: nobody can take it away any more."""
    stem = file.name.removesuffix(".csv").removesuffix(".CSV")
    try:
        return send_file(
            _folder(file).scored, "text/csv; charset=utf-8", as_attachment=True, download_name=f"{stem}-scored.csv"
        )
    except FileNotFoundError as error:
        raise _gone(file) from error


def _gone(file: ScoredFile) -> Gone:
    """Return what is said of a file that was done and is not on the disk; raises NotFound if it was deleted."""
    _file(file.token)
    return Gone(GONE)


def _progress(file: ScoredFile) -> dict[str, Any]:
    found = _scoring().progress(file.token)
    if found is None:
        return {
            "step": file.state,
            "done": 1.0 if file.state == FileState.DONE else 0.0,
            "left": None,
            "rows": file.rows,
        }
    left = found.seconds_left(time.monotonic())
    return {"step": found.step, "done": round(found.done, 4), "left": left and round(left), "rows": found.rows}


def _file(token: str) -> ScoredFile:
    """Return the file that the caller may see; there is no other."""
    with console().database.reading() as rows:
        file = records.found(rows, token, _viewer())
    if file is None:
        raise NotFound("There is no such file, or it is another user's.")
    return file


def _viewer() -> Viewer:
    caller = the_caller()
    return Viewer(caller.name, caller.user_id or 0, sees_all=caller.role == Role.ADMIN)


def _wants_json() -> bool:
    return request.accept_mimetypes.best == "application/json"


def _scoring() -> Scoring:
    found: Scoring = current_app.extensions[SCORING]
    return found


def _room() -> Room:
    found: Room = current_app.extensions[ROOM]
    return found


def _folders() -> Folders:
    return Folders(console().settings.folder / FOLDER)


def _folder(file: ScoredFile) -> Folder:
    return _folders().of(file.token)
