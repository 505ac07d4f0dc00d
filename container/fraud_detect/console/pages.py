"""The first page, and whether the console is up.

Knows which pages there are. Never knows what they do.
"""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from fraud_detect.console.access import may

blueprint = Blueprint("pages", __name__)
NAVIGATION: tuple[tuple[str, str], ...] = (
    ("desk.desk", "Desk"),
    ("score.form", "Score a case"),
    ("files.index", "Files"),
    ("report.show", "Report"),
    ("calls.listed", "Calls"),
    ("my_calls.listed", "My calls"),
    ("my_calls.enrolment_page", "Authenticator"),
    ("people.listed", "Accounts"),
    ("audit.show", "Audit log"),
)
"""The views in the order of the menu, and their words; who comes in is led to the first one that the role may see."""


@blueprint.get("/")
def home() -> ResponseReturnValue:
    """Lead to the first page of the caller's work."""
    return redirect(url_for(next(view for view, _ in NAVIGATION if may(view))))


@blueprint.get("/ping")
def ping() -> ResponseReturnValue:
    """Say that the console is up."""
    return "", 200, {"Content-Type": "text/plain"}
